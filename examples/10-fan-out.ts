// One kernel on two threads, for work of uneven size. Each caller has one message under way and takes the next
// item when its answer is there, so that a long one holds up no other.  node examples/10-fan-out.ts

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
  await using runtime = await Runtime.create();
  await using kernel = await runtime.launch(primes, { gridSize: 2 });

  const work = [3_000_000, ...Array.from({ length: 20 }, (_, i) => 1000 * (i + 1))];
  const done = new Map<number, number[]>();
  const next = work.values();
  const caller = async (): Promise<void> => {
    for (const below of next) {
      const { count, thread } = await kernel.call(Count, { below });
      done.set(thread, [...(done.get(thread) ?? []), below]);
      if (below === work[0]) console.log(`${count} primes below ${below}`);
    }
  };
  // A thread claims all that waits, up to 64 messages: what is not sent yet can still go to the other. So
  // each caller sends one at a time, and the second begins when the first message has been claimed.
  const soon = new Promise((resolve) => setTimeout(resolve, 20));
  await Promise.all([caller(), soon.then(caller)]);
  for (const items of done.values()) console.log(`a thread counted ${items.length} times`);
}
