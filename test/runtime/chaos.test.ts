// Chaos in short: threads die at random under load, and every call settles.

import { expect, test } from "vitest";
import { chaos } from "./chaos.ts";
import { killSenders } from "./chaos-senders.ts";

test.each([1, 3])("Every call settles while kernels are killed on %i threads", async (threads) => {
  const report = await chaos({ ms: 4000, threads, seed: 20_261_121 });
  expect(report.wrong).toEqual([]);
  expect(report.twice).toBe(0);
  expect(report.answered).toBeGreaterThan(0);
  expect(report.kills).toBeGreaterThan(0);
  const settled = [...report.failures.values()].reduce(
    (sum, count) => sum + count,
    report.answered,
  );
  expect(settled).toBe(report.calls);
});

test("Killing those who send to a kernel, at random, disturbs nobody else who does", async () => {
  const report = await killSenders({ rounds: 8, seed: 20_261_121 });
  expect(report.wrong).toEqual([]);
  expect(report.kills).toBe(16);
  expect(report.calls).toBeGreaterThan(0);
});
