// Serving threads: worker threads that serve kernels, and this thread as one of them.

import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import { Failure } from "../../base/mod.ts";
import type { IdlePolicy } from "../../ring/mod.ts";
import {
  Attention,
  createAttention,
  KernelThread,
  type Launched,
  type ServingThread,
  type StateAnswer,
  type ThreadEnd,
  type ThreadSpec,
  thrownInKernel,
} from "../../runtime/mod.ts";
import { processMs } from "./process-clock.ts";
import type { KernelCommand, KernelReply, KernelWorkerData } from "./kernel-worker.ts";

const OWN_IDLE: IdlePolicy = { spins: 0, sleepMs: 0 };

/** Each variant of a command without its id. */
type Order = KernelCommand extends infer One
  ? One extends unknown
    ? Omit<One, "id">
    : never
  : never;

/** What a command is answered with. */
type Answer = Launched | StateAnswer;

/** Starts a thread. It keeps no process alive. Fails with LAUNCH_FAILED. */
export async function startServingThread({
  spec,
  idle,
}: Omit<KernelWorkerData, "attention">): Promise<ServingThread> {
  const memory = createAttention();
  const attention = new Attention(memory);
  const worker = startWorker({ spec, attention: memory, idle });
  const waiting = new Map<number, PromiseWithResolvers<Answer>>();
  let [told, isOver] = [false, false];
  let commands = 0;
  let cause: unknown;
  let killed: Promise<number> | undefined;

  const ready = Promise.withResolvers<void>();
  worker.on("message", (reply: KernelReply) => {
    if (reply.reply === "ready") return ready.resolve();
    const waiter = waiting.get(reply.id);
    waiting.delete(reply.id);
    if (waiting.size === 0) worker.unref();
    if (reply.reply === "done") waiter?.resolve(reply.answer);
    else waiter?.reject(new Failure(reply.thrown.code, reply.thrown.facts));
  });
  worker.on("error", (error) => void (cause = error));
  const { promise: ended, resolve: end } = Promise.withResolvers<ThreadEnd>();
  worker.on("exit", (exitCode) => {
    isOver = true;
    const failure = told ? undefined : died(cause);
    ready.reject(died(cause));
    for (const waiter of waiting.values()) waiter.reject(died(cause));
    waiting.clear();
    end(failure === undefined ? {} : { failure, exitCode });
  });
  await ready.promise;
  worker.unref();

  const ask = (command: Order): Promise<Answer> => {
    if (isOver) return Promise.reject(died(cause));
    const id = ++commands;
    const waiter = Promise.withResolvers<Answer>();
    try {
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- A thread has no origin.
      worker.postMessage({ ...command, id } as KernelCommand);
    } catch (cause) {
      throw uncloneable(cause);
    }
    waiting.set(id, waiter);
    worker.ref(); // The process waits for what it asked for.
    attention.command();
    return waiter.promise;
  };
  return {
    attention: memory,
    launch: async (spec) => (await ask({ command: "launch", spec })) as Launched,
    route: async (index, route) => {
      await ask({ command: "route", index, route });
    },
    unroute: async (index, kernel) => {
      await ask({ command: "unroute", index, kernel });
    },
    end: async (index) => {
      await ask({ command: "end", index });
    },
    order: async (index, order) => (await ask({ command: "order", index, order })) as StateAnswer,
    ended,
    async kill() {
      told = true;
      if (!isOver) await (killed ??= worker.terminate());
    },
  };
}

/** This thread: it serves when it is poked. */
export function ownServingThread(spec: ThreadSpec, pause: () => Promise<void>): ServingThread {
  const attention = createAttention();
  const thread = new KernelThread({
    spec,
    attention,
    idle: OWN_IDLE,
    pause,
    now: () => Date.now(),
    nowMs: () => performance.now(),
    clockMs: processMs,
  });
  const { promise: ended, resolve: end } = Promise.withResolvers<ThreadEnd>();
  let [isServing, isWatched] = [false, false];
  const over = new AbortController();
  const poke = (): void => {
    if (isServing) return; // A handler that sends to its own thread.
    isServing = true;
    try {
      thread.loop.freshen();
      do while (thread.loop.turn() > 0);
      while (thread.loop.leaveAll() > 0);
    } finally {
      isServing = false;
    }
  };
  /** For what nobody here pokes for: another thread's message, a handler that has settled. */
  const watch = async (): Promise<void> => {
    isWatched = true;
    while (!over.signal.aborted) {
      await thread.loop.untilWork();
      poke();
    }
  };
  return {
    attention,
    async launch(spec, definition) {
      if (!isWatched) void watch();
      try {
        const exports =
          definition === undefined ? ((await import(spec.module)) as object) : { definition };
        return await thread.launch(spec, exports as Readonly<Record<string, unknown>>);
      } catch (error) {
        throw thrownInKernel(error, spec.module);
      }
    },
    route: async (index, route) => thread.route(index, route),
    unroute: async (index, kernel) => thread.unroute(index, kernel),
    async end(index) {
      try {
        await thread.end(index);
      } catch (error) {
        throw thrownInKernel(error, "the kernel's end");
      }
    },
    order: (index, order) => thread.order(index, order),
    poke,
    ended,
    async kill() {
      over.abort();
      end({});
    },
  };
}

/** The thread's own source: `.ts` in the repository, `.js` where the package is built. */
function startWorker(workerData: KernelWorkerData): Worker {
  const source = new URL(`./kernel-worker${extname(import.meta.url)}`, import.meta.url);
  try {
    return new Worker(source, {
      workerData,
      name: "annulus-kernels",
      execArgv: [],
      resourceLimits: { maxYoungGenerationSizeMb: 24 },
    });
  } catch (cause) {
    throw died(cause); // Such as a process that may not start threads.
  }
}

function uncloneable(cause: unknown): Failure {
  const facts = {
    at: "data",
    found: cause instanceof Error ? cause.message : String(cause),
    expected: "what passes between threads",
    fix: "Pass no functions and no objects of classes to a kernel on another thread.",
  };
  return new Failure("OPTION_UNSUPPORTED", facts, { cause });
}

function died(cause: unknown): Failure {
  const facts = {
    at: "a thread that serves kernels",
    found: cause instanceof Error ? cause.message : "a thread that ended by itself",
    expected: "one that serves until it is told to end",
    fix: "Correct what the message names, then launch its kernels again.",
  };
  return new Failure("WORKER_LOST", facts, { cause });
}
