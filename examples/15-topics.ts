// Publish and subscribe between kernels: a sensor tells a topic, and whoever subscribed hears it, also who
// comes late and who was launched again after a crash.                    node examples/15-topics.ts

import { defineKernel, f64, type KernelContext, message, Runtime } from "../src/runtime.node.ts";
import { isMainThread } from "node:worker_threads";

const Heat = message({ degrees: f64 });
const Measure = message({ degrees: f64 }, { name: "measure" });
const module = import.meta.url;

export const sensor = defineKernel({
  id: "sensor",
  module,
  on: [
    Measure.do(({ degrees }, context) => {
      // At least once, and kept for whoever subscribes later.
      context.publish("rooms/kitchen/heat", Heat, { degrees }, { qos: 1, retain: true });
    }),
  ],
});

export const alarm = defineKernel({
  id: "alarm",
  module,
  start: (data) => data as Int32Array,
  on: [
    Heat.do(({ degrees }, { state: crashes }: KernelContext<Int32Array>) => {
      if (degrees > 90 && Atomics.exchange(crashes, 0, 1) === 0) process.exit(1); // Once.
      if (degrees > 50) console.log(`alarm: ${degrees} degrees`);
    }),
  ],
});

if (isMainThread) {
  await using runtime = await Runtime.create({ threads: 2 });
  await using topics = await runtime.topics();
  const crashes = new Int32Array(new SharedArrayBuffer(4));
  await runtime.launch(alarm, {
    ...{ data: crashes, restart: "permanent", subscribes: ["rooms/*/heat"] },
  });
  const kernel = await runtime.launch(sensor, { publishes: ["rooms/kitchen/#"] });
  await kernel.call(Measure, { degrees: 21 });
  await kernel.call(Measure, { degrees: 95 });

  // Late: it hears what was retained.
  for await (const { topic, value } of topics.messages("rooms/#", Heat)) {
    console.log(`${topic}: ${value.degrees}`);
    break;
  }
  const heard = async () => (await topics.metrics()).subscribers["alarm"]!;
  while ((await heard()).lag > 0) await new Promise((resolve) => setTimeout(resolve, 10));
  const { handled, retried } = await heard();
  console.log(`crashed: ${crashes[0] === 1}; handled: ${handled >= 2}; sent again: ${retried > 0}`);
}
