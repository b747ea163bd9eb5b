// Backends: those that the conformance table is run on, with what each declines and why. To run it on another
// one, add a row; to decline a case, say what the backend does instead, which is then shown.

import type { RuntimeParts, ServingThread } from "../../../src/runtime/mod.ts";
import { Runtime } from "../../../src/runtime/mod.ts";
import { newestCheckpoint } from "../../../src/platform/node/checkpoint-file.ts";
import { createRuntime } from "../../../src/platform/node/mod.ts";
import { keepAlive } from "../../../src/platform/node/keep-alive.ts";
import { ownServingThread, startServingThread } from "../../../src/platform/node/serving-thread.ts";
import { IDLE } from "../../../src/ring/mod.ts";
import { type Backend, type Bench, codeOf, type Decline, has, same } from "./bench.ts";
import { Add, Held, Next, Spin, Where } from "./kernels.fixture.ts";
import { reach } from "./lifecycle.ts";

const pause = (): Promise<void> => new Promise((resume) => setImmediate(resume));

const watch =
  (backend: "worker" | "null"): Backend["watch"] =>
  (options, seen) => {
    const watched = (thread: ServingThread): ServingThread => ({
      ...thread,
      launch(spec, definition) {
        seen(spec);
        return thread.launch(spec, definition);
      },
    });
    const parts: RuntimeParts = {
      ...{ backend, refusals: {}, threadsMax: 1, keepAlive, pause },
      startThread: async ({ spec, idle }) =>
        watched(await startServingThread({ spec, idle: idle ?? IDLE.spinThenWait })),
      ownThread: (spec) => watched(ownServingThread(spec, pause)),
      nowMs: () => performance.now(),
      wallMs: () => Date.now(),
      stampMs: () => Date.now(),
      readCheckpoint: newestCheckpoint,
      repeat: () => () => {},
      notify: () => {},
    };
    return new Runtime(parts, options);
  };

/** What a backend shows that starts no thread, whatever the options say. */
const unthreaded = {
  instead: "no thread is started, and none is lost",
  shows: async (bench: Bench) => {
    const runtime = bench.open({ threads: 2 });
    const kernel = await bench.launch({ restart: "permanent" }, undefined, runtime);
    same(await kernel.call(Add, { a: 1, b: 2 }), { sum: 3 });
    has(runtime.metrics, { threads: 0, activeKernels: 1 });
  },
};

/** What a backend shows where nobody could end a handler that spins. */
const unattended = {
  instead: "the handler is over when the call returns",
  notRun: "it blocks the caller for as long as the handler spins",
  shows: async (bench: Bench) => {
    const runtime = bench.open({ supervision: { heartbeatTimeoutMs: 4 } });
    const kernel = await bench.launch({}, undefined, runtime);
    const answer = kernel.call(Spin, { ms: 20 });
    has(kernel.metrics, { messagesProcessed: 1 });
    same([await answer, kernel.tryReceive(Held).number], [{ sum: 20 }, 20]);
  },
};

/** Moves, in the states in which there is something to move. */
const moves = (["launched", "active", "deactivated"] as const).map((state): Decline => ({
  case: `move: of a kernel that is ${state}`,
  reason: "the caller's thread serves all",
  instead: "it is refused with MOVE_REFUSED, and the kernel goes on where it is",
  shows: async (bench) => {
    const kernel = await reach(bench, state);
    same([await codeOf(() => kernel.move()), kernel.state], ["MOVE_REFUSED", state]);
    if (state !== "active") kernel.activate();
    same(await kernel.call(Next, { lane: 0 }), { sum: 0 });
  },
}));

/** Cases in which a thread dies. */
const deaths = [
  "restart: permanent: a kernel is launched again when its thread dies",
  "restart: transient: the same, but not when the thread has ended in order",
  "restart: temporary: it stays away",
  "supervision: one-for-all launches the others again too",
  "supervision: rest-for-one launches those again that were launched later",
  "supervision: one restart too many in the window escalates",
  "supervision: restarts before the window do not count",
  "onSupervision: is told of restarts",
  "onSupervision: is told why a kernel could not be launched again",
  "WORKER_LOST: a call whose thread ends by itself",
].map((one): Decline => ({
  ...{ case: one, reason: "the thread is the caller's: when it dies, so does the runtime" },
  ...{ ...unthreaded, notRun: "it ends the process" },
}));

