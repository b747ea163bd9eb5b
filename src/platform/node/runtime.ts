// Runtime on Node: worker threads serve kernels, timers keep the process alive while answers are awaited.

import { availableParallelism } from "node:os";
import { Runtime, type RuntimeOptions, type RuntimeParts } from "../../runtime/mod.ts";
import { IDLE } from "../../ring/mod.ts";
import { keepAlive } from "./keep-alive.ts";
import { ownServingThread, startServingThread } from "./serving-thread.ts";

const pause = (): Promise<void> => new Promise((resume) => setImmediate(resume));

const NODE: RuntimeParts = {
  startThread: ({ idle }) => startServingThread({ idle: idle ?? IDLE.spinThenWait }),
  ownThread: () => ownServingThread(pause),
  threadsMax: Math.max(1, availableParallelism() - 1),
  keepAlive,
  pause,
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
};

/** A runtime whose kernels run on worker threads of this process. */
export function createRuntime(options?: RuntimeOptions): Runtime {
  return new Runtime(NODE, options);
}
