// Supervision by real crashes: threads that end themselves, and kernels that are launched again.

import { afterEach, expect, test } from "vitest";
import type { Runtime, RuntimeOptions, SupervisionEvent } from "../../runtime/mod.ts";
import { Add, adder, Exit, Say } from "./kernels.fixture.ts";
import { Ask, asker, doubler } from "./route-kernels.fixture.ts";
import { createRuntime } from "./runtime.ts";

let runtime: Runtime;
let events: SupervisionEvent[] = [];
const start = (options: RuntimeOptions) => {
  events = [];
  runtime = createRuntime({ threads: 3, onSupervision: (event) => events.push(event), ...options });
};
afterEach(() => runtime.shutdown());

/** Ends the adder's thread, and waits until something was done about it. */
async function crash(code = 3): Promise<void> {
  const before = events.length;
  runtime.getKernel("adder")!.send(Exit, { code });
  await expect.poll(() => events.length, { timeout: 10_000 }).toBeGreaterThan(before);
}

test("one-for-one launches a permanent kernel again, with a new state and generation", async () => {
  start({});
  const first = await runtime.launch(adder, { restart: "permanent" });
  await first.call(Say, { text: "one" });
  expect(first.generation).toBe(1);
  await crash();
  const second = runtime.getKernel("adder")!;
  expect(events).toEqual([{ kind: "restarted", id: "adder", generation: 2 }]);
  expect([second.generation, second === first, first.state]).toEqual([2, false, "terminated"]);
  expect(await second.call(Say, { text: "two" })).toEqual({ count: 1, text: "two!" });
});

test("A transient kernel is launched again when it fails, and not when its thread ends in order", async () => {
  start({});
  await runtime.launch(adder, { restart: "transient" });
  await crash(3);
  const second = runtime.getKernel("adder")!;
  second.send(Exit, { code: 0 });
  expect(await second.wait()).toMatchObject({ how: "killed", exitCode: 0 });
  expect([events.length, runtime.getKernel("adder")]).toEqual([1, undefined]);
});

test("A temporary kernel, and one that was terminated or killed, stays away", async () => {
  start({});
  const one = await runtime.launch(adder);
  one.send(Exit, { code: 1 });
  await one.wait();
  const two = await runtime.launch(adder, { restart: "permanent" });
  await two.terminate();
  const three = await runtime.launch(adder, { restart: "permanent" });
  await three.kill();
  expect([events, runtime.listKernels()]).toEqual([[], []]);
});

test("one-for-all launches all again, rest-for-one those after the one that failed", async () => {
  start({ supervision: { strategy: "one-for-all" } });
  for (const kernel of [asker, adder, doubler])
    await runtime.launch(kernel as never, { restart: "permanent" });
  await crash();
  await expect.poll(() => events.length, { timeout: 10_000 }).toBe(3);
  expect(events.map(({ id }) => id)).toEqual(["asker", "adder", "doubler"]);
  await runtime.shutdown();

  start({ supervision: { strategy: "rest-for-one" } });
  for (const kernel of [asker, adder, doubler])
    await runtime.launch(kernel as never, { restart: "permanent" });
  await crash();
  await expect.poll(() => events.length, { timeout: 10_000 }).toBe(2);
  expect(events.map(({ id }) => id)).toEqual(["adder", "doubler"]);
  expect(await runtime.getKernel("doubler")!.call(Ask, { number: 2 })).toEqual({ number: 4 });
});

test("Too many restarts within the window escalate, and end the others", async () => {
  start({ supervision: { maxRestarts: 2, windowMs: 60_000 } });
  await runtime.launch(adder, { restart: "permanent" });
  await runtime.launch(doubler, { restart: "permanent" });
  await crash();
  await crash();
  await crash();
  expect(events.map(({ kind }) => kind)).toEqual(["restarted", "restarted", "escalated"]);
  await expect.poll(() => runtime.listKernels(), { timeout: 10_000 }).toEqual([]);
});

test("Calls under way when the thread dies fail, and later ones reach the kernel launched again", async () => {
  start({});
  const first = await runtime.launch(adder, { restart: "permanent" });
  first.send(Exit, { code: 1 });
  const lost = first.call(Add, { a: 1, b: 1 }).catch((error: { code: string }) => error.code);
  expect(["WORKER_LOST", "KERNEL_TERMINATED"]).toContain(await lost);
  await expect.poll(() => events.length, { timeout: 10_000 }).toBe(1);
  expect(await runtime.getKernel("adder")!.call(Add, { a: 1, b: 1 })).toEqual({ value: 2 });
});
