// Ticker thread: the thread that runs the tick loop, and does nothing else. It imports next to nothing,
// since a sandbox waits for its first tick.

import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { runTicks } from "./tick-loop.ts";

/** What the owner hands over. Both buffers are shared and outlive the thread. */
export interface TickerThreadData {
  /** Word 0 is the epoch. */
  readonly epoch: SharedArrayBuffer;
  /** One word: 0 while the thread shall run, 1 once it shall stop. */
  readonly stop: SharedArrayBuffer;
  readonly intervalMs: number;
}

/** What the owner says while the thread runs: another epoch to move, or under the same id no more. */
export interface FollowOrder {
  readonly id: number;
  readonly epoch: SharedArrayBuffer | undefined;
}

const port = parentPort;
if (port === null) throw new Error("The ticker thread was not started as a thread.");
const { epoch, stop, intervalMs } = workerData as TickerThreadData;
const followers = new Map<number, Int32Array>();
runTicks({
  epoch: new Int32Array(epoch),
  followers: () => {
    obey();
    return followers.values();
  },
  stop: new Int32Array(stop),
  intervalMs,
  nowMs: () => performance.now(),
  sleep: (words, ms) => void Atomics.wait(words, 0, 0, ms),
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- A thread has no origin.
  ticking: () => port.postMessage("ticking"),
});

/** Reads what was posted. The thread's event loop never runs: it ticks until it ends. */
function obey(): void {
  for (let posted; (posted = receiveMessageOnPort(port!)) !== undefined;) {
    const { id, epoch: follower } = posted.message as FollowOrder;
    if (follower === undefined) followers.delete(id);
    else followers.set(id, new Int32Array(follower));
  }
}
