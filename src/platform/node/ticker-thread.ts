// Ticker thread: the thread that runs the tick loop, and does nothing else. It imports next to nothing,
// since a sandbox waits for its first tick.

import { parentPort, workerData } from "node:worker_threads";
import { runTicks } from "./tick-loop.ts";

/** What the owner hands over. Both buffers are shared and outlive the thread. */
export interface TickerThreadData {
  /** Word 0 is the epoch. */
  readonly epoch: SharedArrayBuffer;
  /** One word: 0 while the thread shall run, 1 once it shall stop. */
  readonly stop: SharedArrayBuffer;
  readonly intervalMs: number;
}

const port = parentPort;
if (port === null) throw new Error("The ticker thread was not started as a thread.");
const { epoch, stop, intervalMs } = workerData as TickerThreadData;
runTicks({
  epoch: new Int32Array(epoch),
  stop: new Int32Array(stop),
  intervalMs,
  nowMs: () => performance.now(),
  sleep: (words, ms) => void Atomics.wait(words, 0, 0, ms),
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- A thread has no origin.
  ticking: () => port.postMessage("ticking"),
});
