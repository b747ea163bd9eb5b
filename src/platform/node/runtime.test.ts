// Kernels as actors, end to end: the same cases on threads and in this thread's own turns.

import { afterAll, describe, expect, test } from "vitest";
import { Failure } from "../../base/mod.ts";
import type { LaunchOptions } from "../../runtime/mod.ts";
import {
  Add,
  adder,
  broken,
  Count,
  Exit,
  Four,
  Number as Num,
  Numbers,
} from "./kernels.fixture.ts";
import { Say, Spin, Sum, Unknown, Wait } from "./kernels.fixture.ts";
import { createRuntime } from "./runtime.ts";

const runtime = createRuntime({ threads: 2, payloadBytesMax: 8192, payloadBlocks: 4 });
afterAll(() => runtime.shutdown());

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "no failure",
    (error: unknown) => (error instanceof Failure ? error.code : String(error)),
  );
const thrownBy = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    return error instanceof Failure ? error.code : String(error);
  }
  return "no failure";
};

describe.each(["persistent", "event-driven"] as const)("A kernel that is %s", (mode) => {
  const launch = (options: LaunchOptions = {}) => runtime.launch(adder, { mode, ...options });

  test("answers calls with typed values, of any size up to the limit", async () => {
    await using kernel = await launch();
    expect(await kernel.call(Add, { a: 1.5, b: 2 })).toEqual({ value: 3.5 });
    expect(await kernel.call(Say, { text: "grüß dich" })).toEqual({ count: 1, text: "grüß dich!" });
    expect(await kernel.call(Say, { text: "again" })).toEqual({ count: 2, text: "again!" });
    expect((await kernel.call(Four, { data: [1, 2, 3, 4] })).data).toEqual(
      Float32Array.of(4, 3, 2, 1),
    );
    for (const length of [0, 1, 31, 32, 2047]) {
      const { data } = await kernel.call(Numbers, { data: new Float32Array(length).fill(3) });
      expect(data).toEqual(new Float32Array(length).fill(6));
    }
    const large = { data: new Float32Array(2048) };
    expect(await codeOf(kernel.call(Numbers, large))).toBe("MESSAGE_TOO_LARGE");
    expect(kernel.metrics).toMatchObject({ sent: 9, messagesProcessed: 9, answered: 9, failed: 0 });
  });

  test("answers a thousand calls at once, each with its own", async () => {
    await using kernel = await launch();
    const sums = Array.from({ length: 1000 }, (_, a) => kernel.call(Add, { a, b: 1 }));
    expect((await Promise.all(sums)).map(({ value }) => value)).toEqual(
      Array.from({ length: 1000 }, (_, a) => a + 1),
    );
  });

  test("emits what it was sent and what it emits, in order, to whoever receives", async () => {
    await using kernel = await launch();
    kernel.send(Add, { a: 1, b: 1 });
    kernel.send(Count, { to: 3 });
    expect(await kernel.receive(Num)).toEqual({ number: 0 });
    expect(await kernel.receive(Sum)).toEqual({ value: 2 });
    expect(kernel.tryReceive(Num)).toEqual({ number: 1 });
    expect(await kernel.receiveTimeout(Num, 1000)).toEqual({ number: 2 });
    expect(thrownBy(() => kernel.tryReceive(Num))).toBe("QUEUE_EMPTY");
    expect(await codeOf(kernel.receiveTimeout(Num, 5))).toBe("CALL_TIMEOUT");
    expect(kernel.metrics).toMatchObject({ emitted: 4, received: 4, outputQueueDepth: 0 });
  });

  test("rejects with what became of the message", async () => {
    await using kernel = await launch();
    const failure = await kernel.call(Say, { text: "fail" }).catch((error: unknown) => error);
    expect(failure).toMatchObject({
      code: "HANDLER_FAILED",
      cause: { message: "RangeError: told to" },
    });
    expect(await codeOf(kernel.call(Unknown, { nobody: 1, takes: 2, me: 3 }))).toBe(
      "MESSAGE_UNKNOWN",
    );
    expect(await kernel.call(Add, { a: 1, b: 1 })).toEqual({ value: 2 });
    expect(kernel.metrics).toMatchObject({ failed: 2, malformed: 1, messagesProcessed: 1 });
  });

  test("goes through its states, and refuses what its state does not allow", async () => {
    const kernel = await launch({ autoActivate: false });
    expect([kernel.state, kernel.isActive, kernel.isTerminated]).toEqual([
      "launched",
      false,
      false,
    ]);
    expect(thrownBy(() => kernel.send(Add, { a: 1, b: 1 }))).toBe("KERNEL_NOT_ACTIVE");
    expect(thrownBy(() => kernel.deactivate())).toBe("INVALID_STATE_TRANSITION");
    kernel.activate();
    expect(thrownBy(() => kernel.resume())).toBe("INVALID_STATE_TRANSITION");
    expect(await kernel.call(Add, { a: 1, b: 1 })).toEqual({ value: 2 });
    kernel.suspend();
    expect(await codeOf(kernel.call(Add, { a: 1, b: 1 }))).toBe("KERNEL_NOT_ACTIVE");
    kernel.resume();
    expect(await kernel.terminate()).toEqual({ how: "terminated", refused: 0 });
    expect([kernel.state, kernel.isTerminated]).toEqual(["terminated", true]);
    expect(await codeOf(kernel.terminate())).toBe("INVALID_STATE_TRANSITION");
    expect(await codeOf(kernel.call(Add, { a: 1, b: 1 }))).toBe("KERNEL_TERMINATED");
    expect(await codeOf(kernel.receive(Sum))).toBe("KERNEL_TERMINATED");
    expect(await kernel.wait()).toEqual({ how: "terminated", refused: 0 });
  });

  test("keeps messages while it is deactivated, and handles them afterwards", async () => {
    await using kernel = await launch();
    const before = kernel.call(Wait, { ms: 200 }); // Holds the only lane.
    await expect.poll(() => kernel.metrics.inHand, { timeout: 10_000 }).toBe(1);
    kernel.send(Count, { to: 2 });
    kernel.deactivate();
    expect((await before).number).toBeGreaterThanOrEqual(199);
    expect(kernel.status).toMatchObject({ state: "deactivated", inputQueueDepth: 1 });
    expect(await codeOf(kernel.receiveTimeout(Num, 20))).toBe("CALL_TIMEOUT");
    kernel.activate();
    expect(await kernel.receive(Num)).toEqual({ number: 0 });
  });

  test("drains before it ends, hands out what it emitted, and its id is free", async () => {
    const kernel = await launch();
    const calls = Array.from({ length: 100 }, (_, a) => kernel.call(Add, { a, b: 0 }));
    kernel.send(Count, { to: 2 });
    expect(await kernel.terminate()).toEqual({ how: "terminated", refused: 0 });
    expect((await Promise.all(calls)).length).toBe(100);
    expect(await kernel.receive(Num)).toEqual({ number: 0 });
    expect(await kernel.receive(Num)).toEqual({ number: 1 });
    expect(await codeOf(kernel.receive(Num))).toBe("KERNEL_TERMINATED");
    await using again = await launch();
    expect(await again.call(Say, { text: "new" })).toEqual({ count: 1, text: "new!" });
  });

  test("is forced to end at its deadline: what it did not handle fails at once", async () => {
    const kernel = await launch();
    const running = codeOf(kernel.call(Wait, { ms: 10_000 }));
    await expect.poll(() => kernel.metrics.inHand, { timeout: 10_000 }).toBe(1);
    const queued = codeOf(kernel.call(Add, { a: 1, b: 1 }));
    expect(await kernel.terminate({ timeoutMs: 10 })).toMatchObject({ how: "forced" });
    expect(await Promise.all([running, queued])).toEqual([
      "HANDLER_INTERRUPTED",
      "KERNEL_TERMINATED",
    ]);
  });

  test("is interrupted and keeps its state", async () => {
    await using kernel = await launch();
    await kernel.call(Say, { text: "one" });
    const waiting = codeOf(kernel.call(Wait, { ms: 10_000 }));
    await expect.poll(() => kernel.metrics.inHand, { timeout: 10_000 }).toBe(1);
    kernel.interrupt();
    expect(await waiting).toBe("HANDLER_INTERRUPTED");
    expect(await kernel.call(Say, { text: "two" })).toEqual({ count: 2, text: "two!" });
  });

  test("gives callers up on time, or when they are told, and counts late answers", async () => {
    await using kernel = await launch();
    const stop = new AbortController();
    const slow = codeOf(kernel.call(Wait, { ms: 30 }, { timeoutMs: 5 }));
    const told = codeOf(kernel.call(Add, { a: 1, b: 1 }, { signal: stop.signal }));
    stop.abort();
    expect(await Promise.all([slow, told])).toEqual(["CALL_TIMEOUT", "CALL_CANCELLED"]);
    await expect.poll(() => kernel.metrics.lateReplies, { timeout: 10_000 }).toBe(2);
    expect(kernel.metrics).toMatchObject({ timedOut: 1, messagesProcessed: 1 }); // Nobody added.
  });

  test("refuses messages after their deadline, which no handler sees", async () => {
    await using kernel = await launch();
    const slow = kernel.call(Wait, { ms: 30 });
    const late = codeOf(kernel.call(Say, { text: "late" }, { ttlMs: 5 }));
    const early = kernel.call(Say, { text: "early" }, { ttlMs: 60_000 });
    expect(await late).toBe("DEADLINE_PASSED");
    expect(await early).toEqual({ count: 1, text: "early!" });
    await slow;
    expect(kernel.metrics).toMatchObject({ expired: 1, failed: 1 });
  });

  test("has as many lanes as its block size says", async () => {
    await using kernel = await launch({ blockSize: 8 });
    const seven = Array.from({ length: 7 }, () => codeOf(kernel.call(Wait, { ms: 60_000 })));
    const order: string[] = [];
    const said = (name: string) => () => void order.push(name);
    await kernel.call(Add, { a: 1, b: 1 }).then(said("in the eighth lane"));
    const eighth = kernel.call(Wait, { ms: 50 }).then(said("also"));
    const ninth = kernel.call(Add, { a: 1, b: 1 }).then(said("after it"));
    await Promise.all([eighth, ninth]);
    expect(order).toEqual(["in the eighth lane", "also", "after it"]);
    kernel.interrupt();
    expect(await Promise.all(seven)).toEqual(Array(7).fill("HANDLER_INTERRUPTED"));
  });

  test("fails, drops or waits when its queue is full, as the launch says", async () => {
    await using failing = await launch({ inputQueueCapacity: 2 });
    const first = [failing.call(Wait, { ms: 20 }), failing.call(Wait, { ms: 1 })];
    expect(await codeOf(failing.call(Add, { a: 1, b: 1 }))).toBe("QUEUE_FULL");
    expect(thrownBy(() => failing.send(Count, { to: 1 }))).toBe("QUEUE_FULL");
    const room = failing.sendWaiting(Count, { to: 1 }, { timeoutMs: 5000 });
    await Promise.all([...first, room]);
    expect(await failing.receive(Num)).toEqual({ number: 0 });
    await failing.terminate();

    await using dropping = await launch({ inputQueueCapacity: 2, whenFull: "drop-newest" });
    const held = [dropping.call(Wait, { ms: 20 }), dropping.call(Wait, { ms: 1 })];
    expect(dropping.send(Count, { to: 1 })).toBe(false);
    await Promise.all(held);
    expect(dropping.metrics).toMatchObject({ dropped: 1, emitted: 0 });
    await dropping.terminate();

    await using waiting = await launch({ inputQueueCapacity: 2, whenFull: "wait" });
    const sums = Array.from({ length: 20 }, (_, a) => waiting.call(Add, { a, b: 1 }));
    expect((await Promise.all(sums)).reduce((sum, { value }) => sum + value, 0)).toBe(210);
  });

  test("serves urgent messages first where it was launched with priorities", async () => {
    await using plain = await launch();
    expect(await codeOf(plain.call(Add, { a: 1, b: 1 }, { priority: "HIGH" }))).toBe(
      "OPTION_UNSUPPORTED",
    );
    await plain.terminate();
    await using kernel = await launch({ priorities: true });
    const order: string[] = [];
    kernel.deactivate();
    kernel.activate();
    const busy = kernel.call(Wait, { ms: 20 });
    const say = (text: string, priority: "LOW" | "CRITICAL" | "NORMAL") =>
      kernel.call(Say, { text }, { priority }).then((said) => void order.push(said.text));
    await Promise.all([
      busy,
      say("low", "LOW"),
      say("normal", "NORMAL"),
      say("critical", "CRITICAL"),
    ]);
    expect(order.toSorted()).toEqual(["critical!", "low!", "normal!"]);
  });

  test("checks what it is sent where it was launched with checksums", async () => {
    await using kernel = await launch({ checksum: true });
    expect(await kernel.call(Add, { a: 1, b: 1 })).toEqual({ value: 2 });
    expect((await kernel.call(Numbers, { data: [1, 2, 3] })).data).toEqual(
      Float32Array.of(2, 4, 6),
    );
  });
});

