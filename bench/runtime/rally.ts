// Rally: two kernels that pass a ball to and fro. One that throws it takes the times, on its own clock.
//
// A message may make eight hops, so that a circle of kernels ends. Each rally is therefore eight hops long,
// and the host, which sleeps meanwhile, starts the next one.

import {
  defineKernel,
  type KernelContext,
  type KernelHandle,
  message,
  type NodeRuntimeOptions,
  Runtime,
  u32,
} from "../../src/runtime.node.ts";
import { HOPS_MAX } from "../../src/runtime/mod.ts";
import type { Timing } from "../ring/contest.ts";

const Start = message({ number: u32 }, { name: "Start" });
const Ball = message({ number: u32, left: u32 }, { name: "Ball" });
/** Asks for so many calls one after the other; the first `warm` of them are not timed. */
const Ask = message({ calls: u32, warm: u32 }, { name: "Ask" });
const Echo = message({ number: u32 }, { name: "Echo" });

const GIVE_UP_MS = 10_000;

interface Court {
  /** How many rallies ended. */
  readonly ended: Int32Array;
  readonly times: Float64Array;
  start: number;
}

export const ping = defineKernel({
  id: "ping",
  module: import.meta.url,
  start: (count): Court => ({
    ended: new Int32Array(new SharedArrayBuffer(4)),
    times: new Float64Array(new SharedArrayBuffer(Number(count) * 8)),
    start: 0,
  }),
  shares: ({ ended, times }) => ({ ended, times }),
  on: [
    Start.do(({ number }, context: KernelContext<Court>) => {
      context.state.start = performance.now();
      throwTo("pong", { number, left: HOPS_MAX - 1 }, context);
    }),
    Ball.do(({ number, left }, context: KernelContext<Court>) => {
      if (left > 0) return throwTo("pong", { number, left: left - 1 }, context);
      const { ended, times, start } = context.state;
      times[number] = ((performance.now() - start) * 1e6) / HOPS_MAX;
      if (ended[0] !== number) throw new Error(`rally ${number} ended as number ${ended[0]}`);
      Atomics.add(ended, 0, 1);
      Atomics.notify(ended, 0);
    }),
    Ask.to(Ask, async ({ calls, warm }, context: KernelContext<Court>) => {
      const { times } = context.state;
      for (let i = 0; i < calls + warm; i++) {
        const start = performance.now();
        const { number } = await context.call("pong", Echo, { number: i }, Echo);
        if (i >= warm) times[i - warm] = ((performance.now() - start) * 1e6) / 2;
        if (number !== i) throw new Error(`${number} came back for ${i}`);
      }
      return { calls, warm };
    }),
  ],
});

export const pong = defineKernel({
  id: "pong",
  module: import.meta.url,
  on: [
    Ball.do(({ number, left }, context) => throwTo("ping", { number, left: left - 1 }, context)),
    Echo.to(Echo, ({ number }) => ({ number })),
  ],
});

/** A ball that is not delivered ends its rally: the host finds the failure in the kernel's counters. */
function throwTo(
  id: string,
  ball: { readonly number: number; readonly left: number },
  context: { send(id: string, message: typeof Ball, value: typeof ball): string },
): void {
  const status = context.send(id, Ball, ball);
  if (status !== "delivered") throw new Error(`to ${id}: ${status}`);
}

/** Nanoseconds of a hop: the mean of each rally. */
export async function timeRallies(options: NodeRuntimeOptions, rallies: number): Promise<Timing> {
  const warm = rallies / 10;
  await using runtime = await Runtime.create(options);
  const kernel = await open(runtime, rallies + warm);
  const { ended, times } = kernel.shares[0] as Pick<Court, "ended" | "times">;
  for (let number = 0; number < rallies + warm; number++) {
    kernel.send(Start, { number });
    await undefined; // Until then it may be gathered.
    while (Atomics.load(ended, 0) === number) {
      if (Atomics.wait(ended, 0, number, GIVE_UP_MS) === "timed-out")
        throw new Error(`rally ${number} did not end; ${kernel.metrics.failed} failures`);
    }
  }
  return { samples: [...times.subarray(warm)], callsPerSample: HOPS_MAX };
}

/** Half of what a call from kernel to kernel and its answer take. */
export async function timeCalls(options: NodeRuntimeOptions, calls: number): Promise<Timing> {
  const warm = calls / 10;
  await using runtime = await Runtime.create(options);
  const kernel = await open(runtime, calls);
  await kernel.call(Ask, { calls, warm }, { timeoutMs: 120_000 });
  const { times } = kernel.shares[0] as Pick<Court, "times">;
  return { samples: [...times], callsPerSample: 2 };
}

async function open(runtime: Runtime, count: number): Promise<KernelHandle<typeof ping>> {
  await runtime.launch(pong);
  const kernel = await runtime.launch(ping, { data: count, routes: ["pong"] });
  await runtime.connect("pong", "ping");
  return kernel;
}
