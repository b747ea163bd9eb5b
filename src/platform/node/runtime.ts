// Runtime on Node: worker threads serve kernels, timers keep the process alive while answers are awaited.

import { availableParallelism } from "node:os";
import { Runtime, type RuntimeOptions, type RuntimeParts } from "../../runtime/mod.ts";
import { IDLE } from "../../ring/mod.ts";
import { keepAlive } from "./keep-alive.ts";
import { ownServingThread, startServingThread } from "./serving-thread.ts";

const pause = (): Promise<void> => new Promise((resume) => setImmediate(resume));

/**
 * Unix milliseconds for stamps. Reading the clock costs as much as sending a message, so it is read for
 * every sixteenth stamp, and for the first after a turn of the event loop.
 */
function cheapWall(): () => number {
  let [now, left, isArmed] = [0, 0, false];
  const turn = (): void => {
    isArmed = false;
    left = 0;
  };
  return () => {
    if (left-- > 0) return now;
    if (!isArmed) setImmediate(turn).unref();
    isArmed = true;
    left = 15;
    now = Date.now();
    return now;
  };
}

const NODE: RuntimeParts = {
  startThread: ({ idle }) => startServingThread({ idle: idle ?? IDLE.spinThenWait }),
  ownThread: () => ownServingThread(pause),
  threadsMax: Math.max(1, availableParallelism() - 1),
  keepAlive,
  pause,
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  stampMs: cheapWall(),
};

/** A runtime whose kernels run on worker threads of this process. */
export function createRuntime(options?: RuntimeOptions): Runtime {
  return new Runtime(NODE, options);
}
