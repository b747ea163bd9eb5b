import { expect, test } from "vitest";

import { geometricMean, median, p99, pairedRatio, quantile } from "./statistics.ts";

test("median() is the middle value, or lies half-way between the middle two", () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([7])).toBe(7);
});

test("p99() interpolates between the values around the 99th percentile", () => {
  const hundredAndOne = Array.from({ length: 101 }, (_, i) => 100 - i);
  expect(p99(hundredAndOne)).toBe(99);
  expect(p99([0, 100])).toBe(99);
  expect(p99([5])).toBe(5);
});

test("quantile() takes 0 and 1 as the least and the greatest, and refuses what lies beyond", () => {
  expect(quantile([2, 9, 4], 0)).toBe(2);
  expect(quantile([2, 9, 4], 1)).toBe(9);
  expect(() => quantile([1], 1.01)).toThrow("share");
  expect(() => quantile([], 0.5)).toThrow("at least one");
});

test("quantile() leaves its argument as it was", () => {
  const values = [3, 1, 2];
  quantile(values, 0.5);
  expect(values).toEqual([3, 1, 2]);
});

test("geometricMean() calls twice as fast and half as fast even", () => {
  expect(geometricMean([2, 0.5])).toBeCloseTo(1, 12);
  expect(geometricMean([1.1, 1.1, 1.1])).toBeCloseTo(1.1, 12);
  expect(() => geometricMean([1, 0])).toThrow("positive");
  expect(() => geometricMean([])).toThrow("at least one");
});

test("pairedRatio() pairs by time, so a machine that slows down for both changes nothing", () => {
  expect(pairedRatio([10, 100, 1000], [5, 50, 500])).toBe(2);
  expect(() => pairedRatio([1], [1, 2])).toThrow("pairs");
});