/** Kernels on the caller's own thread: there is no other that could end, spin or be waited for. */
const sameThread: readonly Decline[] = [
  ...deaths,
  {
    case: "threads: as many are started as are needed",
    reason: "the caller's thread serves all",
    ...unthreaded,
  },
  {
    case: "idle: threads that spin use their processor, and those that wait do not",
    reason: "the caller's event loop waits for work",
    ...unthreaded,
    notRun: "it measures the caller's thread, whatever that does",
  },
  {
    case: "prestart: so many threads start with the runtime",
    reason: "the caller's thread serves all",
    ...unthreaded,
    notRun: "threads start for other kernels of the runtime",
  },
  {
    case: "gridSize: as many threads serve the kernel",
    reason: "there is one thread, the caller's",
    refuses: "OPTION_UNSUPPORTED",
  },
  {
    case: "ownThread: its thread serves nobody else",
    reason: "there is one thread, the caller's",
    refuses: "OPTION_UNSUPPORTED",
  },
  {
    case: "HANDLER_INTERRUPTED: a handler that never returns to the event loop",
    reason: "who would interrupt it waits for it",
    ...unattended,
  },
  ...[
    "HEARTBEAT_LOST: a handler that never returns, in how the kernel ended",
    "supervision: heartbeatTimeoutMs: a kernel whose thread stands still so long is launched again",
  ].map((one): Decline => ({
    ...{ case: one, reason: "who would notice it waits for it" },
    ...unattended,
  })),
  ...moves,
  {
    case: "lifecycle: a kernel that moves is on another thread, with its state and what waits",
    reason: "the caller's thread serves all",
    refuses: "MOVE_REFUSED",
  },
  {
    case: "OPTION_UNSUPPORTED: data that cannot pass between threads",
    reason: "it passes between none",
    instead: "the kernel gets the same object",
    shows: async (bench) => {
      const seen: string[] = [];
      const data = { toJSON: () => (seen.push("same object"), "called") };
      const kernel = await bench.launch({ data });
      same([(await kernel.call(Where, { any: 0 })).data, seen], ['"called"', ["same object"]]);
    },
  },
];

/** No backend has it yet. */
const nowhere: readonly Decline[] = [
  {
    case: "cooperative: the grid synchronises",
    reason: "threads have no barrier across a grid",
    refuses: "OPTION_UNSUPPORTED",
  },
];

export const BACKENDS: readonly Backend[] = [
  {
    ...{ name: "worker", mode: "persistent", watch: watch("worker") },
    create: (options) => createRuntime({ backend: "worker", threads: 2, ...options }),
    declines: nowhere,
    faults: [],
  },
  {
    ...{ name: "worker, event-driven", mode: "event-driven", watch: watch("worker") },
    create: (options) => createRuntime({ backend: "worker", threads: 1, ...options }),
    declines: [...nowhere, ...sameThread],
    faults: [],
  },
  {
    ...{ name: "null", mode: "persistent", watch: watch("null") },
    create: (options) => createRuntime({ backend: "null", ...options }),
    declines: [
      ...nowhere,
      ...sameThread,
      {
        case: "mode: persistent kernels have a thread that is not the caller's",
        reason: "it has no thread",
        instead: "the kernel is event-driven, and its status says so",
        shows: async (bench) => {
          const kernel = await bench.launch({ mode: "persistent" });
          same(kernel.status.mode, "event-driven");
          const sum = kernel.call(Add, { a: 1, b: 2 });
          has(kernel.metrics, { messagesProcessed: 1 });
          same(await sum, { sum: 3 });
        },
      },
    ],
    faults: [],
  },
];
