// Threads that publish and execute until every item was run.

import { once } from "node:events";
import { Worker } from "node:worker_threads";

import { createRing, type IdlePolicy, IDLE } from "../../src/ring/mod.ts";
import type { Job } from "./thread.fixture.ts";

const FIXTURE = new URL("./thread.fixture.ts", import.meta.url);

export interface Contest {
  readonly publishers: number;
  readonly executors: number;
  readonly slots: number;
  /** Items of each publisher. */
  readonly items: number;
  readonly lanes?: 1 | 5;
  readonly idle?: IdlePolicy;
}

/** How often each item was run; how many were run in all; how many out of their publisher's order in a lane. */
export interface Outcome {
  readonly runs: Int32Array;
  readonly total: number;
  readonly outOfOrder: number;
}

/** Positions start short of 2^32, so that they wrap. */
export async function contest(of: Contest): Promise<Outcome> {
  const { publishers, executors, slots, items, lanes = 1, idle = IDLE.spinThenWait } = of;
  const total = publishers * items;
  const shared = {
    memory: createRing({ slots, lanes }, { firstPosition: -100 }),
    runs: new SharedArrayBuffer(4 * total),
    totals: new SharedArrayBuffer(8),
    ...{ items, total, lanes, idle },
  };
  const names = Array.from({ length: publishers + executors }, (_, i) => i + 1);
  const workers = names.map((name) => {
    const publishes = name <= publishers;
    const alone = (publishes ? publishers : executors) === 1;
    const job: Job = { ...shared, name, publishes, alone };
    return new Worker(FIXTURE, { workerData: job });
  });
  await Promise.all(workers.map((worker) => once(worker, "exit")));
  const [run = 0, outOfOrder = 0] = new Int32Array(shared.totals);
  return { runs: new Int32Array(shared.runs), total: run, outOfOrder };
}
