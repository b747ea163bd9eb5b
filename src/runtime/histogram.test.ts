import * as fc from "fast-check";
import { expect, test } from "vitest";

import { Histogram } from "./histogram.ts";

const WORDS = Histogram.wordsNeeded;
const TOP = 2 ** 43 - 1;
const BOUND = 0.03;

function empty(): Histogram {
  return new Histogram(new SharedArrayBuffer(WORDS * 4));
}

function of(values: readonly number[]): Histogram {
  const histogram = empty();
  for (const value of values) histogram.record(value);
  return histogram;
}

function error(found: number, exact: number): number {
  return exact === 0 ? Math.abs(found) : Math.abs(found - exact) / exact;
}

/** As many values of each size as of any other. */
const value = fc
  .tuple(fc.integer({ min: 0, max: 43 }), fc.double({ min: 0, max: 1, noNaN: true }))
  .map(([bits, part]) => Math.min(TOP, Math.floor(2 ** bits * part)));
const values = fc.array(value, { minLength: 1, maxLength: 200 });

test("an empty histogram says 0 everywhere", () => {
  const zero = { minNs: 0, meanNs: 0, p50Ns: 0, p90Ns: 0, p99Ns: 0, p999Ns: 0, maxNs: 0 };
  expect(empty().snapshot()).toEqual({ count: 0, ...zero });
});

test("values below 64 are exact", () => {
  for (let ns = 0; ns < 64; ns++) {
    const { count, min, max, mean } = of([ns]);
    expect([count, min, max, mean]).toEqual([1, ns, ns, ns]);
  }
});

function isNear(ns: number): boolean {
  return error(of([ns]).max, ns) <= BOUND;
}

test("every value is read back to within 3 %", () => {
  fc.assert(fc.property(value, isNear), { numRuns: 2000 });
  for (let bits = 5; bits <= 43; bits++)
    for (const by of [-1, 0, 1]) expect(isNear(Math.min(TOP, 2 ** bits + by))).toBe(true);
});

test("a larger value is never read back as a smaller one", () => {
  fc.assert(
    fc.property(value, value, (a, b) => of([Math.min(a, b)]).max <= of([Math.max(a, b)]).max),
  );
});

test("percentile(), min, max and mean are within 3 % of the sorted values", () => {
  fc.assert(
    fc.property(values, fc.double({ min: 0, max: 100, noNaN: true }), (list, p) => {
      const sorted = list.toSorted((a, b) => a - b);
      const histogram = of(list);
      const rank = (percent: number): number =>
        sorted[Math.max(1, Math.ceil((percent * sorted.length) / 100)) - 1]!;
      for (const percent of [0, p, 50, 90, 99, 99.9, 100])
        expect(error(histogram.percentile(percent), rank(percent))).toBeLessThanOrEqual(BOUND);
      const mean = sorted.reduce((sum, ns) => sum + ns, 0) / sorted.length;
      expect(error(histogram.min, sorted[0]!)).toBeLessThanOrEqual(BOUND);
      expect(error(histogram.max, sorted.at(-1)!)).toBeLessThanOrEqual(BOUND);
      expect(error(histogram.mean, mean)).toBeLessThanOrEqual(BOUND);
    }),
  );
});

test("percentile() refuses what is outside 0 to 100", () => {
  for (const p of [-0.1, 100.1, Number.NaN]) expect(() => empty().percentile(p)).toThrow();
});

test("both ends: nothing below 0, and all from 2^43 just below it", () => {
  for (const ns of [-1, -Infinity, Number.NaN, 0, 0.9]) expect(of([ns]).max).toBe(0);
  const last = of([TOP]).max;
  expect(error(last, TOP)).toBeLessThanOrEqual(BOUND);
  for (const ns of [2 ** 43, 2 ** 60, Infinity]) expect(of([ns]).max).toBe(last);
});

test("mergeFrom() is as if all had been recorded in one", () => {
  fc.assert(
    fc.property(values, values, (a, b) => {
      const [both, other] = [of(a), of(b)];
      both.mergeFrom(other);
      expect(both.snapshot()).toEqual(of([...a, ...b]).snapshot());
      expect(other.snapshot()).toEqual(of(b).snapshot());
    }),
  );
});

test("counts pass 2^31 and reach 2^32 less 1", () => {
  const words = new Int32Array(WORDS);
  const histogram = new Histogram(words);
  words[7] = 2 ** 31 - 1;
  histogram.record(7);
  expect(histogram.count).toBe(2 ** 31);
  words[7] = -2;
  histogram.record(7);
  expect(histogram).toMatchObject({ count: 2 ** 32 - 1, min: 7, max: 7, mean: 7 });
  histogram.record(1000); // Another bucket: the sum is wider than a word.
  expect(histogram.count).toBe(2 ** 32);
});

test("it counts inside its own words, and two over one memory see the same", () => {
  const words = new Int32Array(new SharedArrayBuffer((WORDS + 2) * 4));
  const [writer, reader] = [new Histogram(words, 1), new Histogram(words, 1)];
  for (const ns of [0, 100, 2 ** 31, TOP]) writer.record(ns);
  expect(reader.snapshot()).toEqual(of([0, 100, 2 ** 31, TOP]).snapshot());
  expect([words[0], words.at(-1)]).toEqual([0, 0]);
  expect(() => new Histogram(words, 3)).toThrow();
  expect(() => new Histogram(words, -1)).toThrow();
});
