// The clock between threads: RingKernel's kept its two parts in two words, and gave stamps twice.

import { once } from "node:events";
import { Worker } from "node:worker_threads";

import { expect, test } from "vitest";

import type { HlcJob } from "./hlc-thread.fixture.ts";
import { createClockMemory } from "./hlc.ts";

const FIXTURE = new URL("./hlc-thread.fixture.ts", import.meta.url);

test.each<[wall: string, stillMs: number | undefined]>([
  ["walls that differ", undefined],
  ["a wall that stands still", 1_767_225_600_000],
])("HybridClock gives four threads 800,000 stamps of their own, on %s", async (_, stillMs) => {
  const memory = createClockMemory();
  const gate = new SharedArrayBuffer(4);
  new Int32Array(gate)[0] = 4;
  const threads = await Promise.all(
    Array.from({ length: 4 }, async (_, thread) => {
      const stamps = new SharedArrayBuffer(8 * 200_000);
      const job: HlcJob = { memory, stamps, gate, stillMs, skewMs: -3 * thread };
      const worker = new Worker(FIXTURE, { workerData: job });
      expect(await once(worker, "exit")).toEqual([0]);
      return new BigUint64Array(stamps);
    }),
  );
  for (const stamps of threads)
    expect(stamps.findIndex((at, i) => i > 0 && at <= stamps[i - 1]!)).toBe(-1);
  const all = BigUint64Array.from(threads.flatMap((stamps) => [...stamps])).toSorted();
  expect(all.length).toBe(800_000);
  expect(all.findIndex((at, i) => i > 0 && at === all[i - 1])).toBe(-1);
  expect(new BigUint64Array(memory.buffer)[0]).toBe(all.at(-1)); // Nothing was made and lost.
  if (stillMs !== undefined) expect(all.at(-1)! - all[0]!).toBe(799_999n); // Nor skipped.
});
