// How long from publishing a slot until its publisher sees it done, with an executor that spins and with
// one that sleeps; and how long a message to another thread and back takes with others.

import { createRing, IDLE, type IdlePolicy } from "../../src/ring/mod.ts";
import type { Bench } from "../harness/bench.ts";
import type { Effort } from "../harness/measure.ts";
import { atMost, type Entry, measuredIn, type Row } from "../harness/row.ts";
import { openPiscina, type Piscina } from "../peers/peers.ts";
import { contest, runSides, type ThreadContender } from "./contest.ts";
import { bareWake, postTrips, timeTrips } from "./trips.ts";

const SPINNING = "annulus, executor spins";
const ASLEEP = "annulus, executor asleep";
const GOAL_SPINNING_NS = 1500;
const GOAL_ASLEEP_NS = 20_000;
/** Long enough for an executor to have fallen asleep. */
const PAUSE_MS = 0.3;

export const bench: Bench = {
  name: "round-trip",
  question: "how long from publishing a slot until it is seen done, awake and asleep?",
  async *rows(effort) {
    yield await spinning(effort);
    yield await asleep(effort);
  },
};

async function spinning(effort: Effort): Promise<Row> {
  const contenders = [trips(SPINNING, IDLE.spin, 0), postTrips("postMessage, there and back")];
  const missing: Entry[] = [];
  const peer = openPiscina();
  if (peer.opened) contenders.push(piscina(peer.peer.Piscina));
  else missing.push({ kind: "not-measured", name: "piscina, run", why: peer.why });
  const entries = await contest(contenders, effort);
  const median = measuredIn(entries, SPINNING)?.medianNs;
  return {
    id: "ring round trip",
    what: "one slot published, run and seen done, and the next one then",
    entries: [...entries, ...missing],
    goals: [atMost(`<= ${GOAL_SPINNING_NS} ns`, GOAL_SPINNING_NS, median)],
  };
}

async function asleep(effort: Effort): Promise<Row> {
  const entries = await contest([trips(ASLEEP, IDLE.wait, PAUSE_MS), bareWake(PAUSE_MS)], effort);
  const median = measuredIn(entries, ASLEEP)?.medianNs;
  return {
    id: "ring round trip asleep",
    what: "one slot published, run and seen done, the executor woken for it",
    entries,
    goals: [atMost(`<= ${GOAL_ASLEEP_NS} ns`, GOAL_ASLEEP_NS, median)],
  };
}

function trips(name: string, idle: IdlePolicy, pauseMs: number): ThreadContender {
  return {
    name,
    time: ({ quick }) => {
      const memory = createRing({ slots: 64 });
      const count = pauseMs > 0 ? (quick ? 500 : 3000) : quick ? 20_000 : 200_000;
      return runSides([
        { part: "trip", memory, trips: count, pauseMs },
        { part: "serve", memory, idle },
      ]);
    },
  };
}

/** A task that returns its argument, on one thread that is warm. */
function piscina(Pool: new (options: object) => Piscina): ThreadContender {
  return {
    name: "piscina, run",
    time: async ({ quick }) => {
      const filename = new URL("./piscina-task.mjs", import.meta.url).href;
      const pool = new Pool({ filename, name: "echo", minThreads: 1, maxThreads: 1 });
      const count = quick ? 500 : 5000;
      const timing = await timeTrips({
        count,
        go: (i) => pool.run(i),
        check: (back, i) => {
          if (back !== i) throw new Error("another task's answer came back");
        },
      });
      await pool.destroy();
      return timing;
    },
  };
}
