// Allocation: how many bytes one call leaves for the collector, in the JavaScript heap and in buffers.

import type { Loop } from "./measure.ts";
import { median } from "./statistics.ts";

const RUNS = 7;
const CALLS_MAX = 512; // Few enough that the young generation rarely fills while they run.
const CALLS_MIN = 8; // With fewer calls, what the measurement itself allocates would show.

/** Bytes that one call allocates; undefined where calls are too slow to be made often enough. */
export async function allocatedBytes(
  loop: Loop,
  callsPerSample: number,
): Promise<number | undefined> {
  const calls = Math.min(callsPerSample, CALLS_MAX);
  if (calls < CALLS_MIN) return undefined;
  await grown(loop, calls);
  const empty = await runs(() => {}, calls);
  const full = await runs(loop, calls);
  return Math.max(0, Math.round((full - empty) / calls));
}

async function runs(loop: Loop, calls: number): Promise<number> {
  const bytes: number[] = [];
  for (let run = 0; run < RUNS; run++) bytes.push(await grown(loop, calls));
  return median(bytes);
}

/** Negative where a collection came between: the median leaves it out. */
async function grown(loop: Loop, calls: number): Promise<number> {
  const before = process.memoryUsage();
  const pending = loop(calls);
  if (pending !== undefined) await pending;
  const after = process.memoryUsage();
  return after.heapUsed - before.heapUsed + after.arrayBuffers - before.arrayBuffers;
}
