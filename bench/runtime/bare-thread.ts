// Bare thread: one that loads nothing, the least that a cold launch and a thread's memory can be.

import { Worker } from "node:worker_threads";

import type { ThreadContender, Timing } from "../ring/contest.ts";

const THREADS = 20;

export const BARE_THREAD: ThreadContender = {
  name: "new Worker, first message",
  time: ({ quick }) =>
    repeated(quick ? 5 : 20, async () => {
      const start = performance.now();
      const worker = await bareWorker();
      const took = performance.now() - start;
      await worker.terminate();
      return took;
    }),
};

async function bareWorker(): Promise<Worker> {
  const source = 'require("node:worker_threads").parentPort.on("message", () => {}).postMessage(0)';
  const worker = new Worker(source, { eval: true });
  await new Promise((resolve) => worker.once("message", resolve));
  return worker;
}

/** Samples of what `once` says, in milliseconds. */
export async function repeated(count: number, once: () => Promise<number>): Promise<Timing> {
  const samples: number[] = [];
  for (let i = 0; i < count; i++) samples.push((await once()) * 1e6);
  return { samples, callsPerSample: 1 };
}

/** Megabytes of a thread that loads nothing, from several. */
export async function megabytesOfThread(): Promise<number> {
  const before = resident();
  const workers = await Promise.all(Array.from({ length: THREADS }, bareWorker));
  const grown = (resident() - before) / THREADS;
  await Promise.all(workers.map((worker) => worker.terminate()));
  return grown;
}

/** Megabytes that the process holds. */
export function resident(): number {
  return process.memoryUsage.rss() / 1e6;
}
