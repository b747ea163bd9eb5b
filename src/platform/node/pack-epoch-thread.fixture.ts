// Pack epoch, the side of the actor's thread: runs that end soon, and every second one only when it is
// stopped. It counts those that found their deadline passed though nobody stopped them.

import { parentPort, workerData } from "node:worker_threads";
import { PackEpoch } from "./pack-epoch.ts";

export interface EpochRuns {
  readonly memory: WebAssembly.Memory;
  readonly runs: number;
}

/** Ticks of each run, so few that any stop passes them. */
const BUDGET = 5;

const { memory, runs } = workerData as EpochRuns;
const epoch = new PackEpoch(memory);
const words = new Int32Array(memory.buffer);
const counts = { ended: 0, stopped: 0, unwanted: 0, wrong: 0 };
for (let run = 1; run <= runs; run++) {
  const isWanted = epoch.begin(run);
  const deadline = (epoch.seen[0]! + BUDGET) | 0;
  const isPast = (): boolean => ((Atomics.load(words, 0) - deadline) | 0) >= 0;
  if (!isWanted) counts.unwanted++;
  else if (run % 2 === 0) while (!isPast()); // Which nothing but a stop ends.
  else for (let spins = run % 64; spins > 0 && !isPast(); spins--);
  const past = isPast();
  const wasStopped = epoch.end(run);
  if (past && !wasStopped) counts.wrong++; // It was a stop of another run.
  if (wasStopped) counts.stopped++;
  else counts.ended++;
}
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- A thread has no origin.
parentPort!.postMessage(counts);
