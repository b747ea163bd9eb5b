// Every counter, against events that the test has counted itself.

import { afterEach, describe, expect, test } from "vitest";
import { KERNEL_BLOCK } from "../../src/layout/mod.ts";
import { createClockMemory } from "../../src/message/mod.ts";
import { createRuntime } from "../../src/platform/node/mod.ts";
import { createAttention } from "../../src/runtime/attention.ts";
import { createBlocks } from "../../src/runtime/blocks.ts";
import { Histogram } from "../../src/runtime/histogram.ts";
import { createQueue } from "../../src/runtime/message-queue.ts";
import type { RuntimeOptions } from "../../src/runtime/mod.ts";
import { createProfile } from "../../src/runtime/profile.ts";
import { Add } from "./actors.fixture.ts";
import { counted, Echo, Emit, Known, Stray, Throw, Wait } from "./counters.fixture.ts";
import { codeOf } from "./outcomes.ts";
import { victim, WORD } from "./victim.ts";

const opened: ReturnType<typeof createRuntime>[] = [];
const open = (options: RuntimeOptions = {}) => {
  const runtime = createRuntime({ threads: 2, ...options });
  opened.push(runtime);
  return runtime;
};
afterEach(async () => {
  for (const runtime of opened.splice(0)) await runtime.shutdown({ timeoutMs: 100 });
});
const times = <Of>(count: number, make: (i: number) => Of): Of[] =>
  Array.from({ length: count }, (_, i) => make(i));

describe.each([
  { mode: "persistent" },
  { mode: "event-driven" },
  { mode: "persistent", gridSize: 2 },
] as const)("The counters of a kernel with %o", (launch) => {
  test("tell answered calls from failed ones, sends from calls, and refused ones from both", async () => {
    const kernel = await open().launch(counted, launch);
    const answered = await Promise.all(times(40, (number) => kernel.call(Echo, { number })));
    const failed = await Promise.all(times(7, (number) => codeOf(kernel.call(Throw, { number }))));
    const stray = await Promise.all(times(3, (number) => codeOf(kernel.call(Stray, { number }))));
    for (const number of times(5, (i) => i)) kernel.send(Echo, { number });
    for (const number of times(2, (i) => i)) kernel.send(Throw, { number });
    await Promise.all(times(5, () => kernel.receive(Echo)));
    await expect.poll(() => kernel.metrics.inputQueueDepth, { timeout: 10_000 }).toBe(0);
    expect([answered.length, failed, stray]).toEqual([
      ...[40, times(7, () => "HANDLER_FAILED"), times(3, () => "MESSAGE_UNKNOWN")],
    ]);
    expect(kernel.metrics).toMatchObject({
      ...{ sent: 40 + 7 + 3 + 5 + 2, messagesProcessed: 45, failed: 7 + 3 + 2, malformed: 3 },
      ...{ answered: 40, failedCalls: 7 + 3, emitted: 5, received: 5, emitFull: 0, unknown: 0 },
      ...{ queueFull: 0, dropped: 0, expired: 0, skewed: 0, timedOut: 0, lateReplies: 0 },
      ...{ inHand: 0, outputQueueDepth: 0, generation: 1, restarts: 0 },
    });
  });

  test("tell what was emitted, what found no room and what still lies there", async () => {
    const kernel = await open().launch(counted, { ...launch, outputQueueCapacity: 8 });
    await kernel.call(Emit, { known: 5 });
    expect(kernel.metrics).toMatchObject({ emitted: 5, received: 0, outputQueueDepth: 5 });
    await kernel.call(Emit, { known: 5 }); // Room for three.
    expect(kernel.metrics).toMatchObject({ emitted: 8, emitFull: 2, outputQueueDepth: 8 });
    await Promise.all(times(4, () => kernel.receive(Known)));
    expect(kernel.metrics).toMatchObject({ received: 8, unknown: 0, outputQueueDepth: 4 });
    await kernel.receive(Known);
    expect(kernel.metrics).toMatchObject({ received: 8, outputQueueDepth: 3 });
  });
});

test("Calls that came too late, were given up or found no room are counted, each where it belongs", async () => {
  const kernel = await open().launch(counted, { inputQueueCapacity: 4, whenFull: "drop-newest" });
  const busy = kernel.call(Wait, { ms: 60 });
  const late = times(2, (number) => codeOf(kernel.call(Echo, { number }, { ttlMs: 1 })));
  const given = codeOf(kernel.call(Echo, { number: 9 }, { timeoutMs: 5 }));
  expect(kernel.send(Echo, { number: 1 })).toBe(false);
  expect(kernel.send(Echo, { number: 2 })).toBe(false);
  expect(await codeOf(kernel.call(Echo, { number: 3 }))).toBe("QUEUE_FULL");
  expect(kernel.metrics).toMatchObject({ sent: 4, inputQueueDepth: 4, queueFull: 3, dropped: 2 });
  await busy;
  expect(await Promise.all(late)).toEqual(["DEADLINE_PASSED", "DEADLINE_PASSED"]);
  expect(await given).toBe("CALL_TIMEOUT");
  await expect.poll(() => kernel.metrics.lateReplies, { timeout: 10_000 }).toBe(1);
  expect(kernel.metrics).toMatchObject({
    ...{ timedOut: 1, expired: 2, failed: 3, failedCalls: 3, answered: 1, messagesProcessed: 1 },
    ...{ inputQueueDepth: 0, inHand: 0 },
  });
});

