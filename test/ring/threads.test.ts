import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";

import { createRing } from "../../src/ring/mod.ts";
import type { Job } from "./thread.fixture.ts";

const FIXTURE = new URL("./thread.fixture.ts", import.meta.url);
const ITEMS = 20_000;

async function runs(publishers: number, executors: number, slots: number) {
  const total = publishers * ITEMS;
  const shared = {
    memory: createRing({ slots }, { firstPosition: -100 }),
    runs: new SharedArrayBuffer(4 * total),
    totals: new SharedArrayBuffer(8),
    ...{ items: ITEMS, total },
  };
  const names = Array.from({ length: publishers + executors }, (_, i) => i + 1);
  const workers = names.map((name) => {
    const publishes = name <= publishers;
    const alone = (publishes ? publishers : executors) === 1;
    const job: Job = { ...shared, name, publishes, alone };
    return new Worker(FIXTURE, { workerData: job });
  });
  await Promise.all(workers.map((worker) => once(worker, "exit")));
  return { runs: new Int32Array(shared.runs), totals: new Int32Array(shared.totals) };
}

test.each([
  [2, 2, 16],
  [2, 1, 16],
  [1, 2, 16],
  [1, 1, 64],
])(
  "Ring: %i publishing and %i executing threads over %i slots run every item once, in order",
  async (publishers, executors, slots) => {
    const { runs: counts, totals } = await runs(publishers, executors, slots);
    expect(counts.every((count) => count === 1)).toBe(true);
    expect([...totals]).toEqual([publishers * ITEMS, 0]);
  },
);
