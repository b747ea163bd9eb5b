import * as fc from "fast-check";
import { expect, test } from "vitest";

import { failureOf } from "../pack/failure-of.fixture.ts";
import { Deduplication } from "./deduplication.ts";

function start(options: { max?: number; ttlMs?: number; seed?: number } = {}) {
  const clock = { now: 1000 };
  const subject = new Deduplication({ ...options, now: () => clock.now });
  /** Ids of one source, by their low word. */
  const ask = (...ids: number[]) => ids.map((id) => subject.isDuplicate(1, 0, id));
  return { clock, subject, ask };
}

test("Deduplication.isDuplicate() is false the first time, and true from then on", () => {
  const { subject, ask } = start();
  expect(ask(5, 5, 6, 5)).toEqual([false, true, false, true]);
  expect(subject.metrics).toEqual({ seen: 4, duplicates: 2, forgotten: 0, expired: 0 });
});

test("Deduplication.isDuplicate() tells ids apart by source and by both words", () => {
  const { subject } = start();
  const ids = [0, 1, 2 ** 31, 2 ** 32 - 1].flatMap((a) => [0, 1, 2 ** 32 - 1].map((b) => [a, b]));
  const all = [0, 1, 2 ** 32 - 1].flatMap((source) => ids.map(([a, b]) => [source, a!, b!]));
  for (const [source, high, low] of all)
    expect(subject.isDuplicate(source!, high!, low!)).toBe(false);
  for (const [source, high, low] of all)
    expect(subject.isDuplicate(source!, high!, low!)).toBe(true);
  expect(subject.size).toBe(36);
});

test("Deduplication.isDuplicate() takes words read as signed for what they are unsigned", () => {
  const { subject } = start();
  expect(subject.isDuplicate(-1, -2, -3)).toBe(false);
  expect(subject.isDuplicate(2 ** 32 - 1, 2 ** 32 - 2, 2 ** 32 - 3)).toBe(true);
});

test("Deduplication.isDuplicate() remembers max ids, and for one more forgets the oldest", () => {
  const { subject, ask } = start({ max: 3 });
  expect(ask(1, 2, 3)).toEqual([false, false, false]);
  expect(ask(1, 2, 3)).toEqual([true, true, true]);
  expect(subject.metrics.forgotten).toBe(0);
  expect(ask(4)).toEqual([false]);
  expect(ask(2, 3, 4)).toEqual([true, true, true]);
  expect([subject.size, subject.metrics.forgotten]).toEqual([3, 1]);
  expect(ask(1)).toEqual([false]); // The oldest it was: a repeat passes.
});

test("Deduplication.isDuplicate() forgets an id ttlMs after it passed, repeats or not", () => {
  const { clock, subject, ask } = start({ ttlMs: 10 });
  ask(1);
  clock.now += 9.5;
  expect(ask(1)).toEqual([true]);
  clock.now += 0.5;
  expect(ask(1)).toEqual([false]);
  expect(subject.metrics).toEqual({ seen: 3, duplicates: 1, forgotten: 0, expired: 1 });
});

test("Deduplication.isDuplicate() remembers for longer when the clock is set back", () => {
  const { clock, ask } = start({ ttlMs: 10 });
  ask(1);
  clock.now -= 500;
  expect(ask(1, 2)).toEqual([true, false]);
  clock.now += 509;
  expect(ask(1, 2)).toEqual([true, true]);
  clock.now += 1;
  expect(ask(1, 2)).toEqual([false, false]);
});

test("Deduplication.isDuplicate() works with one place", () => {
  const { ask } = start({ max: 1 });
  expect(ask(1, 1, 2, 2, 1)).toEqual([false, true, false, true, false]);
});

test.for([
  ["one after another", (i: number) => [0, i]],
  ["clock times", (i: number) => [i >>> 4, i << 28]],
  ["high words", (i: number) => [i, 0]],
] as const)("Deduplication keeps 100,000 ids apart: %s", ([, idOf]) => {
  const { subject } = start({ seed: 0x1234_5678 });
  for (const expected of [false, true])
    for (let i = 0; i < 100_000; i++)
      if (subject.isDuplicate(i & 7, idOf(i)[0]!, idOf(i)[1]!) !== expected) expect(i).toBe(-1);
  expect([subject.size, subject.metrics.duplicates]).toEqual([100_000, 100_000]);
});

test.for([
  [{ max: 0 }, false],
  [{ max: 1 }, true],
  [{ max: 1.5 }, false],
  [{ max: 2 ** 24 + 1 }, false],
  [{ ttlMs: 0 }, false],
  [{ ttlMs: 0.1 }, true],
  [{ ttlMs: NaN }, false],
] as const)("Deduplication takes %j: %s", ([options, isFine]) => {
  if (isFine) return void start(options);
  const failure = failureOf(() => start(options));
  expect([failure.code, failure.at]).toEqual(["OPTION_UNSUPPORTED", Object.keys(options)[0]]);
});

test("Deduplication lets no id through twice within ttlMs, while max others have not passed", () => {
  const word = fc.constantFrom(0, 1, 2, -1);
  const step = fc.record({ source: word, high: word, low: word, pass: fc.nat(5) });
  const max = fc.integer({ min: 1, max: 40 });
  const seed = fc.integer();
  const law = fc.property(max, seed, fc.array(step, { maxLength: 200 }), (max, seed, steps) => {
    const { clock, subject } = start({ max, seed, ttlMs: 30 });
    const passed: { id: string; at: number }[] = []; // All that ever passed.
    for (const { source, high, low, pass } of steps) {
      clock.now += pass;
      const id = [source, high, low].join();
      const inTime = passed.slice(-max).filter(({ at }) => clock.now - at < 30);
      const isKnown = inTime.some((other) => other.id === id);
      expect(subject.isDuplicate(source, high, low)).toBe(isKnown);
      if (!isKnown) passed.push({ id, at: clock.now });
      expect(subject.size).toBe(Math.min(max, inTime.length + (isKnown ? 0 : 1)));
    }
    const { seen, duplicates, forgotten, expired } = subject.metrics;
    expect(seen).toBe(steps.length);
    expect(seen - duplicates).toBe(subject.size + forgotten + expired);
  });
  fc.assert(law);
});