test("Slots that say what cannot be are counted as what they are", async () => {
  await using kernel = await victim();
  const value = { a: 1, b: 1 };
  const spoilt = async (count: number, at: number, to: number): Promise<void> => {
    for (let i = 0; i < count; i++)
      await kernel.settle(kernel.publish(Add, value, (words) => (words[at] = to)));
  };
  await spoilt(2, WORD.stamp_high, -1);
  await spoilt(3, WORD.deadline, (Date.now() - 10_000) | 0);
  await spoilt(4, WORD.payload_bytes, 3);
  await spoilt(5, WORD.type, 12);
  await kernel.ask(Add, value);
  const counts = ["skewed", "expired", "malformed", "failed", "processed", "claimed"] as const;
  expect(counts.map((counter) => kernel.block.read(counter))).toEqual([2, 3, 9, 14, 1, 15]);
  expect(kernel.block.inHand).toBe(0);
});

test("Messages in hand, and turns, are counted while handlers go on by themselves", async () => {
  const kernel = await open().launch(counted, { blockSize: 3 });
  const { turns } = kernel.metrics;
  const waits = times(3, () => kernel.call(Wait, { ms: 100 }));
  await expect.poll(() => kernel.metrics.inHand, { timeout: 10_000 }).toBe(3);
  expect(kernel.metrics.inputQueueDepth).toBe(3);
  await Promise.all(waits);
  expect(kernel.metrics).toMatchObject({ inHand: 0, inputQueueDepth: 0, messagesProcessed: 3 });
  expect(kernel.metrics.turns).toBeGreaterThan(turns);
  const { uptimeMs } = kernel.metrics;
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(kernel.metrics.uptimeMs).toBeGreaterThanOrEqual(uptimeMs + 19);
});

test("A runtime's counts are those of its kernels, and of those that have ended", async () => {
  const runtime = open();
  expect(runtime.metrics).toMatchObject({ activeKernels: 0, totalLaunched: 0, threads: 0 });
  const one = await runtime.launch(counted, { id: "one" });
  const other = await runtime.launch(counted, { id: "other", autoActivate: false });
  expect(runtime.metrics).toMatchObject({ activeKernels: 1, totalLaunched: 2, threads: 2 });
  await one.call(Emit, { known: 3 });
  await one.receive(Known);
  other.activate();
  await other.call(Echo, { number: 1 });
  expect(runtime.metrics).toMatchObject({ messagesSent: 2, messagesReceived: 3 });
  await one.call(Emit, { known: 2 });
  await one.terminate(); // Which takes the last two.
  expect(runtime.metrics).toMatchObject({
    ...{ activeKernels: 1, totalLaunched: 2, messagesSent: 3, messagesReceived: 5, restarts: 0 },
  });
});

const queue = (capacity: number): number =>
  createQueue({ capacity, lanes: 1, cellBytes: 256 }).memory.byteLength;

test("hostMemoryBytes is what was made: pool, clock, threads, queues, words, profiles and histograms", async () => {
  const runtime = open({ payloadBytesMax: 1000, payloadBlocks: 8, latencySampling: 1 });
  const own =
    createBlocks({ blocks: 8, blockBytes: 1024 }).byteLength +
    createClockMemory().buffer.byteLength;
  expect(runtime.metrics.hostMemoryBytes).toBe(own);
  const shape = { inputQueueCapacity: 64, outputQueueCapacity: 16, cellBytes: 256 };
  const kernel = await runtime.launch(counted, { ...shape, gridSize: 2, profiling: true });
  const threads = runtime.metrics.threads * createAttention().byteLength;
  const words = KERNEL_BLOCK.bytes + createProfile().byteLength;
  const histogram = 4 * Histogram.wordsNeeded;
  const kernels = queue(64) + queue(16) + 2 * words;
  expect(runtime.metrics.hostMemoryBytes).toBe(own + threads + kernels);
  await kernel.call(Echo, { number: 1 });
  expect(runtime.metrics.hostMemoryBytes).toBe(own + threads + kernels + 8); // One time, by itself.
  for (let number = 2; number <= 16; number++) await kernel.call(Echo, { number });
  expect(runtime.metrics.hostMemoryBytes).toBe(own + threads + kernels + histogram);
  await kernel.terminate();
  expect(runtime.metrics.hostMemoryBytes).toBe(own + threads + histogram);
});
