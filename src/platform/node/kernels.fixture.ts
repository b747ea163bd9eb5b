// Kernels for tests, as a module that threads load.

import { array, f32, type KernelContext, list, message, text, u32 } from "../../message/mod.ts";
import { defineKernel } from "../../runtime/mod.ts";

export const Add = message({ a: f32, b: f32 });
export const Sum = message({ value: f32 });
export const Say = message({ text: text() }, { name: "Say" });
export const Said = message({ count: u32, text: text() });
export const Numbers = message({ data: list("f32") });
export const Four = message({ data: array("f32", 4) });
/** A number that is emitted as often as it says. */
export const Count = message({ to: u32 });
export const Number = message({ number: u32 });
/** Waits without blocking, or by spinning until it is interrupted. */
export const Wait = message({ ms: u32 }, { name: "Wait" });
export const Spin = message({ ms: u32 }, { name: "Spin" });
/** Ends the thread. */
export const Exit = message({ code: u32 });
export const Unknown = message({ nobody: u32, takes: u32, me: u32 });

interface State {
  said: number;
}

export const adder = defineKernel({
  id: "adder",
  module: import.meta.url,
  start: (): State => ({ said: 0 }),
  emits: [Number],
  on: [
    Add.to(Sum, ({ a, b }) => ({ value: a + b })),
    Say.to(Said, (m, context: KernelContext<State>) => {
      if (m.text === "fail") throw new RangeError("told to");
      context.state.said++;
      return { count: context.state.said, text: `${m.text}!` };
    }),
    Numbers.to(Numbers, ({ data }) => ({ data: data.map((x) => 2 * x) })),
    Four.to(Four, ({ data }) => ({ data: data.toReversed() })),
    Count.do(({ to }, context) => {
      for (let number = 0; number < to; number++) context.emit(Number, { number });
    }),
    Wait.to(Number, async ({ ms }, { signal }) => {
      signal.throwIfAborted();
      const started = performance.now();
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(resolve, ms);
        signal.addEventListener("abort", () => {
          clearTimeout(timer);
          reject(new Error("aborted"));
        });
      });
      return { number: performance.now() - started };
    }),
    Spin.to(Number, ({ ms }, context) => {
      const end = performance.now() + ms;
      while (performance.now() < end) if (context.interrupted) throw new Error("stopped");
      return { number: ms };
    }),
    Exit.do(({ code }) => process.exit(code)),
  ],
});

/** Counts in memory that the host has too, and looks at nothing but one word of it. */
export const sharer = (onInterrupt?: () => void) =>
  defineKernel({
    id: "sharer",
    module: import.meta.url,
    ...(onInterrupt === undefined ? {} : { onInterrupt }),
    start: () => new Int32Array(new SharedArrayBuffer(8)),
    shares: (words) => ({ words }),
    on: [
      Say.do((_, { state: words }: KernelContext<Int32Array>) => {
        Atomics.add(words, 0, 1);
        while (Atomics.load(words, 1) === 0);
        throw new Error("stopped");
      }),
    ],
  });
export const shared = sharer();
/** What it shares cannot pass between threads. */
export const uncloneable = defineKernel({
  id: "uncloneable",
  module: import.meta.url,
  shares: () => () => {},
  on: [],
});
export const unsharing = defineKernel({
  id: "unsharing",
  module: import.meta.url,
  shares: () => {
    throw new Error("cannot share");
  },
  on: [],
});

export const broken = defineKernel({
  id: "broken",
  module: import.meta.url,
  start() {
    throw new Error("cannot start");
  },
  on: [],
});
