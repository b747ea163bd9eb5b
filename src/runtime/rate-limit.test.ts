import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { failureOf } from "../pack/failure-of.fixture.ts";
import { Credits, type CreditsOptions, RateLimit } from "./rate-limit.ts";

function start(perSecond: number, burst: number) {
  const clock = { now: 1000 };
  const limit = new RateLimit({ perSecond, burst, now: () => clock.now });
  return { clock, limit };
}

function refused(make: () => unknown): unknown[] {
  const { code, at } = failureOf(make);
  return [code, at];
}

describe("RateLimit", () => {
  test("tryTake() takes the burst at once, and then no more", () => {
    const { limit } = start(10, 3);
    const takes = [limit.tryTake(), limit.tryTake(), limit.tryTake(), limit.tryTake()];
    expect(takes).toEqual([true, true, true, false]);
    expect(limit.metrics).toEqual({ taken: 3, refused: 1 });
  });

  test("tryTake() takes all of a count, or nothing", () => {
    const { limit } = start(10, 3);
    expect([limit.tryTake(2), limit.tryTake(2), limit.tryTake(1)]).toEqual([true, false, true]);
    expect(limit.metrics).toEqual({ taken: 3, refused: 1 });
    expect([limit.tryTake(0), limit.tryTake(3.5)]).toEqual([true, false]);
  });

  test("tryTake() finds a token when its time has come, and not before", () => {
    const { clock, limit } = start(10, 1);
    limit.tryTake();
    clock.now += 99;
    expect(limit.tryTake()).toBe(false);
    clock.now += 1;
    expect([limit.tryTake(), limit.tryTake()]).toEqual([true, false]);
  });

  test("tryTake() finds no more than the burst, however long nobody came", () => {
    const { clock, limit } = start(10, 3);
    clock.now += 3_600_000;
    expect([limit.tryTake(4), limit.tryTake(3), limit.tryTake()]).toEqual([false, true, false]);
  });

  test("tryTake() gets nothing from a clock set back, and counts on from there", () => {
    const { clock, limit } = start(10, 1);
    limit.tryTake();
    clock.now -= 500_000;
    expect(limit.tryTake()).toBe(false);
    clock.now += 99;
    expect(limit.tryTake()).toBe(false);
    clock.now += 1;
    expect(limit.tryTake()).toBe(true);
  });

  test("tryTake() refuses what a clock that broke cannot grant", () => {
    const { clock, limit } = start(10, 1);
    limit.tryTake();
    clock.now = NaN;
    expect([limit.tryTake(), limit.tryTake()]).toEqual([false, false]);
  });

  test("waitMs() is 0 for what is there, whole milliseconds else, and Infinity above the burst", () => {
    const { clock, limit } = start(3, 2);
    expect([limit.waitMs(), limit.waitMs(2), limit.waitMs(2.5)]).toEqual([0, 0, Infinity]);
    limit.tryTake(2);
    expect([limit.waitMs(0), limit.waitMs(1), limit.waitMs(2)]).toEqual([0, 334, 667]);
    clock.now += 300;
    expect(limit.waitMs(1)).toBe(34);
    expect(limit.metrics).toEqual({ taken: 2, refused: 0 });
  });

  test("waitMs() ends also where a token takes longer than time can count", () => {
    const { limit } = start(1e-300, 1);
    limit.tryTake();
    expect(limit.waitMs()).toBeGreaterThan(1e300);
  });

  test.for([
    [{ perSecond: 0, burst: 1 }, "perSecond"],
    [{ perSecond: Infinity, burst: 1 }, "perSecond"],
    [{ perSecond: NaN, burst: 1 }, "perSecond"],
    [{ perSecond: 1, burst: 0.5 }, "burst"],
    [{ perSecond: 1, burst: Infinity }, "burst"],
    [{ perSecond: 1, burst: NaN }, "burst"],
  ] as const)("refuses %j", ([{ perSecond, burst }, at]) => {
    expect(refused(() => start(perSecond, burst))).toEqual(["OPTION_UNSUPPORTED", at]);
  });

  test.for([-1, NaN])("tryTake() and waitMs() refuse a count of %d", (count) => {
    const { limit } = start(1, 1);
    for (const call of [() => limit.tryTake(count), () => limit.waitMs(count)])
      expect(refused(call)).toEqual(["OPTION_UNSUPPORTED", "count"]);
  });

  const rate = fc.record({
    perSecond: fc.double({ min: 0.1, max: 1e5, noNaN: true }),
    burst: fc.integer({ min: 1, max: 1000 }),
  });
  const step = fc.record({
    pass: fc.oneof(fc.nat(50), fc.double({ min: 0, max: 5, noNaN: true })),
    count: fc.integer({ min: 1, max: 10 }),
  });

  test("admits at most burst + perSecond * t in any interval, and no less from a full bucket", () => {
    const law = fc.property(
      rate,
      fc.array(step, { maxLength: 100 }),
      ({ perSecond, burst }, steps) => {
        const { clock, limit } = start(perSecond, burst);
        const starts: { at: number; before: number }[] = []; // Of each interval.
        let taken = 0;
        for (const { pass, count } of steps) {
          clock.now += pass;
          starts.push({ at: clock.now, before: taken });
          // What the tightest interval leaves is what the bucket has.
          const left = () =>
            Math.min(
              burst - (taken - starts.at(-1)!.before),
              ...starts.map(
                ({ at, before }) => burst + ((clock.now - at) * perSecond) / 1000 - taken + before,
              ),
            );
          const room = left();
          const isTaken = limit.tryTake(count);
          if (isTaken) taken += count;
          expect(left()).toBeGreaterThan(-1e-6);
          if (!isTaken) expect(room).toBeLessThan(count + 1e-6);
        }
        expect(limit.metrics.taken).toBe(taken);
      },
    );
    fc.assert(law);
  });

  test("waitMs() is long enough, and shorter by more than rounding is not", () => {
    const count = fc.integer({ min: 1, max: 1000 });
    const law = fc.property(rate, count, count, ({ perSecond, burst }, first, count) => {
      const after = (ms: number) => {
        const { clock, limit } = start(perSecond, burst);
        limit.tryTake(Math.min(first, burst));
        const wait = limit.waitMs(count);
        clock.now += Math.min(wait, 1e12) + ms;
        return { wait, isTaken: limit.tryTake(count) };
      };
      const { wait, isTaken } = after(0);
      expect(isTaken).toBe(count <= burst);
      if (wait > 2) expect(after(-2).isTaken).toBe(false);
    });
    fc.assert(law);
  });
});

