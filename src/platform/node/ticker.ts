// Ticker: one thread per process that advances the epoch which running kernels compare with their
// deadlines. It must tick while the main thread is busy inside a kernel, hence a thread and no timer.
//
// The thread keeps no process alive, and stops at once when its owner lets go of it. If it dies, no
// deadline would ever pass again, so its owner is told through `onError` and must stop admitting calls.

import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import { assert, Failure } from "../../base/mod.ts";
import type { FollowOrder, TickerThreadData } from "./ticker-thread.ts";

export interface TickerOptions {
  /** Milliseconds between two ticks. */
  readonly intervalMs: number;
  /** A shared memory whose word 0 is the epoch. It may already hold any value. */
  readonly epoch: WebAssembly.Memory;
  /** Told once if the thread dies: from then on the epoch stands still. */
  readonly onError: (error: Failure) => void;
}

export interface Ticker extends AsyncDisposable {
  /** The memory that instances import, and word 0 of it. */
  readonly memory: WebAssembly.Memory;
  readonly epoch: Int32Array<SharedArrayBuffer>;
  readonly intervalMs: number;
  /**
   * Moves the epoch of another memory too, from the next tick on until the function that it returns is called.
   * Its holders may move it further, so that one of them alone passes its deadlines.
   */
  readonly follow: (memory: WebAssembly.Memory) => () => void;
}

/** Longest and shortest intervals: below, the thread costs a core; above, budgets mean nothing. */
const INTERVAL_MS_MIN = 0.1;
const INTERVAL_MS_MAX = 60_000;

/** A shared memory of one page, to hold an epoch that starts at 0. */
export function newEpoch(): WebAssembly.Memory {
  return new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
}

/**
 * Starts a ticker. Resolves once the thread has ticked, so that a deadline taken afterwards will pass.
 * Fails with ENGINE_UNSUPPORTED when the thread cannot start.
 */
export async function startTicker(options: TickerOptions): Promise<Ticker> {
  const { intervalMs, epoch: memory, onError } = options;
  assert(
    intervalMs >= INTERVAL_MS_MIN && intervalMs <= INTERVAL_MS_MAX,
    `a tick lasts from ${INTERVAL_MS_MIN} to ${INTERVAL_MS_MAX} ms`,
  );
  const epoch = sharedBufferOf(memory);
  const stop = new SharedArrayBuffer(4);
  const worker = startThread({ epoch, stop, intervalMs });
  await ticking(worker);

  let live = true;
  worker.unref();
  worker.on("error", (cause) => {
    if (live) onError(died(cause));
    live = false;
  });
  worker.on("exit", () => {
    if (live) onError(died(undefined));
    live = false;
  });
  let stopped: Promise<void> | undefined;
  let followers = 0;
  const order = (one: FollowOrder): void => {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- A thread has no origin.
    if (live) worker.postMessage(one);
  };
  return {
    memory,
    epoch: new Int32Array(epoch),
    intervalMs,
    follow(other) {
      const id = ++followers;
      order({ id, epoch: sharedBufferOf(other) });
      return () => order({ id, epoch: undefined });
    },
    async [Symbol.asyncDispose]() {
      if (live) stopped = stopThread(worker, stop);
      live = false;
      await stopped; // Whoever disposes again waits for the same end.
    },
  };
}

/** The thread's own source: `.ts` in the repository, `.js` where the package is built. */
function startThread(workerData: TickerThreadData): Worker {
  const source = new URL(`./ticker-thread${extname(import.meta.url)}`, import.meta.url);
  try {
    return new Worker(source, { workerData, name: "annulus-ticker", execArgv: [] });
  } catch (cause) {
    throw died(cause); // Such as a process that may not start threads.
  }
}

/** Resolves on the thread's first tick, rejects if it ends before. Leaves no listener behind. */
function ticking(worker: Worker): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const failed = (cause: unknown): void => reject(died(cause));
  worker.once("message", resolve).once("error", failed).once("exit", failed);
  return promise.finally(() => {
    worker.off("message", resolve).off("error", failed).off("exit", failed);
  });
}

async function stopThread(worker: Worker, stop: SharedArrayBuffer): Promise<void> {
  const ended = new Promise<void>((resolve) => void worker.once("exit", () => resolve()));
  worker.ref(); // The process waits for the end that it asked for.
  const words = new Int32Array(stop);
  Atomics.store(words, 0, 1);
  Atomics.notify(words, 0);
  await ended;
}

function sharedBufferOf(memory: WebAssembly.Memory): SharedArrayBuffer {
  const { buffer } = memory as { buffer: ArrayBufferLike };
  assert(buffer instanceof SharedArrayBuffer, "the epoch's memory is shared");
  return buffer;
}

function died(cause: unknown): Failure {
  const found = cause instanceof Error ? cause.message : "a ticker thread that ended by itself";
  return new Failure(
    "ENGINE_UNSUPPORTED",
    {
      at: "ticker thread",
      found,
      expected: "a thread that ticks until it is stopped",
      fix: "Allow worker threads and their memory, then start a new ticker.",
    },
    { cause },
  );
}
