import { expect, test, vi } from "vitest";
import { measure, quantile } from "./measure.ts";
import { progressOn } from "./progress.ts";
import { duration } from "./run-report.ts";

test("measure() tells the first run, the median and the 99th percentile of all", () => {
  let [now, epoch, runs] = [0, 2 ** 31 - 2, 0];
  const clock = { nowMs: () => now, ticks: () => epoch | 0 };
  const seen: number[] = [];
  const run = (): void => {
    runs++;
    now += runs === 1 ? 500 : runs;
    epoch += runs === 1 ? 5 : 1; // The epoch wraps during the first run.
  };
  const timing = measure(run, 100, clock, (done) => void seen.push(done));
  expect(timing).toEqual({ runs: 100, firstMs: 500, medianMs: 51, p99Ms: 100, ticks: 5 });
  expect(seen.at(-1)).toBe(100);
});

test("measure() ends with what a run throws", () => {
  const clock = { nowMs: () => 0, ticks: () => 0 };
  const fail = vi.fn<() => void>().mockThrow(new RangeError("stop"));
  expect(() => measure(fail, 3, clock, () => {})).toThrow("stop");
  expect(fail).toHaveBeenCalledOnce();
});

test.each([
  [[7], 0.5, 7],
  [[7], 0.99, 7],
  [[1, 2], 0.5, 1],
  [[1, 2, 3], 0.5, 2],
  [[1, 2, 3], 0, 1],
  [[1, 2, 3], 1, 3],
])("quantile(%j, %d) is %d", (values, share, expected) => {
  expect(quantile(Float64Array.from(values), share)).toBe(expected);
});

test("duration() keeps three digits in a unit that suits them", () => {
  const shown = [0.00005, 0.0012345, 0.5, 12.345, 1500].map(duration);
  expect(shown).toEqual(["50 ns", "1.23 µs", "500 µs", "12.3 ms", "1.50 s"]);
});

test("progressOn() rewrites one line on a terminal and erases it at the end", () => {
  let [now, text] = [0, ""];
  const stream = { isTTY: true, write: (more: string) => void (text += more) };
  {
    using progress = progressOn(stream, 9, () => now);
    progress.step(1);
    expect(text).toBe(""); // Quick work shows nothing.
    now = 200;
    progress.step(2);
    expect(text).toBe("\r\u001b[Krun 2 of 9");
  }
  expect(text).toBe("\r\u001b[Krun 2 of 9\r\u001b[K");
});

test("progressOn() is silent where there is no terminal, and after quick work", () => {
  let [now, text] = [0, ""];
  const write = (more: string): void => void (text += more);
  {
    using progress = progressOn({ write }, 9, () => (now += 1000));
    progress.step(1);
  }
  {
    using progress = progressOn({ isTTY: true, write }, 9, () => 0);
    progress.step(1);
  }
  expect(text).toBe("");
});
