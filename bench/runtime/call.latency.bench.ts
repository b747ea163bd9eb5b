// How long from a call until its answer is there, with a worker that spins and with one that sleeps, and
// how long others take to ask a thread for the same; and what a runtime costs while nobody asks.

import { setTimeout as sleep } from "node:timers/promises";

import { Runtime } from "../../src/runtime.node.ts";
import { IDLE } from "../../src/ring/mod.ts";
import type { Bench } from "../harness/bench.ts";
import type { Effort } from "../harness/measure.ts";
import { atMost, measuredIn, type Row } from "../harness/row.ts";
import { contest, type ThreadContender } from "../ring/contest.ts";
import { bareWake } from "../ring/trips.ts";
import { actor, type Adder, type OpenAdder, peerAdders, tripsOf } from "./adders.ts";
import { Add, adder, sink, Sum } from "./kernels.ts";

const GOAL_SPINNING_NS = 1500;
const GOAL_ASLEEP_NS = 20_000;
const GOAL_IDLE_PERCENT = 1;
/** Long enough for a worker to have fallen asleep. */
const PAUSE_MS = 0.3;
const IDLE_MS = 1000;

export const bench: Bench = {
  name: "call",
  question:
    "how long does a kernel's answer take, awake and asleep, and what does an idle one cost?",
  isFresh: true,
  async *rows(effort) {
    yield await spinning(effort);
    yield await asleep(effort);
    yield await idle(effort);
  },
};

async function spinning(effort: Effort): Promise<Row> {
  const ours = "annulus, worker spins";
  const { adders, missing } = peerAdders();
  const own = [
    actor(ours, { idle: IDLE.spin }),
    actor("annulus, worker spins, then sleeps", { idle: IDLE.spinThenWait }),
  ];
  const times = [
    ...own.map((one) => tripsOf(one, { full: 200_000, quick: 20_000 })),
    ...adders.map((one) => tripsOf(one, { full: 10_000, quick: 1000 })),
  ];
  const entries = await contest(times, effort);
  const median = measuredIn(entries, ours)?.medianNs;
  return {
    id: "runtime call",
    what: "two numbers to a kernel and their sum back, one call after the other",
    entries: [...entries, ...missing],
    goals: [atMost(`<= ${GOAL_SPINNING_NS} ns`, GOAL_SPINNING_NS, median)],
  };
}

/** The caller waits between its calls, without turns of its event loop. */
async function asleep(effort: Effort): Promise<Row> {
  const ours = "annulus, worker asleep";
  const { adders, missing } = peerAdders();
  const own = [
    actor(ours, { idle: IDLE.wait }),
    // What it costs that the caller looks for a while: without looks it waits in its event loop at once.
    actor("annulus, worker asleep, caller does not spin", { idle: IDLE.wait, callSpins: 0 }),
  ];
  const rests = { full: 2000, quick: 500, pauseMs: PAUSE_MS };
  const times = [...own, ...adders].map((one) => tripsOf(one, rests));
  const entries = await contest([...times, bareWake(PAUSE_MS)], effort);
  const median = measuredIn(entries, ours)?.medianNs;
  return {
    id: "runtime call asleep",
    what: "two numbers to a kernel and their sum back, the worker woken for it",
    entries: [...entries, ...missing],
    goals: [atMost(`<= ${GOAL_ASLEEP_NS / 1000} µs`, GOAL_ASLEEP_NS, median)],
  };
}

/** Processor time of the whole process, in nanoseconds for each second. */
async function idle(effort: Effort): Promise<Row> {
  const ours = "annulus, two threads, one kernel each";
  const { adders, missing } = peerAdders();
  const others = adders.map((one) => ({ name: `${one.name}, one thread`, open: one.open }));
  const kernels: Adder = { name: ours, open: () => idleRuntime(false) };
  const receives: Adder = { name: `${ours}, host receives`, open: () => idleRuntime(true) };
  const entries = await contest([kernels, receives, ...others, NOTHING].map(idles), effort);
  const share = (name: string): number => (measuredIn(entries, name)?.medianNs ?? 0) / 1e7;
  const percent = Math.max(share(ours), share(receives.name));
  return {
    id: "runtime idle",
    what: `processor time of an idle process in a second, over ${IDLE_MS / 1000} s`,
    entries: [...entries, ...missing],
    goals: [atMost(`<= ${GOAL_IDLE_PERCENT} % of a core`, GOAL_IDLE_PERCENT, percent)],
    notes: ["10 ms are 1 % of a core."],
  };
}

function idles(one: Adder): ThreadContender {
  return {
    name: one.name,
    time: async () => {
      const { add, close } = await one.open();
      for (let i = 0; i < 1000; i++) await add(i, 1); // Until all is compiled and loaded.
      await sleep(300);
      const [start, before] = [performance.now(), process.cpuUsage()];
      await sleep(IDLE_MS);
      const { user, system } = process.cpuUsage(before);
      const seconds = (performance.now() - start) / 1000;
      await close();
      return { samples: [((user + system) * 1000) / seconds], callsPerSample: 1 };
    },
  };
}

async function idleRuntime(receives: boolean): Promise<OpenAdder> {
  const runtime = await Runtime.create({ threads: 2 });
  const kernel = await runtime.launch(adder);
  await runtime.launch(sink); // Which has the second thread.
  const received = receives ? kernel.receive(Sum).catch(() => undefined) : undefined;
  return {
    add: (a, b) => kernel.call(Add, { a, b }),
    close: async () => {
      await runtime.shutdown();
      await received;
    },
  };
}

/** The process itself, with its timers and its collector. */
const NOTHING: Adder = {
  name: "no thread",
  open: async () => ({
    add: (a, b) => Promise.resolve({ value: a + b }),
    close: () => Promise.resolve(),
  }),
};
