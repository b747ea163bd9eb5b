// Four ways to be done with a message: give up waiting, take it back, interrupt its handler, kill the thread.
//
//   node examples/12-stops.ts

import { defineKernel, Failure, type KernelContext, message } from "../src/runtime.node.ts";
import { Runtime, u32 } from "../src/runtime.node.ts";
import { isMainThread } from "node:worker_threads";

const Work = message({ ms: u32 });
const Rounds = message({ rounds: u32, calls: u32 });

type Context = KernelContext<{ calls: number }>;

export const worker = defineKernel({
  id: "worker",
  module: import.meta.url,
  start: () => ({ calls: 0 }),
  on: [
    Work.to(Rounds, ({ ms }, context: Context) => {
      context.state.calls++;
      const until = performance.now() + ms;
      for (let rounds = 0; ; rounds++) {
        if (context.interrupted) throw new Error("told to stop"); // A word in shared memory.
        if (performance.now() > until) return { rounds, calls: context.state.calls };
      }
    }),
  ],
});

const code = (error: unknown): string => (error instanceof Failure ? error.code : `${error}`);

if (isMainThread) {
  await using runtime = await Runtime.create();
  const kernel = await runtime.launch(worker);
  const running = async (): Promise<void> => {
    while (kernel.metrics.inHand === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  };

  // 1. Nobody waits any more. The handler goes on, and its late answer is dropped and counted.
  console.log("timeout:", await kernel.call(Work, { ms: 500 }, { timeoutMs: 10 }).catch(code));

  // 2. A message that still waits is taken back: no handler sees it.
  const signal = AbortSignal.timeout(20);
  console.log("cancel:", await kernel.call(Work, { ms: 5 }, { signal }).catch(code));

  // 3. The running handler is told, and the kernel lives on with its state.
  await kernel.call(Work, { ms: 1 });
  const told = kernel.call(Work, { ms: 60_000 }).catch(code);
  await running();
  kernel.interrupt();
  console.log("interrupt:", await told);
  console.log("calls so far:", (await kernel.call(Work, { ms: 1 })).calls);

  // 4. The thread goes, whatever it does, and the state with it. The id is free again.
  const lost = kernel.call(Work, { ms: 60_000 }).catch(code);
  await running();
  console.log("kill:", (await kernel.kill()).how, await lost);
}
