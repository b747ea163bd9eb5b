// A publisher or an executor of the threads test: it attaches to the ring by its memory alone.

import { workerData } from "node:worker_threads";

import { Ring, slotMessage } from "../../src/ring/ring.ts";
import type { IdlePolicy } from "../../src/ring/waits.ts";

/** Slots published or claimed at once. */
const RUN = 8;

export interface Job {
  readonly memory: SharedArrayBuffer;
  /** How often each item was run. */
  readonly runs: SharedArrayBuffer;
  /** How many items were run in all, and how many were out of their publisher's order. */
  readonly totals: SharedArrayBuffer;
  /** From 1. Executors own slots by it. */
  readonly name: number;
  readonly publishes: boolean;
  /** Whether it is the only one that publishes, or that executes. */
  readonly alone: boolean;
  /** Items of each publisher. A publisher's items are `name - 1` times this and on. */
  readonly items: number;
  readonly total: number;
  /** Each run of items goes to the next lane. */
  readonly lanes: number;
  readonly idle: IdlePolicy;
}

const job = workerData as Job;
const ring = new Ring(job.memory, { onePublisher: job.alone, oneExecutor: job.alone });
const totals = new Int32Array(job.totals);
if (job.publishes) publish();
else execute();

function publish(): void {
  const run = new Int32Array(16 * RUN);
  const room = { holds: () => ring.offer(run, RUN) >= 0 };
  for (let i = 0; i < job.items; i += RUN) {
    const priority = job.lanes === 1 ? 2 : (i / RUN) % job.lanes;
    for (let k = 0; k < RUN; k++)
      run.set(slotMessage(8, [(job.name - 1) * job.items + i + k], 0, priority), 16 * k);
    while (!ring.done.wait(room, job.idle));
  }
}

function execute(): void {
  const runs = new Int32Array(job.runs);
  const into = new Int32Array(RUN);
  const last = new Map<number, number>();
  let count = 0;
  const work = {
    holds() {
      count = ring.claim(job.name, into);
      return count > 0 || Atomics.load(totals, 0) >= job.total;
    },
  };
  while (Atomics.load(totals, 0) < job.total) {
    ring.work.wait(work, job.idle);
    for (const slot of into.subarray(0, count)) {
      const item = ring.words[ring.at(slot) + 4]!;
      const from = Math.floor(item / job.items) * 5 + ring.words[ring.at(slot) + 3]!; // In one lane.
      if ((last.get(from) ?? -1) >= item) Atomics.add(totals, 1, 1);
      last.set(from, item);
      Atomics.add(runs, item, 1);
      Atomics.add(totals, 0, 1);
      ring.complete(slot);
    }
  }
  ring.work.ring(); // The others may be asleep and have nothing to wait for any more.
}
