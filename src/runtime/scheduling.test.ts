import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Offers, Placement, resolveScheduler, STRATEGIES, Taking } from "./scheduling.ts";

const NOBODY: Offers = { read: () => 0, write: () => {}, wake: () => {} };
const taking = (
  options: Parameters<typeof resolveScheduler>[0],
  waiting: readonly number[],
  own = 0,
  offers = NOBODY,
): Taking => {
  const queues = waiting.map((count) => ({ waiting: count }));
  return new Taking(resolveScheduler(options, waiting.length), own, queues, offers, 8);
};

describe("resolveScheduler()", () => {
  test("gives each strategy its queues", () => {
    const queues = STRATEGIES.map((strategy) => resolveScheduler({ strategy }, 3).queues);
    expect(queues).toEqual([1, 3, 3, 3, 3, 3, 4]);
    expect(resolveScheduler(undefined, 3)).toMatchObject({ strategy: "shared", queues: 1 });
  });

  test.each([
    ["strategy", "lifo", "random"],
    ["levels", 0, 17],
    ["stealThreshold", 0, 1.5],
    ["shareThreshold", 0, -1],
    ["maxStealBatch", 0, 65],
    ["stealNeighborhood", 0, 65],
  ])("refuses a %s of %s or %s", (name, ...values) => {
    for (const value of values)
      expect(() => resolveScheduler({ strategy: "hybrid", [name]: value }, 2)).toThrow(
        `scheduler.${name}`,
      );
  });

  test("takes the least and the most", () => {
    for (const levels of [1, 16])
      expect(resolveScheduler({ strategy: "priority", levels }, 2).queues).toBe(levels);
    expect(resolveScheduler({ strategy: "hybrid", maxStealBatch: 64 }, 2).maxStealBatch).toBe(64);
  });
});

describe("Placement.pick()", () => {
  test("fills the queues in turn", () => {
    const placement = new Placement(resolveScheduler({ strategy: "round-robin" }, 3));
    const picks = Array.from({ length: 6 }, () => placement.pick(undefined, undefined));
    expect(picks).toEqual([1, 2, 0, 1, 2, 0]);
    expect(placement.mayMove).toBe(true);
  });

  test("sends one key to one thread, and keys to all threads", () => {
    const placement = new Placement(resolveScheduler({ strategy: "static" }, 3));
    const picks = Array.from({ length: 300 }, (_, key) => placement.pick(key, undefined));
    for (const thread of [0, 1, 2])
      expect(picks.filter((pick) => pick === thread).length).toBeGreaterThan(60);
    fc.assert(
      fc.property(fc.integer(), (key) => {
        const pick = placement.pick(key, undefined);
        return pick >= 0 && pick < 3 && placement.pick(key, undefined) === pick;
      }),
    );
    expect(placement.mayMove).toBe(false);
  });

  test("takes a level, or the middle one", () => {
    const placement = new Placement(resolveScheduler({ strategy: "priority", levels: 4 }, 2));
    expect([0, 3, undefined].map((level) => placement.pick(undefined, level))).toEqual([0, 3, 2]);
    for (const level of [-1, 4, 0.5])
      expect(() => placement.pick(undefined, level)).toThrow("0 to 3");
  });

  test("refuses what means nothing to its strategy", () => {
    const shared = new Placement(resolveScheduler(undefined, 2));
    expect(() => shared.pick(1, undefined)).toThrow("key");
    expect(() => shared.pick(undefined, 1)).toThrow("level");
    expect(shared.pick(undefined, undefined)).toBe(0);
  });
});

