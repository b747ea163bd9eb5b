// Soak in short: a process does a bit of everything in 64 MB, and holds no more at its end than before.

import { expect, test } from "vitest";
import { judge, soak } from "./soak.ts";

test("A process that does a bit of everything does not grow, and leaves nothing", async () => {
  const report = await soak(3000);
  expect(report.rounds).toBeGreaterThan(0);
  judge(report, [8, 64]); // Too few rounds for more: engines warm up.
});
