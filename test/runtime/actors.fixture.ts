// Kernels for the tests of this folder, as a module that threads load.

import { type KernelContext, f64, list, message, text, u32 } from "../../src/message/mod.ts";
import { defineKernel } from "../../src/runtime/mod.ts";

export const Add = message({ a: u32, b: u32 });
export const Sum = message({ sum: u32 });
/** Many numbers, answered by how many, by as many, or by nothing. */
export const Total = message({ data: list("f64") }, { name: "Total" });
export const Totalled = message({ count: u32, first: f64, last: f64 });
export const Echo = message({ data: list("f64") }, { name: "Echo" });
export const Slow = message({ first: u32, data: list("f64") }, { name: "Slow" });
export const Sink = message({ data: list("f64") }, { name: "Sink" });
/** Answered by so many numbers, or by what cannot be written. */
export const Grow = message({ to: u32 }, { name: "Grow" });
export const Bad = message({ count: u32 }, { name: "Bad" });
/** Sends and calls without end: all that it does is done to "target". */
export const Rage = message({ size: u32 }, { name: "Rage" });
/** Waits until its time or a signal; without listening; or with its thread. */
export const Wait = message({ ms: u32 }, { name: "Wait" });
export const Deaf = message({ ms: u32 }, { name: "Deaf" });
export const Spin = message({ ms: u32 }, { name: "Spin" });
/** Counts under 0 that it has begun, and keeps its thread without listening. */
export const Grind = message({ ms: u32 }, { name: "Grind" });
/** Answered by so many numbers, the last of which never comes. */
export const Stuck = message({ elements: u32 }, { name: "Stuck" });
export const Throw = message({ why: u32 }, { name: "Throw" });
/** Throws what it says. */
export const Complain = message({ text: text() }, { name: "Complain" });
/** Emits what the kernel declares, or does not. */
export const Tell = message({ declared: u32 }, { name: "Tell" });
export const News = message({ number: u32 }, { name: "News" });
export const Rumour = message({ number: u32 }, { name: "Rumour" });
/** Counts in the memory that the launch gave, under this number. */
export const Mark = message({ number: u32 }, { name: "Mark" });
export const Exit = message({ code: u32 }, { name: "Exit" });

const sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(new Error("aborted"));
    });
  });

const start = (data: unknown): Int32Array =>
  data instanceof SharedArrayBuffer ? new Int32Array(data) : new Int32Array(8);

const on = [
  Add.to(Sum, ({ a, b }) => ({ sum: a + b })),
  Total.to(Totalled, ({ data }) => ({
    ...{ count: data.length, first: data[0] ?? 0, last: data.at(-1) ?? 0 },
  })),
  Echo.to(Echo, ({ data }) => ({ data })),
  Sink.do(() => {}),
  Grow.to(Echo, ({ to }) => ({ data: new Float64Array(to) })),
  Bad.to(Echo, ({ count }) => ({ data: Array<number>(count).fill(1n as never) })),
  Wait.to(Sum, async ({ ms }, { signal }) => {
    signal.throwIfAborted();
    await sleep(ms, signal);
    return { sum: ms };
  }),
  Deaf.to(Sum, async ({ ms }) => {
    await sleep(ms);
    return { sum: ms };
  }),
  Spin.to(Sum, ({ ms }, context) => {
    const end = performance.now() + ms;
    while (performance.now() < end) if (context.interrupted) throw new Error("stopped");
    return { sum: ms };
  }),
  Grind.to(Sum, ({ ms }, { state }: KernelContext<Int32Array>) => {
    Atomics.add(state, 0, 1);
    for (const end = performance.now() + ms; performance.now() < end;);
    return { sum: ms };
  }),
  Stuck.to(Slow, ({ elements }) => ({
    get first(): number {
      for (;;);
    },
    data: new Float64Array(elements),
  })),
  Complain.to(Sum, ({ text }) => {
    throw Object.assign(new Error(text), { stack: text });
  }),
  Tell.do(({ declared }, context) => {
    if (declared !== 0) context.emit(News, { number: declared });
    else context.emit(Rumour, { number: declared });
  }),
  Throw.to(Sum, ({ why }) => {
    throw new RangeError(`told to: ${why}`);
  }),
  Mark.to(Sum, ({ number }, { state }: KernelContext<Int32Array>) => ({
    sum: Atomics.add(state, number, 1),
  })),
  Exit.do(({ code }) => process.exit(code)),
] as const;

const actor = (id: string) =>
  defineKernel({ id, module: import.meta.url, start, on, emits: [News] });

export const ada = actor("ada");
export const bob = actor("bob");
export const cid = actor("cid");
export const dan = actor("dan");

/** Its thread is gone before it has started. */
export const stillborn = defineKernel({
  ...{ id: "stillborn", module: import.meta.url, on },
  start: (): Int32Array => process.exit(7),
});

/** It cannot even end. */
export const sore = defineKernel({
  ...{ id: "sore", module: import.meta.url, start, on },
  stop() {
    throw new Error("cannot stop");
  },
});

const Ask = message({ ms: u32 }, { name: "Ask" });
export { Ask };

/** Calls `ada`, and hands its answer on. */
export const asker = defineKernel({
  ...{ id: "asker", module: import.meta.url, start },
  on: [Ask.to(Sum, ({ ms }, context) => context.call("ada", Wait, { ms }, Sum))],
});

/** Calls `ada` as the asker does, and answers how often its thread has waited by `Atomics.waitAsync`. */
export const counter = defineKernel({
  id: "counter",
  module: import.meta.url,
  start() {
    const { waitAsync } = Atomics;
    const waits = { count: 0 };
    Atomics.waitAsync = ((...given: Parameters<typeof waitAsync>) => {
      waits.count++;
      return waitAsync(...given);
    }) as typeof waitAsync;
    return waits;
  },
  on: [
    Ask.to(Sum, async ({ ms }, context: KernelContext<{ count: number }>) => {
      await context.call("ada", Wait, { ms }, Sum);
      return { sum: context.state.count };
    }),
  ],
});

/** Its last word comes when it ends. */
export const last = defineKernel({
  ...{ id: "last", module: import.meta.url, on: [], emits: [News] },
  stop: (context) => void context.emit(News, { number: 1 }),
});

/** What it takes does no harm, whatever its numbers are. */
export const target = defineKernel({
  ...{ id: "target", module: import.meta.url },
  on: on.filter(({ message: { id } }) =>
    [Add, Total, Echo, Sink, Throw].some((harmless) => harmless.id === id),
  ),
});

/** What there is to kill while it sends: small ones, large ones, calls, one after the other. */
export const sender = defineKernel({
  ...{ id: "sender", module: import.meta.url },
  on: [
    Rage.do(async ({ size }, context) => {
      const data = new Float64Array(size);
      for (let round = 0; ; round++) {
        const calls = Array.from({ length: 8 }, () => context.call("target", Echo, { data }, Echo));
        for (let i = 0; i < 50; i++) {
          context.send("target", Sink, { data: data.subarray(0, 4) });
          context.send("target", Total, { data });
        }
        await Promise.allSettled(calls);
      }
    }),
  ],
});
