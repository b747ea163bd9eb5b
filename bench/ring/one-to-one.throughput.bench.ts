// How many 64-byte slots pass from one thread to another in a second: one to one, two to one and one to
// two, in runs of several lengths, over rings of several sizes; and how many messages others pass.

import { MessageChannel } from "node:worker_threads";

import { createRing } from "../../src/ring/mod.ts";
import type { Bench } from "../harness/bench.ts";
import type { Effort } from "../harness/measure.ts";
import { atLeast, atMost, type Entry, type Row } from "../harness/row.ts";
import { openRingbuf } from "../peers/peers.ts";
import { contest, millions, runSides, type ThreadContender } from "./contest.ts";
import type { SideData } from "./side.ts";

const SLOTS = 4096;
const SIZES = [64, 1024, 16_384, 1_048_576];
const RUNS = [1, 8, 64];
const GOAL = 20;
/** The slowest size may take so much longer a slot than the fastest. */
const FLAT = 1.5;

export const bench: Bench = {
  name: "one-to-one",
  question: "how many 64-byte slots pass between threads in a second, and what do others pass?",
  async *rows(effort) {
    for (const run of RUNS) yield await oneToOne(effort, run);
    yield await several(effort);
    yield await sizes(effort);
  },
};

async function oneToOne(effort: Effort, run: number): Promise<Row> {
  const ours = `annulus, runs of ${run}`;
  const general = `annulus, runs of ${run}, not told that it is alone`;
  const contenders = [
    ringOf(ours, { run, publishers: 1, takers: 1 }),
    ringOf(general, { run, publishers: 1, takers: 1, alone: false }),
  ];
  const missing: Entry[] = [];
  const peer = openRingbuf();
  const name = `ringbuf.js, runs of ${run}`;
  if (peer.opened) contenders.push(ringbuf(name, run, peer.peer.RingBuffer));
  else missing.push({ kind: "not-measured", name, why: peer.why });
  if (run === 1) contenders.push(postMessage());
  const entries = await contest(contenders, effort);
  const rate = millions(entries, ours);
  return {
    id: `ring one to one, runs of ${run}`,
    what: `a 64-byte slot from a thread to another, ${run} at a time, ring of ${SLOTS}`,
    entries: [...entries, ...missing],
    goals: run === 64 ? [atLeast(`>= ${GOAL} M slots/s`, GOAL, rate)] : [],
    bytes: 64,
  };
}

async function several(effort: Effort): Promise<Row> {
  const entries = await contest(
    [
      ringOf("annulus, two to one", { run: 64, publishers: 2, takers: 1 }),
      ringOf("annulus, one to two", { run: 64, publishers: 1, takers: 2 }),
    ],
    effort,
  );
  return {
    id: "ring several",
    what: "a 64-byte slot where two threads publish, or two take, 64 at a time",
    entries,
    goals: [],
    bytes: 64,
    notes: ["Three busy threads: on two cores they share them."],
  };
}

async function sizes(effort: Effort): Promise<Row> {
  const contenders = SIZES.map((slots) => {
    const name = `annulus, ring of ${slots} slots`;
    return ringOf(name, { run: 32, publishers: 1, takers: 1, slots });
  });
  const entries = await contest(contenders, effort);
  const medians = entries.map(({ medianNs }) => medianNs);
  const spread = Math.max(...medians) / Math.min(...medians);
  return {
    id: "ring sizes",
    what: "a 64-byte slot from a thread to another, 32 at a time, by the size of the ring",
    entries,
    goals: [atMost(`<= ${FLAT}x between the sizes`, FLAT, spread)],
    bytes: 64,
  };
}

interface Topology {
  readonly run: number;
  readonly publishers: number;
  readonly takers: number;
  readonly slots?: number;
  readonly alone?: boolean;
}

function ringOf(
  name: string,
  { run, publishers, takers, slots: size = SLOTS, alone = true }: Topology,
): ThreadContender {
  return {
    name,
    time: ({ quick }) => {
      const memory = createRing({ slots: size });
      const slots = slotsOf(quick, run === 1 || !alone ? 4 : 1);
      const sides: SideData[] = [];
      for (let i = 0; i < publishers; i++) {
        const only = alone && publishers === 1;
        sides.push({
          ...{ part: "publish", memory, slots, run, alone: only, first: i, step: publishers },
        });
      }
      for (let i = 0; i < takers; i++) {
        const only = alone && takers === 1;
        sides.push({ part: "take", memory, slots, run, alone: only, owner: i + 1, takers });
      }
      return runSides(sides);
    },
  };
}

/** A multiple of all runs and of the chunks that are timed. */
function slotsOf(quick: boolean, divisor: number): number {
  return (quick ? 1 << 21 : 1 << 23) / divisor;
}

function ringbuf(
  name: string,
  run: number,
  RingBuffer: { getStorageForCapacity(capacity: number, type: unknown): SharedArrayBuffer },
): ThreadContender {
  return {
    name,
    time: ({ quick }) => {
      const buffer = RingBuffer.getStorageForCapacity(SLOTS * 16, Int32Array);
      const slots = slotsOf(quick, run === 1 ? 4 : 1);
      return runSides([
        { part: "push", buffer, slots, run },
        { part: "pop", buffer, slots, run },
      ]);
    },
  };
}

function postMessage(): ThreadContender {
  return {
    name: "postMessage, 64 bytes",
    time: ({ quick }) => {
      const { port1, port2 } = new MessageChannel();
      const messages = quick ? 40_960 : 122_880;
      return runSides([
        { part: "post", port: port1, messages },
        { part: "receive", port: port2, messages },
      ]);
    },
  };
}