test("Runtime.launch() refuses a second kernel of an id, also of two at once", async () => {
  const both = await Promise.all([adder, adder].map((kernel) => codeOf(runtime.launch(kernel))));
  expect(both.toSorted()).toEqual(["KERNEL_ALREADY_ACTIVE", "no failure"]);
  expect(runtime.listKernels()).toEqual(["adder"]);
  await runtime.getKernel("adder")!.terminate();
  expect([runtime.listKernels(), runtime.getKernel("adder")]).toEqual([[], undefined]);
});

test("Runtime.launch() says what is wrong with a kernel, and leaves its id free", async () => {
  const module = new URL("./kernels.fixture.ts", import.meta.url);
  expect(await codeOf(runtime.launch("nobody", { module }))).toBe("KERNEL_NOT_FOUND");
  expect(await codeOf(runtime.launch("adder"))).toBe("KERNEL_NOT_FOUND");
  expect(await codeOf(runtime.launch("x", { module: "file:///nowhere.ts" }))).toBe("LAUNCH_FAILED");
  expect(await codeOf(runtime.launch(broken))).toBe("LAUNCH_FAILED");
  for (const option of [
    { gridSize: 0 },
    { blockSize: 1025 },
    { cellBytes: 65 },
    { cooperative: true },
  ])
    expect(await codeOf(runtime.launch(adder, option))).toBe("OPTION_UNSUPPORTED");
  await using kernel = await runtime.launch("adder", { module });
  expect(await kernel.call(Add, { a: 1, b: 2 })).toEqual({ value: 3 });
});

