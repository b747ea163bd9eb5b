import { expect, test } from "vitest";

import { duration, printGoal, printRow, rate, shortNumber } from "./print.ts";
import { atLeast, atMost } from "./row.ts";

test("duration() changes its unit where three digits would no longer do", () => {
  expect(duration(3.456)).toBe("3.46 ns");
  expect(duration(999.4)).toBe("999 ns");
  expect(duration(999.6)).toBe("1.00 µs");
  expect(duration(999_499)).toBe("999 µs");
  expect(duration(12_345_678)).toBe("12.3 ms");
  expect(duration(2e9)).toBe("2.00 s");
});

test("rate() counts bytes of a call per second", () => {
  expect(rate(1000, 1000)).toBe("1.00 GB/s");
  expect(rate(20, 1000)).toBe("20.0 MB/s");
});

test("shortNumber() keeps three significant digits", () => {
  expect([0, 0.0004, 0.1234, 1.2345, 123.4, 12345].map((value) => shortNumber(value))).toEqual([
    "0.000",
    "0.000",
    "0.123",
    "1.23",
    "123",
    "12345",
  ]);
});

test("printGoal() says reached on the limit itself, missed beyond it, unknown without a value", () => {
  expect(printGoal(atMost("<= 50 ns", 50, 50))).toBe("<= 50 ns: reached (50.00)");
  expect(printGoal(atMost("<= 50 ns", 50, 50.01))).toBe("<= 50 ns: missed (50.01)");
  expect(printGoal(atLeast(">= 20 MB/s", 20, 19.9))).toBe(">= 20 MB/s: missed (19.90)");
  expect(printGoal(atMost("<= 1.5x native", 1.5, undefined))).toBe("<= 1.5x native: not measured");
});

test("printRow() says why a baseline is missing and that a claim is one", () => {
  const text = printRow({
    id: "row",
    what: "a question",
    entries: [
      { kind: "not-measured", name: "peer", why: "run npm run bench:peers" },
      { kind: "claimed", name: "paper", medianNs: 2000 },
    ],
    goals: [],
  });
  expect(text).toMatch(/peer +not measured: run npm run bench:peers/);
  expect(text).toMatch(/paper +2.00 µs +claimed, not measured here/);
});
