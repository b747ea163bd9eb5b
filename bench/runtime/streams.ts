// Streams: messages that nobody waits for, one after the other, to one consumer that checks every one.
//
// A sender that finds the queue full looks again at once, as a busy thread would, or sleeps until there is
// room. In the end it asks how many messages came and how many were wrong.

import { Worker } from "node:worker_threads";

import { type KernelHandle, type LaunchOptions, Runtime } from "../../src/runtime.node.ts";
import { Chunks } from "../ring/chunks.ts";
import type { ThreadContender, Timing } from "../ring/contest.ts";
import { Ask, Numbers, Page, sink, sumOf, Words } from "./kernels.ts";

type Sink = KernelHandle<typeof sink>;
/** Sends message `i`; false where the queue was full. */
type Send = (to: Sink, i: number) => boolean;

/** `drop-newest` makes a full queue an answer. Nothing is lost: what was not sent is sent again. */
const LAUNCH: LaunchOptions = { whenFull: "drop-newest" };
const MESSAGES = { quick: 1 << 20, full: 1 << 23 };
const PAGES = { quick: 1 << 16, full: 1 << 19 };

export function numbers(name: string, whenFull: "again" | "wait"): ThreadContender {
  return stream(name, {
    counts: MESSAGES,
    send: (to, i) => to.send(Numbers, eightFrom(i)),
    ...(whenFull === "wait" ? { wait: sendWhenFree } : {}),
  });
}

function sendWhenFree(to: Sink, i: number): Promise<void> {
  return to.sendWaiting(Numbers, eightFrom(i));
}

const eight = { a: 0, b: 0, c: 0, d: 0, e: 0, f: 0, g: 0, h: 0 };

/** Message `i`, in the same object each time: what is sent is copied. */
export function eightFrom(i: number): typeof eight {
  eight.a = i;
  eight.b = i + 1;
  eight.c = i + 2;
  eight.d = i + 3;
  eight.e = i + 4;
  eight.f = i + 5;
  eight.g = i + 6;
  eight.h = i + 7;
  return eight;
}

export function words(name: string): ThreadContender {
  const value = { words: new Int32Array(16) };
  const send: Send = (to, i) => {
    for (let k = 0; k < 16; k++) value.words[k] = i + k;
    return to.send(Words, value);
  };
  return stream(name, { counts: MESSAGES, send });
}

export function pages(name: string, launch: LaunchOptions): ThreadContender {
  const value = { words: page() };
  const sum = sumOf(value.words);
  const send: Send = (to, i) => {
    value.words[0] = i;
    return to.send(Page, value);
  };
  return stream(name, { counts: PAGES, launch, send, sum });
}

/** A page whose first word is still 0. */
function page(): Int32Array {
  return Int32Array.from({ length: 1024 }, (_, k) => Math.imul(k, 0x9e37_79b1));
}

interface Stream {
  readonly counts: typeof MESSAGES;
  readonly send: Send;
  /** Instead of looking again. */
  readonly wait?: (to: Sink, i: number) => Promise<void>;
  readonly launch?: LaunchOptions;
  /** What the words of a page add up to, less its number. */
  readonly sum?: number;
}

function stream(name: string, { counts, send, wait, launch, sum = 0 }: Stream): ThreadContender {
  return {
    name,
    time: async ({ quick }) => {
      const count = quick ? counts.quick : counts.full;
      await using runtime = await Runtime.create({ threads: 1 });
      const to = await runtime.launch(sink, { ...LAUNCH, ...launch });
      await to.call(Ask, { sum });
      const clock = new Chunks(count);
      for (let i = 0; i < count; clock.at(++i)) {
        if (send(to, i)) continue;
        if (wait === undefined) while (!send(to, i));
        else await wait(to, i);
      }
      await mustHave(to, count);
      return clock.timing;
    },
  };
}

/** Fails unless it got so many messages, each as it should be. Its queue may be full for the first question. */
export async function mustHave(to: Sink, count: number): Promise<void> {
  const ask = () => to.call(Ask, { sum: 0 });
  const told = await ask().catch(ask);
  if (told.count !== count || told.wrong > 0)
    throw new Error(`of ${count} messages ${told.count} came, ${told.wrong} were wrong`);
}

/** A thread gets copies, 64 at a time, and adds them up. */
export function pagesByPost(): ThreadContender {
  return {
    name: "postMessage, a copy of each",
    time: async ({ quick }) => {
      const count = (quick ? PAGES.quick : PAGES.full) / 8;
      const worker = new Worker(new URL("./page-thread.ts", import.meta.url));
      const words = page();
      const clock = new Chunks(count);
      worker.postMessage(sumOf(words), []);
      for (let i = 0; i < count;) {
        for (const end = i + 64; i < end; i++) {
          words[0] = i;
          worker.postMessage(words, []);
        }
        const { promise, resolve, reject } = Promise.withResolvers<unknown>();
        worker.once("message", resolve).once("error", reject);
        await promise; // Else all of them pile up in memory.
        worker.off("error", reject);
        clock.at(i);
      }
      await worker.terminate();
      return clock.timing;
    },
  };
}

/** What copying a page and adding it up takes where nobody passes it on. */
export function pagesOnOneThread(): ThreadContender {
  return {
    name: "copied and added up on one thread",
    time: async ({ quick }): Promise<Timing> => {
      const count = quick ? PAGES.quick : PAGES.full;
      const words = page();
      const sum = sumOf(words);
      const cells = new Int32Array(new SharedArrayBuffer(256 * 4096));
      const clock = new Chunks(count);
      for (let i = 0; i < count; clock.at(++i)) {
        words[0] = i;
        const at = (i & 255) * 1024;
        cells.set(words, at);
        if (sumOf(cells.subarray(at, at + 1024)) !== ((sum + i) | 0)) throw new Error("wrong sum");
      }
      return clock.timing;
    },
  };
}