describe("Taking.next()", () => {
  test("leaves others' queues alone, however full, where nobody may take from them", () => {
    for (const strategy of ["static", "round-robin"] as const) {
      expect(taking({ strategy }, [0, 99, 99]).next()).toBe(-1);
      expect(taking({ strategy }, [1, 99, 99]).next()).toBe(0);
    }
  });

  test("steals half of what waits at the neighbour that has most, from the threshold on", () => {
    const thief = taking({ strategy: "work-stealing", stealThreshold: 4 }, [0, 4, 9]);
    expect([thief.next(), thief.most]).toEqual([2, 5]);
    expect(taking({ strategy: "work-stealing", stealThreshold: 4 }, [0, 3, 3]).next()).toBe(-1);
    expect(taking({ strategy: "work-stealing", stealThreshold: 4 }, [0, 3, 4]).next()).toBe(2);
    const batch = taking({ strategy: "work-stealing", maxStealBatch: 2 }, [0, 99]);
    expect([batch.next(), batch.most]).toEqual([1, 2]);
  });

  test("serves its own queue first", () => {
    const own = taking({ strategy: "hybrid" }, [1, 99, 99]);
    expect([own.next(), own.most]).toEqual([0, 8]);
  });

  test("looks no further than its neighbourhood, which goes round", () => {
    const options = { strategy: "work-stealing", stealNeighborhood: 1 } as const;
    expect(taking(options, [0, 0, 99]).next()).toBe(-1);
    expect(taking(options, [99, 0, 0], 2).next()).toBe(0);
  });

  test("takes what a neighbour offers, and no more, and nothing that is not offered", () => {
    const offers = { ...NOBODY, read: (thread: number) => (thread === 2 ? 3 : 0) };
    const idle = taking({ strategy: "work-sharing" }, [0, 99, 99], 0, offers);
    expect([idle.next(), idle.most]).toEqual([2, 3]);
    expect(taking({ strategy: "work-sharing" }, [0, 99, 99]).next()).toBe(-1);
    expect(taking({ strategy: "work-sharing" }, [0, 99, 0], 0, offers).next()).toBe(-1); // It has gone.
  });

  test("offers what it has above its threshold, and wakes the idlest neighbour once", () => {
    const said: (string | number)[] = [];
    const offers = {
      ...{ read: () => 0, write: (count: number) => void said.push(count) },
      wake: (thread: number) => void said.push(`wake ${thread}`),
    };
    const queues = [{ waiting: 10 }, { waiting: 5 }, { waiting: 1 }];
    const scheduler = resolveScheduler({ strategy: "work-sharing", shareThreshold: 8 }, 3);
    const loaded = new Taking(scheduler, 0, queues, offers, 8);
    for (const waiting of [8, 10, 12, 12, 3, 9]) {
      queues[0]!.waiting = waiting;
      expect(loaded.next()).toBe(0);
    }
    expect(said).toEqual([2, "wake 2", 4, 0, 1, "wake 2"]);
  });

  test("takes urgent levels first, and lets the next one starve for 16 turns at most", () => {
    const urgent = taking({ strategy: "priority", levels: 3 }, [5, 0, 5]);
    const picks = Array.from({ length: 34 }, () => urgent.next());
    expect(picks.filter((pick) => pick === 2)).toHaveLength(2);
    expect(picks.indexOf(2)).toBe(16);
    expect(taking({ strategy: "priority", levels: 3 }, [0, 0, 5]).next()).toBe(2);
    expect(taking({ strategy: "priority", levels: 3 }, [0, 0, 0]).next()).toBe(-1);
  });

  test("picks only queues that have something, and at most what may go", () => {
    const any = fc.record({
      strategy: fc.constantFrom("work-stealing", "work-sharing", "hybrid", "priority" as const),
      waiting: fc.array(fc.nat(100), { minLength: 2, maxLength: 8 }),
      offered: fc.nat(50),
    });
    fc.assert(
      fc.property(any, ({ strategy, waiting, offered }) => {
        const offers = { ...NOBODY, read: () => offered };
        const levels = waiting.length;
        const subject = taking({ strategy, levels } as never, waiting, 1, offers);
        const pick = subject.next();
        if (pick < 0) return waiting[1] === 0 || strategy === "priority";
        return waiting[pick]! > 0 && subject.most >= 1 && subject.most <= 16;
      }),
    );
  });
});
