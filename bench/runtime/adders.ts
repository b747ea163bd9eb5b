// Adders: one thread that adds two numbers, asked by a kernel's call and in the ways that others have.

import { createRequire } from "node:module";
import { Worker } from "node:worker_threads";

import { type NodeRuntimeOptions, Runtime } from "../../src/runtime.node.ts";
import type { NotMeasured } from "../harness/row.ts";
import { openComlink, openPiscina, openWorkerpool } from "../peers/peers.ts";
import type { ThreadContender } from "../ring/contest.ts";
import { checkSum, timeTrips } from "../ring/trips.ts";
import { Add, adder } from "./kernels.ts";

export interface Adder {
  readonly name: string;
  /** Starts the thread. It need not have answered yet. */
  readonly open: () => Promise<OpenAdder>;
}

export interface OpenAdder {
  readonly add: (a: number, b: number) => Promise<{ readonly value: number }>;
  readonly close: () => Promise<unknown>;
}

/** How many trips, and how long before each. */
export interface TripCounts {
  readonly full: number;
  readonly quick: number;
  readonly pauseMs?: number;
}

const THREAD = new URL("./peer-thread.mjs", import.meta.url);

export function actor(name: string, options: NodeRuntimeOptions): Adder {
  return {
    name,
    open: async () => {
      const runtime = await Runtime.create({ threads: 1, ...options });
      const kernel = await runtime.launch(adder);
      return { add: (a, b) => kernel.call(Add, { a, b }), close: () => runtime.shutdown() };
    },
  };
}

/** Its sums, asked for one after the other. */
export function tripsOf({ name, open }: Adder, counts: TripCounts): ThreadContender {
  return {
    name,
    time: async ({ quick }) => {
      const { pauseMs = 0 } = counts;
      const count = quick ? counts.quick : counts.full;
      const { add, close } = await open();
      try {
        return await timeTrips({ count, pauseMs, go: (i) => add(i, 1), check: checkSum });
      } finally {
        await close();
      }
    },
  };
}

/** The others that are installed, and why those are missing that are not. */
export function peerAdders(): { readonly adders: Adder[]; readonly missing: NotMeasured[] } {
  const adders = [postMessage()];
  const missing: NotMeasured[] = [];
  for (const [name, of] of Object.entries({ piscina, comlink, workerpool })) {
    const found = of();
    if (typeof found === "string") missing.push({ kind: "not-measured", name, why: found });
    else adders.push({ name, open: found });
  }
  return { adders, missing };
}

/** Answers come in the order of the questions, so a queue of waiters is enough. */
function postMessage(): Adder {
  return {
    name: "postMessage",
    open: async () => {
      const worker = new Worker(THREAD, { workerData: { part: "post" } });
      const waiting: ((answer: { readonly value: number }) => void)[] = [];
      let from = 0;
      worker.on("message", (answer: { readonly value: number }) => {
        waiting[from++]!(answer);
        if (from === waiting.length) waiting.length = from = 0;
      });
      return {
        add: (a, b) =>
          new Promise((resolve) => {
            waiting.push(resolve);
            // oxlint-disable-next-line unicorn/require-post-message-target-origin -- A thread has none.
            worker.postMessage({ a, b });
          }),
        close: () => worker.terminate(),
      };
    },
  };
}

type Opening = Adder["open"] | string;

function piscina(): Opening {
  const peer = openPiscina();
  if (!peer.opened) return peer.why;
  const { Piscina } = peer.peer;
  return async () => {
    const only = { minThreads: 1, maxThreads: 1, concurrentTasksPerWorker: 64 };
    const pool = new Piscina({ filename: THREAD.href, name: "add", ...only });
    return {
      add: (a, b) => pool.run({ a, b }) as Promise<{ readonly value: number }>,
      close: () => pool.destroy(),
    };
  };
}

function comlink(): Opening {
  const peer = openComlink();
  if (!peer.opened) return peer.why;
  const { wrap } = peer.peer;
  const require = createRequire(new URL("../peers/package.json", import.meta.url));
  const nodeEndpoint = require("comlink/dist/umd/node-adapter.js") as (worker: Worker) => unknown;
  return async () => {
    const worker = new Worker(THREAD, { workerData: { part: "comlink" } });
    const { add } = wrap(nodeEndpoint(worker));
    return { add: (a, b) => add({ a, b }), close: () => worker.terminate() };
  };
}

function workerpool(): Opening {
  const peer = openWorkerpool();
  if (!peer.opened) return peer.why;
  const { pool } = peer.peer;
  return async () => {
    const threads = pool(THREAD.pathname, {
      ...{ workerType: "thread", minWorkers: 1, maxWorkers: 1 },
      workerThreadOpts: { workerData: { part: "workerpool" } },
    });
    return {
      add: async (a, b) =>
        (await threads.exec("add", [{ a, b }])) as Awaited<ReturnType<OpenAdder["add"]>>,
      close: () => Promise.resolve(threads.terminate()),
    };
  };
}
