// One kernel on two threads, for work of uneven size. Each thread has a queue; one that has nothing to do
// steals from the other, so that a long message holds up nothing but itself.  node examples/10-fan-out.ts

import { defineKernel, message, Runtime, u32 } from "../src/runtime.node.ts";
import { isMainThread, threadId } from "node:worker_threads";

const Count = message({ below: u32 });
const Primes = message({ count: u32, thread: u32 });

export const primes = defineKernel({
  id: "primes",
  module: import.meta.url,
  on: [
    Count.to(Primes, ({ below }) => {
      let count = 0;
      for (let n = 2; n < below; n++) if (isPrime(n)) count++;
      return { count, thread: threadId };
    }),
  ],
});

function isPrime(n: number): boolean {
  for (let by = 2; by * by <= n; by++) if (n % by === 0) return false;
  return true;
}

if (isMainThread) {
  await using runtime = await Runtime.create({ threads: 2 });
  await using kernel = await runtime.launch(primes, {
    gridSize: 2,
    scheduler: { strategy: "work-stealing", stealThreshold: 1 },
  });

  const first = kernel.call(Count, { below: 3_000_000 });
  while (kernel.metrics.inHand === 0) await new Promise((resolve) => setImmediate(resolve));
  const work = Array.from({ length: 20 }, (_, i) => 1000 * (i + 1));
  const others = await Promise.all(work.map((below) => kernel.call(Count, { below })));
  const long = await first;
  const stolen = others.filter(({ thread }) => thread !== long.thread);
  console.log(`${long.count} primes below 3000000`);
  console.log(`the other thread counted ${stolen.length} of ${others.length} times`);
}