test("A kernel whose thread dies fails what it held and what waits, and ends", async () => {
  const own = createRuntime({ threads: 1 });
  const kernel = await own.launch(adder);
  const held = codeOf(kernel.call(Wait, { ms: 10_000 }));
  await expect.poll(() => kernel.metrics.inHand, { timeout: 10_000 }).toBe(1);
  kernel.send(Exit, { code: 3 });
  const queued = codeOf(kernel.call(Add, { a: 1, b: 1 }));
  kernel.interrupt(); // The wait ends, and the exit has its turn.
  expect(await held).toBe("HANDLER_INTERRUPTED");
  expect(await queued).toBe("WORKER_LOST");
  expect(await kernel.wait()).toMatchObject({ how: "killed", failure: { code: "WORKER_LOST" } });
  await using again = await own.launch(adder);
  expect(await again.call(Add, { a: 1, b: 1 })).toEqual({ value: 2 });
  await own.shutdown();
});

test("KernelHandle.interrupt() stops a handler that never returns to the event loop, and kill() any", async () => {
  const own = createRuntime({ threads: 1 });
  const kernel = await own.launch(adder);
  await kernel.call(Say, { text: "one" });
  const spinning = codeOf(kernel.call(Spin, { ms: 60_000 }));
  await expect.poll(() => kernel.metrics.inHand, { timeout: 10_000 }).toBe(1);
  kernel.interrupt();
  expect(await spinning).toBe("HANDLER_INTERRUPTED");
  expect(await kernel.call(Say, { text: "two" })).toEqual({ count: 2, text: "two!" });
  const lost = codeOf(kernel.call(Spin, { ms: 60_000 }));
  await expect.poll(() => kernel.metrics.inHand, { timeout: 10_000 }).toBe(1);
  expect(await kernel.kill()).toMatchObject({ how: "killed", lost: 1 });
  expect(await lost).toBe("WORKER_LOST");
  expect(await own.shutdown()).toEqual(new Map());
});

