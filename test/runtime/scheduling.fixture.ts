// Kernel for the tests of schedulers, as a module that threads load.

import { type KernelContext, message, u32 } from "../../src/message/mod.ts";
import { defineKernel, type KernelDefinition } from "../../src/runtime/mod.ts";
import type { KernelPlace } from "../../src/runtime/define-kernel.ts";

export const Work = message({ number: u32 }, { name: "Work" });
/** Keeps its thread busy for some milliseconds. */
export const Slow = message({ ms: u32 }, { name: "Slow" });
/** Holds its thread until the gate is open. */
export const Block = message({ number: u32 }, { name: "Block" });
/** Which thread of the grid handled it, and as which of its messages. */
export const Done = message({ thread: u32, turn: u32 });

interface State {
  readonly thread: number;
  /** 1 opens it. */
  readonly gate: Int32Array;
  turns: number;
}

type Context = KernelContext<State>;

const done = ({ state }: Context): { thread: number; turn: number } => ({
  thread: state.thread,
  turn: state.turns++,
});

export const worker = defineKernel({
  id: "worker",
  module: import.meta.url,
  start: (data: unknown, { index }: KernelPlace): State => ({
    ...{ thread: index, gate: new Int32Array(data as SharedArrayBuffer), turns: 0 },
  }),
  on: [
    Work.to(Done, (_, context: Context) => done(context)),
    Slow.to(Done, ({ ms }, context: Context) => {
      const end = performance.now() + ms;
      while (performance.now() < end);
      return done(context);
    }),
    Block.to(Done, (_, context: Context) => {
      Atomics.wait(context.state.gate, 0, 0);
      return done(context);
    }),
  ],
}) satisfies KernelDefinition<State>;

/** Sends so many messages to `worker`, and says how many were delivered. */
export const Relay = message({ count: u32 }, { name: "Relay" });
export const Relayed = message({ delivered: u32 });

export const relay = defineKernel({
  id: "relay",
  module: import.meta.url,
  on: [
    Relay.to(Relayed, ({ count }, context) => {
      let delivered = 0;
      for (let number = 0; number < count; number++)
        if (context.send("worker", Work, { number }) === "delivered") delivered++;
      return { delivered };
    }),
  ],
});
