import { expect, test } from "vitest";
import { Meter } from "./meter.ts";

test("Meter gives each lap to its name, the largest first, and counts them", () => {
  let now = 0;
  const meter = new Meter(() => now);
  const lap = (ms: number, name: string) => {
    now += ms;
    meter.lap("native", name);
  };
  now = 100;
  meter.begin();
  lap(1, "a");
  lap(5, "b");
  lap(2, "a");
  now += 1000; // Nobody's: before the next begin.
  meter.begin();
  lap(1, "a");
  expect(meter.shares()).toEqual([
    { name: "b", worker: "native", ms: 5, calls: 1 },
    { name: "a", worker: "native", ms: 4, calls: 3 },
  ]);
});

test("Meter without a clock measures nothing", () => {
  const meter = new Meter();
  meter.begin();
  meter.lap("host", "a");
  expect(meter.shares()).toEqual([]);
});