describe("Credits", () => {
  test("take() takes as many as there are, and refuses the next", () => {
    const credits = new Credits({ initial: 2 });
    expect([credits.take(), credits.take(), credits.take()]).toEqual([true, true, false]);
    expect([credits.grant(1), credits.take(), credits.take()]).toEqual([1, true, false]);
    expect(credits.metrics).toEqual({ taken: 3, refused: 2, granted: 1, lost: 0 });
  });

  test("begins with 64 credits, is low below 64, and grants 32 up to 192", () => {
    const credits = new Credits();
    expect([credits.available, credits.isLow]).toEqual([64, false]);
    credits.take();
    expect([credits.available, credits.isLow]).toEqual([63, true]);
    expect([credits.grant(), credits.available, credits.isLow]).toEqual([32, 95, false]);
    expect([credits.grant(97), credits.available]).toEqual([97, 192]);
    expect([credits.grant(1), credits.available]).toEqual([0, 192]);
  });

  test("grant() fills up to high, and counts the rest as lost", () => {
    const credits = new Credits({ initial: 6, refill: 3, high: 10, low: 2 });
    expect([credits.grant(), credits.grant(), credits.grant(0)]).toEqual([3, 1, 0]);
    expect(credits.metrics).toEqual({ taken: 0, refused: 0, granted: 4, lost: 2 });
  });

  const outside: readonly (readonly [CreditsOptions, string])[] = [
    [{ high: 0, low: 0, initial: 0, refill: 1 }, "high"],
    [{ initial: 193 }, "initial"],
    [{ initial: -1 }, "initial"],
    [{ refill: 0 }, "refill"],
    [{ refill: 193 }, "refill"],
    [{ low: -1 }, "low"],
    [{ low: 193 }, "low"],
    [{ low: 1.5 }, "low"],
  ];
  test.for(outside)("refuses %j", ([options, at]) => {
    expect(refused(() => new Credits(options))).toEqual(["OPTION_UNSUPPORTED", at]);
  });

  test.for([
    { initial: 0, refill: 1, low: 0 },
    { initial: 192, refill: 192, low: 192 },
    { high: 64 },
  ])("takes %j", (options) => void new Credits(options));

  test.for([-1, 0.5, NaN, Infinity])("grant() refuses a count of %d", (count) => {
    const grant = () => new Credits().grant(count);
    expect(refused(grant)).toEqual(["OPTION_UNSUPPORTED", "count"]);
  });

  test("has, at all times, initial + granted - taken credits, from 0 to high", () => {
    const step = fc.option(fc.nat(80)); // A grant, or a message.
    const law = fc.property(fc.integer({ min: 0, max: 100 }), fc.array(step), (initial, steps) => {
      const credits = new Credits({ initial, high: 100 });
      for (const grant of steps) {
        const isTaken = grant === null ? credits.take() : undefined;
        if (grant !== null) credits.grant(grant);
        const { taken, granted } = credits.metrics;
        expect(credits.available).toBe(initial + granted - taken);
        expect(credits.available >= 0 && credits.available <= 100).toBe(true);
        if (isTaken === false) expect(credits.available).toBe(0);
      }
    });
    fc.assert(law);
  });
});
