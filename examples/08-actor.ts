// A kernel as an actor on a thread of its own: typed messages, called from here.
//
//   node examples/08-actor.ts

import { defineKernel, f32, message, Runtime } from "../src/runtime.node.ts";
import { isMainThread } from "node:worker_threads";

const Add = message({ a: f32, b: f32 });
const Sum = message({ value: f32 });

export const adder = defineKernel({
  id: "adder",
  module: import.meta.url, // Threads load it from here.
  on: [Add.to(Sum, ({ a, b }) => ({ value: a + b }))],
});

if (isMainThread) {
  await using runtime = await Runtime.create();
  await using kernel = await runtime.launch(adder);
  const { value } = await kernel.call(Add, { a: 1, b: 2 }, { timeoutMs: 1000 });
  console.log(`1 + 2 = ${value}, on another thread`);
}
