// A kernel whose thread dies is launched again. What it had in hand is lost, what it did not handle is kept as
// dead letters and sent once more.  node examples/14-supervised.ts

import { defineKernel, type Failure, message, Runtime, u32 } from "../src/runtime.node.ts";
import { isMainThread } from "node:worker_threads";

const Count = message({ by: u32 }, { name: "Count" });
const Total = message({ total: u32 });
const Crash = message({ code: u32 }, { name: "Crash" });

export const counter = defineKernel({
  id: "counter",
  module: import.meta.url,
  start: () => ({ total: 0 }),
  on: [
    Count.to(Total, ({ by }, context) => {
      const state = context.state as { total: number };
      state.total += by;
      return { total: state.total };
    }),
    Crash.do(({ code }) => process.exit(code)), // Ends its thread, wherever it is.
  ],
});

if (isMainThread) {
  const revived = Promise.withResolvers<number>();
  await using runtime = await Runtime.create({
    supervision: { strategy: "one-for-one", maxRestarts: 3, windowMs: 5000 },
    onSupervision: (event) =>
      event.kind === "restarted" ? revived.resolve(event.generation) : revived.reject(event),
  });
  const first = await runtime.launch(counter, { restart: "permanent", deadLetters: true });
  console.log("before:", (await first.call(Count, { by: 40 })).total);

  const crash = first.call(Crash, { code: 1 });
  first.send(Count, { by: 2 }); // Behind the crash: no handler sees it.
  console.log("crash:", await crash.catch((error: Failure) => error.code), first.state);

  console.log("generation:", await revived.promise);
  const again = runtime.getKernel("counter") as typeof first;
  for (const { typeName, reason } of runtime.deadLetters.browse())
    console.log("dead letter:", typeName, reason);
  console.log(runtime.deadLetters.replay({ type: Count.id }));
  console.log("after:", (await again.call(Count, { by: 0 })).total);
}
