// How many calls does one worker answer in a second while many are under way, how many messages of 64
// bytes does it take that nobody waits for, and how many bytes of large ones.

import { MessageChannel } from "node:worker_threads";

import { createRing, IDLE } from "../../src/ring/mod.ts";
import type { Bench } from "../harness/bench.ts";
import type { Effort } from "../harness/measure.ts";
import { atLeast, type Entry, measuredIn, type Row } from "../harness/row.ts";
import { openRingbuf } from "../peers/peers.ts";
import { Chunks } from "../ring/chunks.ts";
import { contest, millions, runSides, type ThreadContender } from "../ring/contest.ts";
import { checkSum } from "../ring/trips.ts";
import { actor, type Adder, peerAdders } from "./adders.ts";
import { numbers, pages, pagesByPost, pagesOnOneThread, words } from "./streams.ts";

const GOAL_CALLS = 3;
const GOAL_SENDS = 10;
const GOAL_GIGABYTES = 4;
/** Calls under way at once. */
const WINDOW = 512;
const PAGE_BYTES = 4096;

export const bench: Bench = {
  name: "throughput",
  question: "how many calls and messages does one worker take in a second, and how many bytes?",
  isFresh: true,
  async *rows(effort) {
    yield await calls(effort);
    yield await sends(effort);
    yield await large(effort);
  },
};

async function calls(effort: Effort): Promise<Row> {
  const ours = `annulus, ${WINDOW} calls under way`;
  const { adders, missing } = peerAdders();
  const entries = await contest(
    [
      pipelined(actor(ours, { idle: IDLE.spinThenWait }), 1 << 21),
      ...adders.map((one) => pipelined(one, 1 << 17)),
    ],
    effort,
  );
  return {
    id: "runtime calls pipelined",
    what: `two numbers to one worker and their sum back, ${WINDOW} calls at a time`,
    entries: [...entries, ...missing],
    goals: [atLeast(`>= ${GOAL_CALLS} M calls/s`, GOAL_CALLS, millions(entries, ours))],
  };
}

/** Each answer makes the next call, so that as many are always under way. */
function pipelined(one: Adder, full: number): ThreadContender {
  return {
    name: one.name,
    time: async ({ quick }) => {
      const count = quick ? full / 4 : full;
      const { add, close } = await one.open();
      const clock = new Chunks(count);
      let [next, done] = [0, 0];
      const caller = async (): Promise<void> => {
        while (next < count) {
          const a = next++ & 0xffff; // Which a 32-bit float holds exactly.
          checkSum(await add(a, 1), a);
          clock.at(++done);
        }
      };
      try {
        await Promise.all(Array.from({ length: WINDOW }, caller));
      } finally {
        await close();
      }
      return clock.timing;
    },
  };
}

async function sends(effort: Effort): Promise<Row> {
  const ours = "annulus, eight numbers";
  const others = ringbuf();
  const entries = await contest(
    [
      numbers(ours, "again"),
      numbers("annulus, eight numbers, sendWaiting() where it is full", "wait"),
      words("annulus, an array of sixteen words"),
      bareRing(),
      ...others.contenders,
      postMessage(),
    ],
    effort,
  );
  return {
    id: "runtime sends",
    what: "64 bytes to a kernel that checks them, which nobody waits for",
    entries: [...entries, ...others.missing],
    goals: [atLeast(`>= ${GOAL_SENDS} M messages/s`, GOAL_SENDS, millions(entries, ours))],
    bytes: 64,
  };
}

/** What carries the messages, without types, clocks and handlers; runs of 64, as a sender gathers. */
function bareRing(): ThreadContender {
  return {
    name: "annulus, the ring alone",
    time: ({ quick }) => {
      const side = { memory: createRing({ slots: 4096 }), slots: slotsOf(quick), run: 64 };
      return runSides([
        { part: "publish", ...side, alone: true, first: 0, step: 1 },
        { part: "take", ...side, alone: true, owner: 1, takers: 1 },
      ]);
    },
  };
}

function slotsOf(quick: boolean): number {
  return quick ? 1 << 20 : 1 << 22;
}

function ringbuf(): { readonly contenders: ThreadContender[]; readonly missing: Entry[] } {
  const peer = openRingbuf();
  const name = "ringbuf.js, one at a time";
  if (!peer.opened)
    return { contenders: [], missing: [{ kind: "not-measured", name, why: peer.why }] };
  const { RingBuffer } = peer.peer;
  const time: ThreadContender["time"] = ({ quick }) => {
    const buffer = RingBuffer.getStorageForCapacity(4096 * 16, Int32Array);
    const side = { buffer, slots: slotsOf(quick), run: 1 };
    return runSides([
      { part: "push", ...side },
      { part: "pop", ...side },
    ]);
  };
  return { contenders: [{ name, time }], missing: [] };
}

function postMessage(): ThreadContender {
  return {
    name: "postMessage, an array of sixteen words",
    time: ({ quick }) => {
      const { port1, port2 } = new MessageChannel();
      const messages = quick ? 1 << 16 : 1 << 18;
      return runSides([
        { part: "post", port: port1, messages },
        { part: "receive", port: port2, messages },
      ]);
    },
  };
}

async function large(effort: Effort): Promise<Row> {
  const ours = "annulus, in cells";
  const entries = await contest(
    [
      pages(ours, { cellBytes: PAGE_BYTES, inputQueueCapacity: 256 }),
      pages("annulus, in blocks of the pool", { inputQueueCapacity: 256 }),
      pagesByPost(),
      pagesOnOneThread(),
    ],
    effort,
  );
  const median = measuredIn(entries, ours)?.medianNs;
  const rate = median === undefined ? undefined : PAGE_BYTES / median;
  return {
    id: "runtime sends 4 KiB",
    what: "4 KiB to a kernel that adds them up, which nobody waits for",
    entries,
    goals: [atLeast(`>= ${GOAL_GIGABYTES} GB/s`, GOAL_GIGABYTES, rate)],
    bytes: PAGE_BYTES,
  };
}
