// How long a message takes from one kernel to another, past the host: on two threads and on one, and how long
// others take from thread to thread.

import { IDLE } from "../../src/ring/mod.ts";
import type { Bench } from "../harness/bench.ts";
import type { Effort } from "../harness/measure.ts";
import { atMost, measuredIn, type Row } from "../harness/row.ts";
import { contest, type ThreadContender } from "../ring/contest.ts";
import { postTrips } from "../ring/trips.ts";
import { timeCalls, timeRallies } from "./rally.ts";

const GOAL_NS = 1500;
const RALLIES = { full: 20_000, quick: 2000 };
const CALLS = { full: 20_000, quick: 2000 };

export const bench: Bench = {
  name: "k2k",
  question: "how long does a message take from kernel to kernel, on two threads and on one?",
  isFresh: true,
  async *rows(effort) {
    yield await hops(effort);
    yield await calls(effort);
  },
};

const TWO = { threads: 2, prestart: 2, idle: IDLE.spin, callSpins: 0 } as const;
const ONE = { ...TWO, threads: 1, prestart: 1 } as const;

async function hops(effort: Effort): Promise<Row> {
  const ours = "annulus, two threads, both spin";
  const rallies = (name: string, options: typeof TWO | typeof ONE): ThreadContender => ({
    name,
    time: ({ quick }) => timeRallies(options, quick ? RALLIES.quick : RALLIES.full),
  });
  const entries = await contest(
    [
      rallies(ours, TWO),
      rallies("annulus, both on one thread", ONE),
      halved(postTrips("postMessage, thread to thread")),
    ],
    effort,
  );
  const median = measuredIn(entries, ours)?.medianNs;
  return {
    id: "runtime hop",
    what: "two numbers from a kernel to another by send(), to and fro, and one hop of it",
    entries,
    goals: [atMost(`<= ${GOAL_NS} ns`, GOAL_NS, median)],
  };
}

async function calls(effort: Effort): Promise<Row> {
  const asks = (name: string, options: typeof TWO | typeof ONE): ThreadContender => ({
    name,
    time: ({ quick }) => timeCalls(options, quick ? CALLS.quick : CALLS.full),
  });
  const entries = await contest(
    [
      asks("annulus, two threads, both spin", TWO),
      asks("annulus, both on one thread", ONE),
      halved(postTrips("postMessage, thread to thread")),
    ],
    effort,
  );
  return {
    id: "runtime kernel calls kernel",
    what: "half of a call from an asynchronous handler to another kernel and back",
    entries,
    goals: [],
    notes: ["An asynchronous handler has its thread's event loop turn between looks."],
  };
}

/** There and back are two hops. */
function halved({ name, time }: ThreadContender): ThreadContender {
  return {
    name,
    time: async (effort) => {
      const { samples } = await time(effort);
      return { samples: samples.map((sample) => sample / 2), callsPerSample: 2 };
    },
  };
}
