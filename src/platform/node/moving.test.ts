// Actors that change threads, with real threads and while others send.

import { setTimeout } from "node:timers/promises";
import { BroadcastChannel } from "node:worker_threads";
import { afterEach, expect, test } from "vitest";
import { Failure } from "../../base/mod.ts";
import type { KernelHandle } from "../../runtime/mod.ts";
import { createRuntime, type NodeRuntime } from "./runtime.ts";
import {
  Ask,
  Block,
  Feed,
  feeder,
  hooked,
  Large,
  ledger,
  Slow,
  Spoil,
  Step,
} from "./state-kernels.fixture.ts";

let runtime: NodeRuntime;
const start = (options = {}) => void (runtime = createRuntime({ threads: 2, ...options }));
afterEach(() => runtime.shutdown());

const codeOf = (error: unknown): unknown => (error instanceof Failure ? error.code : error);
const threadOf = async (kernel: KernelHandle<typeof ledger>): Promise<number> =>
  (await kernel.call(Ask, { nothing: 0 })).thread;

test("move() takes an actor with its state to another thread and back; handle and routes stay", async () => {
  start();
  const kernel = await runtime.launch(ledger);
  const other = await runtime.launch(feeder, { routes: ["ledger"] });
  kernel.send(Step, { n: 1 });
  const first = await threadOf(kernel);
  expect(await kernel.move()).toEqual({});
  expect(await threadOf(kernel)).not.toBe(first);
  expect(runtime.getKernel("ledger")).toBe(kernel);
  kernel.send(Step, { n: 2 });
  await other.call(Feed, { count: 3 });
  expect(await other.call(Slow, { n: 5, ms: 1 })).toEqual({ n: 5, ms: 1 });
  await runtime.move("ledger");
  expect(await kernel.call(Ask, { nothing: 0 })).toMatchObject({
    steps: 5,
    wrong: 0,
    thread: first,
  });
  expect(await kernel.terminate()).toMatchObject({ how: "terminated" });
});

test("Messages that wait, and calls under way, are handled once and in order after a move", async () => {
  start();
  const kernel = await runtime.launch(ledger);
  const before = await threadOf(kernel);
  kernel.send(Block, { ms: 50 });
  const steps = Array.from({ length: 300 }, (_, i) => kernel.call(Step, { n: i + 1 }));
  const moved = kernel.move();
  for (let n = 301; n <= 600; n++) steps.push(kernel.call(Step, { n }));
  const answers = await Promise.all(steps);
  expect(answers.map(({ n }) => n)).toEqual(Array.from({ length: 600 }, (_, i) => i + 1));
  await moved;
  expect(await kernel.call(Ask, { nothing: 0 })).toMatchObject({ handled: 600, wrong: 0 });
  expect(await threadOf(kernel)).not.toBe(before);
});

test("Claimed messages that wait for a lane, or for activation, go along", async () => {
  start();
  const kernel = await runtime.launch(ledger, { blockSize: 1 });
  const slow = kernel.call(Slow, { n: 1, ms: 200 });
  const steps = Array.from({ length: 40 }, (_, i) => kernel.call(Step, { n: i + 1 })); // Claimed behind it.
  await kernel.move();
  expect(await slow).toEqual({ n: 1, ms: 200 });
  await Promise.all(steps);
  expect(await kernel.call(Ask, { nothing: 0 })).toMatchObject({ handled: 40, wrong: 0 });

  for (let n = 41; n <= 90; n++) kernel.send(Step, { n });
  kernel.deactivate();
  await kernel.move();
  kernel.activate();
  expect(await kernel.call(Ask, { nothing: 0 })).toMatchObject({ handled: 90, wrong: 0 });
});

test("A handler that runs too long leaves the actor where it is, alive", async () => {
  start();
  const kernel = await runtime.launch(ledger);
  const thread = await threadOf(kernel);
  const slow = kernel.call(Slow, { n: 9, ms: 60_000 }).catch(codeOf);
  await expect.poll(() => kernel.metrics.inHand).toBe(1);
  expect(await kernel.move({ timeoutMs: 20 }).catch(codeOf)).toBe("REST_TIMEOUT");
  kernel.interrupt();
  expect(await slow).toBe("HANDLER_INTERRUPTED");
  expect(await threadOf(kernel)).toBe(thread);

  kernel.send(Block, { ms: 60_000 }); // The whole thread is busy: it does not even hear of it.
  await expect.poll(() => kernel.metrics.inHand).toBe(1);
  expect(await kernel.move({ timeoutMs: 20 }).catch(codeOf)).toBe("REST_TIMEOUT");
  kernel.interrupt();
  expect(await threadOf(kernel)).toBe(thread);
  await kernel.move();
  expect(await threadOf(kernel)).not.toBe(thread);
});

test("A state that cannot be saved, or that `restore` refuses, leaves the actor where it is, alive", async () => {
  start();
  const kernel = await runtime.launch(ledger);
  const thread = await threadOf(kernel);
  kernel.send(Spoil, { with: "a function" });
  expect(await kernel.move().catch(codeOf)).toBe("STATE_UNSAVABLE");
  kernel.send(Spoil, { with: "" });
  expect(await threadOf(kernel)).toBe(thread);
  await kernel.move();

  const unwilling = await runtime.launch(hooked, { data: "never" });
  expect((await unwilling.call(Step, { n: 5 })).steps).toBe(5);
  const failure = await unwilling.move().catch((error: unknown) => error);
  expect(failure).toMatchObject({
    code: "LAUNCH_FAILED",
    found: "its `restore` threw: cannot restore",
  });
  expect((await unwilling.call(Step, { n: 8 })).steps).toBe(13);
  expect(await unwilling.move().catch(codeOf)).toBe("STATE_UNSAVABLE"); // Its `save` throws.
  expect((await unwilling.call(Step, { n: 1 })).steps).toBe(14);
});

