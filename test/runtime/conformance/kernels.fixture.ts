// Kernels of the conformance table, as a module that threads load.

import { threadId } from "node:worker_threads";
import { Failure } from "../../../src/base/mod.ts";
import { f64, type KernelContext, list, message, text, u32 } from "../../../src/message/mod.ts";
import { defineKernel } from "../../../src/runtime/mod.ts";
import type { KernelPlace } from "../../../src/runtime/define-kernel.ts";

export const Add = message({ a: u32, b: u32 }, { name: "Add" });
export const Sum = message({ sum: u32 }, { name: "Sum" });
/** Says `Held` when it has started, and goes on until it is told to stop. Then it throws. */
export const Hold = message({ number: u32 }, { name: "Hold" });
export const Held = message({ number: u32, thread: u32 }, { name: "Held" });
/** The same in a loop that never returns to the event loop; it ends after `ms` at the latest. */
export const Spin = message({ ms: u32 }, { name: "Spin" });
/** Fails as `FAILING` says. */
export const Fail = message({ how: u32 }, { name: "Fail" });
/** So many numbers, answered by how many they were; and the other way round. */
export const Many = message({ data: list("f64") }, { name: "Many" });
export const Grow = message({ to: u32 }, { name: "Grow" });
/** Emits the numbers from 0 on. */
export const Count = message({ to: u32 }, { name: "Count" });
export const Counted = message({ number: u32 }, { name: "Counted" });
/** Answered by how many of it were handled before. */
export const Next = message({ lane: u32 }, { name: "Next" });
/** The thread that handles it, what of a processor it has used so far, and what `start` got. */
export const Where = message({ any: u32 }, { name: "Where" });
export const There = message({ thread: u32, cpu: f64, data: text() }, { name: "There" });
/** Goes to another kernel as `RELAYS` says, and answers with what became of it. */
export const Relay = message({ how: u32, to: text() }, { name: "Relay" });
export const Relayed = message({ outcome: text() }, { name: "Relayed" });
/** Calls the kernel itself until it is refused. */
export const Hop = message({ hops: u32 }, { name: "Hop" });
/** No kernel declares that it emits it. */
const Rumour = message({ of: u32 }, { name: "Rumour" });
export const Exit = message({ code: u32 }, { name: "Exit" });

export const FAILING = { throws: 0, rejects: 1, answersWhatCannotBeWritten: 2 } as const;
export const RELAYS = { call: 0, send: 1, callThatWaits: 2, emit: 3 } as const;

interface State {
  readonly data: unknown;
  next: number;
}

const told = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    const stop = (): void => reject(new Error("told to stop"));
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
  });

const outcomeOf = (promise: Promise<unknown>): Promise<{ outcome: string }> =>
  promise.then(
    () => ({ outcome: "ok" }),
    (error: unknown) => ({ outcome: error instanceof Failure ? error.code : String(error) }),
  );

const on = [
  Add.to(Sum, ({ a, b }) => ({ sum: a + b })),
  Hold.to(Sum, ({ number }, context) => {
    context.emit(Held, { number, thread: threadId });
    return told(context.signal);
  }),
  Spin.to(Sum, ({ ms }, context) => {
    context.emit(Held, { number: ms, thread: threadId });
    const end = performance.now() + ms;
    while (performance.now() < end) if (context.interrupted) throw new Error("told to stop");
    return { sum: ms };
  }),
  Fail.to(Many, ({ how }) => {
    if (how === FAILING.throws) throw new RangeError("thrown");
    if (how === FAILING.rejects) return Promise.reject(new RangeError("rejected"));
    return { data: [1n as never] };
  }),
  Many.to(Sum, ({ data }) => ({ sum: data.length })),
  Grow.to(Many, ({ to }) => ({ data: new Float64Array(to) })),
  Count.do(({ to }, context) => {
    for (let number = 0; number < to; number++) context.emit(Counted, { number });
  }),
  Next.to(Sum, (_, { state }: KernelContext<State>) => ({ sum: state.next++ })),
  Where.to(There, (_, { state }: KernelContext<State>) => {
    const { user, system } = process.threadCpuUsage();
    return { thread: threadId, cpu: user + system, data: JSON.stringify(state.data) ?? "" };
  }),
  Relay.to(Relayed, ({ how, to }, context) => {
    if (how === RELAYS.send) return { outcome: context.send(to, Add, { a: 1, b: 2 }) };
    if (how === RELAYS.emit) return outcomeOf((async () => context.emit(Rumour, { of: 1 }))());
    if (how === RELAYS.call) return outcomeOf(context.call(to, Add, { a: 1, b: 2 }, Sum));
    return outcomeOf(context.call(to, Hold, { number: 0 }, Sum, 1));
  }),
  Hop.to(Relayed, async ({ hops }, context) => {
    try {
      return await context.call(context.kernel, Hop, { hops: hops + 1 }, Relayed);
    } catch (error) {
      return { outcome: `${error instanceof Failure ? error.code : String(error)} ${hops}` };
    }
  }),
  Exit.do(({ code }) => process.exit(code)),
] as const;

const actor = (id: string) =>
  defineKernel({
    ...{ id, module: import.meta.url, on, emits: [Held, Counted] },
    start: (data: unknown, { shared }: KernelPlace): State => ({
      data: data === "shared" ? shared.byteLength : data,
      next: 0,
    }),
  });

export const subject = actor("subject");
export const neighbour = actor("neighbour");

/** Its `start` throws, or its `stop`. */
export const stillborn = defineKernel({
  ...{ id: "stillborn", module: import.meta.url, on: [] },
  start() {
    throw new Error("cannot start");
  },
});
export const sore = defineKernel({
  ...{ id: "sore", module: import.meta.url, on: [] },
  stop() {
    throw new Error("cannot stop");
  },
});

/** It must stay on its thread. */
export const rooted = defineKernel({
  ...{ id: "rooted", module: import.meta.url, on: [], stays: true },
});

/** It starts only once, as the memory that it gets remembers. */
export const fickle = defineKernel({
  ...{ id: "fickle", module: import.meta.url, on: [Exit.do(({ code }) => process.exit(code))] },
  start(data: unknown) {
    if (Atomics.add(new Int32Array(data as SharedArrayBuffer), 0, 1) > 0)
      throw new Error("only once");
  },
});
