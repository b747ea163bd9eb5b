// A task of a worker pool as a kernel. With Piscina, task.ts exports the function, and the host says:
//
//   const pool = new Piscina({ filename, maxThreads: 2, maxQueue: 16 });
//   const { words, longest } = await pool.run({ text }, { signal });      node examples/11-from-piscina.ts

import { defineKernel, Failure, message, Runtime, text, u32 } from "../src/runtime.node.ts";
import { isMainThread } from "node:worker_threads";

// The task stays as it was: a function of an object that returns one.
function count({ text }: { readonly text: string }): { words: number; longest: string } {
  const words = text.split(/\s+/).filter((word) => word !== "");
  const longest = words.reduce((best, word) => (word.length > best.length ? word : best), "");
  return { words: words.length, longest };
}

// New: what it takes and gives has a type and a layout. A text or list is the last field.
const Count = message({ text: text() });
const Counted = message({ words: u32, longest: text() });

export const counter = defineKernel({
  id: "counter",
  module: import.meta.url, // `filename`.
  on: [Count.to(Counted, count)],
});

if (isMainThread) {
  await using runtime = await Runtime.create();
  await using kernel = await runtime.launch(counter, {
    gridSize: 2, //                 `maxThreads`: each thread has a state of its own.
    inputQueueCapacity: 16, //      `maxQueue`: what does not fit is refused,
    whenFull: "wait", //            or waits here, without blocking the event loop.
  });
  const signal = AbortSignal.timeout(10_000);
  const texts = ["one line", "to be or not to be", "antidisestablishmentarianism"];
  const all = await Promise.all(texts.map((text) => kernel.call(Count, { text }, { signal })));
  for (const { words, longest } of all) console.log(`${words} words, the longest is ${longest}`);

  try {
    await kernel.call(Count, { text: "x".repeat(100_000) });
  } catch (error) {
    if (error instanceof Failure) console.log(error.code, error.fix);
  }
}
