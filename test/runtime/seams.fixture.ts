// Kernels for tests of what happens where parts of the runtime meet.

import { setTimeout as after } from "node:timers/promises";
import { threadId } from "node:worker_threads";
import { type KernelContext, message, u32 } from "../../src/message/mod.ts";
import { defineKernel, type KernelPlace } from "../../src/runtime/define-kernel.ts";

export const Put = message({ n: u32 }, { name: "Put" });
export const Where = message({ nothing: u32 }, { name: "Where" });
export const There = message({ thread: u32, count: u32 }, { name: "There" });
export const Nap = message({ ms: u32 }, { name: "Nap" });

interface State {
  count: number;
}

const on = [
  Put.do((_, { state }: KernelContext<State>) => void state.count++),
  Where.to(There, (_, { state }: KernelContext<State>) => ({
    thread: threadId,
    count: state.count,
  })),
  Nap.do(({ ms }, { signal }) => after(ms, undefined, { signal })),
] as const;

const start = (): State => ({ count: 0 });

export const plain = defineKernel({ id: "plain", module: import.meta.url, start, on });

/** Of a grid's threads the first does not start, and the others take their time. */
export const uneven = defineKernel({
  ...{ id: "uneven", module: import.meta.url, on },
  async start(_: unknown, place: KernelPlace): Promise<State> {
    if (place.index === 0) throw new Error("not here");
    await after(300);
    return start();
  },
});

/** Its `restore` takes its time. */
export const slowly = defineKernel({
  ...{ id: "slowly", module: import.meta.url, start, on, save: (state: State) => state },
  async restore(saved: unknown): Promise<State> {
    await after(800);
    return saved as State;
  },
});
