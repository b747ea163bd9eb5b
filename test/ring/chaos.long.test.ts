import { test } from "vitest";

import { chaosOfBatches, chaosOfRuns } from "./chaos.ts";

test("1000 executors are killed: no slot is lost, none runs twice, fences and counters are right", async () => {
  await chaosOfBatches({ kills: 1000, seed: 20_261_121 });
}, 600_000);

test("300 executors that are alone are killed: runs are counted exactly", async () => {
  await chaosOfRuns({ kills: 300, seed: 42 });
}, 600_000);
