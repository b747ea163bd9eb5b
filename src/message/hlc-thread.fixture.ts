// A thread that ticks a shared clock: it attaches by the memory alone and writes down every stamp.

import { workerData } from "node:worker_threads";

import { HybridClock } from "./hlc.ts";

export interface HlcJob {
  readonly memory: WebAssembly.Memory;
  /** This thread's stamps, as 64-bit words. */
  readonly stamps: SharedArrayBuffer;
  /** How many threads have still to come: all start at once. */
  readonly gate: SharedArrayBuffer;
  /** Where the wall stands still; else it is the machine's, off by `skewMs`. */
  readonly stillMs: number | undefined;
  readonly skewMs: number;
}

const { memory, stamps, gate, stillMs, skewMs } = workerData as HlcJob;
const clock = new HybridClock(memory, { now: () => stillMs ?? Date.now() + skewMs });
const halves = new Uint32Array(stamps);

const coming = new Int32Array(gate);
Atomics.sub(coming, 0, 1);
while (Atomics.load(coming, 0) !== 0);

for (let i = 0; i < halves.length; i += 2) {
  clock.tick();
  halves[i] = clock.lo;
  halves[i + 1] = clock.hi;
}