test("A grid of two serves one queue, each with a state of its own", async () => {
  await using kernel = await runtime.launch(adder, { gridSize: 2 });
  const waits = Array.from({ length: 4 }, () => kernel.call(Wait, { ms: 30 }));
  const said = await Promise.all(Array.from({ length: 40 }, () => kernel.call(Say, { text: "" })));
  await Promise.all(waits);
  expect(said.reduce((sum, { count }) => Math.max(sum, count), 0)).toBeLessThanOrEqual(40);
  expect(kernel.metrics).toMatchObject({ messagesProcessed: 44, answered: 44 });
});

test("Runtime.shutdown() ends every kernel, and launches no more", async () => {
  const own = createRuntime({ threads: 2 });
  const kernel = await own.launch(adder);
  const call = kernel.call(Add, { a: 1, b: 2 });
  expect(await own.shutdown()).toEqual(new Map([["adder", { how: "terminated", refused: 0 }]]));
  expect(await call).toEqual({ value: 3 });
  expect(await codeOf(own.launch(adder))).toBe("RUNTIME_CLOSED");
  expect(own.metrics).toMatchObject({
    totalLaunched: 1,
    messagesSent: 1,
    activeKernels: 0,
    threads: 0,
  });
});

test("KernelHandle.messages() yields what is emitted until the kernel ends", async () => {
  const kernel = await runtime.launch(adder);
  kernel.send(Count, { to: 5 });
  const numbers: number[] = [];
  for await (const { number } of kernel.messages(Num)) {
    numbers.push(number);
    if (number === 2) void kernel.terminate();
  }
  expect(numbers).toEqual([0, 1, 2, 3, 4]);
});
