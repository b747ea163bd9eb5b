import { test } from "vitest";

import { chaosOfBatches, chaosOfRuns } from "./chaos.ts";

test("40 executors are killed: no slot is lost, none runs twice, fences and counters are right", async () => {
  await chaosOfBatches({ kills: 40, seed: 7 });
}, 60_000);

test("20 executors that are alone are killed: runs are counted exactly", async () => {
  await chaosOfRuns({ kills: 20, seed: 11 });
}, 60_000);
