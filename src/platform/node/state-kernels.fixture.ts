// Kernels whose state is saved, for tests.

import { BroadcastChannel, threadId } from "node:worker_threads";
import { setTimeout } from "node:timers/promises";
import { type KernelContext, list, message, text, u32 } from "../../message/mod.ts";
import { defineKernel } from "../../runtime/mod.ts";

/** Numbered by each sender from 1. */
export const Step = message({ n: u32 }, { name: "Step" });
export const Ask = message({ nothing: u32 }, { name: "Ask" });
export const Told = message({
  steps: u32,
  sources: u32,
  wrong: u32,
  thread: u32,
  handled: u32,
});
/** Answers with its number after a while. */
export const Slow = message({ n: u32, ms: u32 }, { name: "Slow" });
export const Large = message({ data: list("u8") }, { name: "Large" });
/** Puts something into the state that cannot be saved. */
export const Spoil = message({ with: text() }, { name: "Spoil" });
export const Feed = message({ count: u32 }, { name: "Feed" });
export const Fed = message({ sent: u32 }, { name: "Fed" });
/** Holds the thread until it is interrupted, or for so long. */
export const Block = message({ ms: u32 }, { name: "Block" });

export interface Ledger {
  /** By source: the last number. */
  last: Map<number, number>;
  wrong: number;
  handled: number;
  spoiled?: unknown;
}

function count({ state, source }: KernelContext<Ledger>, n: number): void {
  if (n !== (state.last.get(source) ?? 0) + 1) state.wrong++;
  state.last.set(source, n);
  state.handled++;
}

/** Counts each sender's numbers, and those that are lost, doubled or out of order. */
export const ledger = defineKernel({
  id: "ledger",
  module: import.meta.url,
  start: (): Ledger => ({ last: new Map(), wrong: 0, handled: 0 }),
  on: [
    Step.to(Step, ({ n }, context: KernelContext<Ledger>) => {
      count(context, n);
      return { n };
    }),
    Ask.to(Told, (_, { state }: KernelContext<Ledger>) => {
      const { last, wrong, handled } = state;
      const steps = [...last.values()].reduce((sum, n) => sum + n, 0);
      return { steps, sources: last.size, wrong, handled, thread: threadId };
    }),
    Slow.to(Slow, async ({ n, ms }, { signal }) => {
      const answer = { n, ms }; // What is read later than now is not the message any more.
      await setTimeout(ms, undefined, { signal });
      return answer;
    }),
    Large.do(({ data }, { state }: KernelContext<Ledger>) => {
      state.handled += data.length;
    }),
    Spoil.do(({ with: what }, { state }: KernelContext<Ledger>) => {
      if (what === "") delete state.spoiled;
      else state.spoiled = () => what;
    }),
    Block.do(({ ms }, context) => {
      const until = performance.now() + ms;
      while (performance.now() < until && !context.interrupted);
    }),
  ],
});

/** Sends its numbers to the ledger, past the host. */
export const feeder = defineKernel({
  id: "feeder",
  module: import.meta.url,
  start: () => ({ sent: 0 }),
  on: [
    Feed.to(Fed, ({ count: most }, context: KernelContext<{ sent: number }>) => {
      const { state } = context;
      for (let i = 0; i < most; i++) {
        if (context.send("ledger", Step, { n: state.sent + 1 }) !== "delivered") break; // Full: later.
        state.sent++;
      }
      return { sent: state.sent };
    }),
    Slow.to(Slow, async ({ n, ms }, context) => {
      const asked = { n, ms };
      return context.call("ledger", Slow, asked, Slow);
    }),
  ],
});

/** What each thread of the process says happened there. */
const left = new BroadcastChannel("state-kernels");
left.unref();

interface Kept {
  readonly from: string;
  readonly total: number;
}

/** Has a state that only its hooks can save; `data` tells `restore` to fail. */
export const hooked = defineKernel({
  id: "hooked",
  module: import.meta.url,
  start: () => ({ from: "start", add: (n: number) => n, total: 0 }),
  save: ({ total }) => {
    if (total === 13) throw new Error("unlucky");
    return { from: "save", total };
  },
  restore: (saved, data) => {
    const { from, total } = saved as Kept;
    if (data === threadId || data === "never") throw new Error("cannot restore");
    return { from: `restore of ${from}`, add: (n: number) => n, total };
  },
  leave: ({ total }) => {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- A thread has no origin.
    left.postMessage({ thread: threadId, total });
    if (total === 7) throw new Error("cannot leave");
  },
  on: [
    Step.to(
      Told,
      ({ n }, { state }: KernelContext<{ total: number; add: (n: number) => number }>) => {
        state.total += state.add(n);
        return { steps: state.total, sources: 0, wrong: 0, handled: 0, thread: threadId };
      },
    ),
    Ask.to(Fed, (_, { state }: KernelContext<{ from: string }>) => ({ sent: state.from.length })),
  ],
});
