// Three kernels in a row, each on a thread of its own; the host passes results on. While the last works on
// one line, the first is already at the next.                            node examples/09-pipeline.ts

import { defineKernel, f32, list, message, Runtime, text, u32 } from "../src/runtime.node.ts";
import { isMainThread } from "node:worker_threads";

const Line = message({ text: text() });
const Numbers = message({ values: list("f32") });
const Report = message({ count: u32, mean: f32, most: f32 });

const module = import.meta.url; // Threads load all three from here.

export const parse = defineKernel({
  id: "parse",
  module,
  on: [Line.to(Numbers, ({ text }) => ({ values: text.split(" ").map(Number) }))],
});

export const scale = defineKernel({
  id: "scale",
  module,
  start: (data) => Number(data), // What the launch hands over is the kernel's state.
  on: [
    Numbers.to(Numbers, ({ values }, context) => {
      const by = context.state as number;
      return { values: values.map((value) => value * by) }; // A new array: the message's is on loan.
    }),
  ],
});

export const report = defineKernel({
  id: "report",
  module,
  on: [
    Numbers.to(Report, ({ values }) => {
      const sum = values.reduce((total, value) => total + value, 0);
      return { count: values.length, mean: sum / values.length, most: Math.max(...values) };
    }),
  ],
});

if (isMainThread) {
  await using runtime = await Runtime.create({ threads: 3 });
  await using first = await runtime.launch(parse);
  await using second = await runtime.launch(scale, { data: 10 });
  await using third = await runtime.launch(report);

  const lines = ["1 2 3", "0.5 0.25", "7 7 7 7"];
  const work = lines.map(async (text) => {
    const numbers = await first.call(Line, { text });
    const scaled = await second.call(Numbers, numbers);
    const { count, mean, most } = await third.call(Numbers, scaled);
    console.log(`${text}: ${count} numbers, mean ${mean}, at most ${most}`);
  });
  await Promise.all(work);
  console.log(`${runtime.metrics.messagesSent} messages`);
}
