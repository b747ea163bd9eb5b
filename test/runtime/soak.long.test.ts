// Soak, for a minute: a process does a bit of everything in 64 MB, and holds no more at its end than before.

import { expect, test } from "vitest";
import { judge, soak } from "./soak.ts";

test("A process that does a bit of everything for a minute does not grow, and leaves nothing", async () => {
  const report = await soak(60_000);
  expect(report.rounds).toBeGreaterThan(50);
  judge(report, [2, 24]);
});