test("`save`, `restore` and `leave` run, the last one on the old thread", async () => {
  start();
  const kernel = await runtime.launch(hooked);
  const { thread } = await kernel.call(Step, { n: 6 });
  const told = Promise.withResolvers<unknown>();
  const channel = new BroadcastChannel("state-kernels");
  channel.addEventListener("message", (event) => told.resolve((event as MessageEvent).data));
  expect(await kernel.move()).toEqual({});
  expect(await told.promise).toEqual({ thread, total: 6 });
  channel.close();
  expect(await kernel.call(Ask, { nothing: 0 })).toEqual({ sent: "restore of save".length });
  const after = await kernel.call(Step, { n: 1 });
  expect([after.steps, after.thread === thread]).toEqual([7, false]);
  expect((await kernel.move()).failure?.found).toBe("cannot leave"); // It has moved all the same.
  expect((await kernel.call(Step, { n: 1 })).thread).toBe(thread);
});

test("What cannot move says so: one thread, a grid, an event-driven kernel, one that has ended", async () => {
  start({ threads: 1 });
  const kernel = await runtime.launch(ledger);
  expect(await kernel.move().catch(codeOf)).toBe("MOVE_REFUSED");
  const own = await runtime.launch(hooked, { mode: "event-driven" });
  expect(await own.move().catch(codeOf)).toBe("MOVE_REFUSED");
  await own.terminate();
  expect(await own.move().catch(codeOf)).toBe("KERNEL_TERMINATED");
  expect(await runtime.move("nobody").catch(codeOf)).toBe("KERNEL_NOT_FOUND");
  await runtime.shutdown();
  start({ threads: 2 });
  const grid = await runtime.launch(ledger, { gridSize: 2 });
  expect(await grid.move().catch(codeOf)).toBe("MOVE_REFUSED");
  expect(await grid.checkpoint().catch(codeOf)).toBe("OPTION_UNSUPPORTED");
});

test("The death of the old thread does not touch a kernel that has left it; that of the new one does", async () => {
  start();
  const kernel = await runtime.launch(ledger);
  const stays = await runtime.launch(hooked, { restart: "permanent" }); // On the other thread.
  const thread = await threadOf(kernel);
  await kernel.move(); // Both are on the other thread now.
  await runtime.launch(feeder);
  await runtime.getKernel("feeder")!.kill(); // On the thread that it left.
  expect(await threadOf(kernel)).not.toBe(thread);
  await stays.kill();
  expect(await kernel.wait()).toMatchObject({ how: "killed", failure: { code: "WORKER_LOST" } });
});

test("terminate() during a move drains what waits, wherever the actor is then", async () => {
  start();
  const kernel = await runtime.launch(ledger);
  for (let round = 0; round < 5; round++) {
    const one = round === 0 ? kernel : await runtime.launch(ledger);
    const answers = Array.from({ length: 100 }, (_, i) => one.call(Step, { n: i + 1 }));
    const moved = one.move().catch(codeOf);
    const end = one.terminate();
    expect((await Promise.all(answers)).length).toBe(100);
    expect(await end).toMatchObject({ how: "terminated", refused: 0 });
    expect([{}, "KERNEL_TERMINATED"]).toContainEqual(await moved);
  }
});

test("Streams of numbers from host and kernels arrive whole and in order while all of them move", async () => {
  start({ threads: 3, payloadBlocks: 16 });
  const kernel = await runtime.launch(ledger, {
    ...{ inputQueueCapacity: 64, outputQueueCapacity: 2, whenFull: "wait" },
  });
  const others = [
    await runtime.launch(feeder, { routes: ["ledger"] }),
    await runtime.launch(feeder, { id: "feeder 2", routes: ["ledger"] }),
  ];
  const over = new AbortController();
  let [moves, sent] = [0, 0];
  const moving = [kernel, ...others].map(async (one) => {
    while (!over.signal.aborted) {
      await one.move();
      moves++;
      await setTimeout(1);
    }
  });
  const fed = others.map(async (one) => {
    let last = 0;
    while (!over.signal.aborted) last = (await one.call(Feed, { count: 20 })).sent;
    return last;
  });
  const streaming = (async () => {
    while (!over.signal.aborted) {
      sent++;
      if (sent % 3 === 0)
        expect(await kernel.call(Step, { n: sent }, { timeoutMs: 20_000 })).toEqual({ n: sent });
      else await kernel.sendWaiting(Step, { n: sent }, { timeoutMs: 20_000 });
      if (sent % 50 === 0) await kernel.sendWaiting(Large, { data: new Uint8Array(5000) });
      if (sent === 2000) over.abort();
    }
  })().finally(() => over.abort());
  await streaming;
  const total = (await Promise.all(fed)).reduce((sum, one) => sum + one, sent);
  await Promise.all(moving);
  expect(moves).toBeGreaterThan(10);
  const told = await kernel.call(Ask, { nothing: 0 });
  expect(told).toMatchObject({ steps: total, wrong: 0, sources: 3 });
  expect(told.handled).toBe(total + 5000 * (sent / 50));
}, 120_000);
