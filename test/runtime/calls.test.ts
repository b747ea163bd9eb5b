// Calls on real workers, where one call meets another: signals, deadlines and blocks.

import { afterEach, describe, expect, test } from "vitest";
import type { RuntimeOptions } from "../../src/runtime/mod.ts";
import { createRuntime } from "../../src/platform/node/mod.ts";
import { Add, ada, Bad, Deaf, Echo, Grow, Sink, Total, Totalled, Wait } from "./actors.fixture.ts";
import { codeOf, within } from "./outcomes.ts";

const opened: ReturnType<typeof createRuntime>[] = [];
const open = (options: RuntimeOptions = {}) => {
  const runtime = createRuntime({ threads: 1, payloadBytesMax: 4096, ...options });
  opened.push(runtime);
  return runtime;
};
afterEach(async () => {
  for (const runtime of opened.splice(0)) await within(runtime.shutdown({ timeoutMs: 100 }));
});

const large = (value = 1): { data: Float64Array } => ({ data: new Float64Array(100).fill(value) });

describe("KernelHandle.call()", () => {
  test("is not cancelled by the signal of an earlier call that had its slot", async () => {
    const kernel = await open({ callSpins: 0 }).launch(ada, { inputQueueCapacity: 2 });
    const stop = new AbortController();
    await kernel.call(Add, { a: 1, b: 1 }, { signal: stop.signal }); // Slot 0.
    const held = kernel.call(Wait, { ms: 100 }); // Slot 1.
    const next = codeOf(kernel.call(Add, { a: 2, b: 2 })); // Slot 0 again.
    stop.abort();
    await held;
    expect(await next).toBe("ok");
  });

  test("fails on time although an earlier call may wait longer", async () => {
    const kernel = await open().launch(ada);
    const order: string[] = [];
    const slow = kernel.call(Wait, { ms: 3000 }).then(() => order.push("slow"));
    await new Promise((resolve) => setTimeout(resolve, 500)); // Whoever watches now sleeps.
    const quick = codeOf(kernel.call(Add, { a: 1, b: 1 }, { timeoutMs: 10 })).then((code) =>
      order.push(code),
    );
    await Promise.all([slow, quick]);
    expect(order).toEqual(["CALL_TIMEOUT", "slow"]);
  });

  test("is answered before a later one is, also where it waited for room", async () => {
    const kernel = await open().launch(ada, { inputQueueCapacity: 2, whenFull: "wait" });
    const order: string[] = [];
    const said = (name: string) => () => void order.push(name);
    const first = kernel.call(Wait, { ms: 50 }).then(said("first"));
    const second = kernel.call(Wait, { ms: 50 }).then(said("second"));
    const third = kernel.call(Add, { a: 1, b: 1 }).then(said("third"));
    await first;
    const fourth = kernel.call(Wait, { ms: 500 }).then(said("fourth"));
    await Promise.all([second, third, fourth]);
    expect(order).toEqual(["first", "second", "third", "fourth"]);
  });

  test("gives up at once when its signal aborts while it waits for room", async () => {
    const kernel = await open().launch(ada, { inputQueueCapacity: 2, whenFull: "wait" });
    const order: string[] = [];
    const slow = kernel.call(Wait, { ms: 1000 }).then(() => order.push("slow"));
    const other = kernel.call(Wait, { ms: 1 });
    const stop = new AbortController();
    const waiting = codeOf(kernel.call(Add, { a: 1, b: 1 }, { signal: stop.signal })).then((code) =>
      order.push(code),
    );
    stop.abort();
    await Promise.all([slow, other, waiting]);
    expect(order).toEqual(["CALL_CANCELLED", "slow"]);
  });

  test("fails with the cause and with no bytes of the request where a reply is too large", async () => {
    const kernel = await open().launch(ada);
    const failure = await kernel.call(Grow, { to: 4096 }).catch((error: unknown) => error);
    const found = "a reply for which there is no room";
    expect(failure).toMatchObject({ code: "MESSAGE_TOO_LARGE", found });
  });
});

describe("A block of the pool", () => {
  test("is freed once where a large call has no answer", async () => {
    const kernel = await open({ payloadBlocks: 1 }).launch(ada, { whenFull: "drop-newest" });
    const other = kernel.call(Add, { a: 1, b: 1 });
    const call = kernel.call(Sink, large()); // Not alone, so that it does not look for itself.
    await Promise.resolve();
    while (kernel.metrics.messagesProcessed < 2); // Handled, and its answer not read.
    const wait = kernel.call(Deaf, { ms: 200 });
    expect(kernel.send(Total, large(2))).toBe(true); // Has the block, behind the wait.
    await Promise.all([other, call]);
    expect(kernel.send(Total, large(3))).toBe(false);
    await wait;
  });

  test("is freed where the reply in it cannot be written", async () => {
    const kernel = await open({ payloadBlocks: 2 }).launch(ada);
    for (let i = 0; i < 4; i++)
      expect(await codeOf(kernel.call(Bad, { count: 100 }))).toBe("HANDLER_FAILED");
    expect(await codeOf(kernel.call(Echo, large()))).toBe("ok");
  });

  test("comes back from a kernel that was killed with it in hand or in its queue", async () => {
    const runtime = open({ payloadBlocks: 2 });
    for (let i = 0; i < 3; i++) {
      const kernel = await runtime.launch(ada);
      const held = codeOf(kernel.call(Wait, { ms: 10_000 }));
      kernel.send(Total, large()); // Claimed with the wait, or behind it.
      await expect.poll(() => kernel.metrics.inHand).toBeGreaterThan(0);
      await kernel.kill();
      expect(await held).toBe("WORKER_LOST");
    }
    const kernel = await runtime.launch(ada);
    expect(await codeOf(kernel.call(Echo, large()))).toBe("ok");
  });

  test("comes back from a kernel that was forced to end", async () => {
    const runtime = open({ payloadBlocks: 2 });
    for (let i = 0; i < 3; i++) {
      const kernel = await runtime.launch(ada);
      const held = codeOf(kernel.call(Wait, { ms: 10_000 }));
      kernel.send(Total, large());
      await expect.poll(() => kernel.metrics.inHand).toBeGreaterThan(0);
      expect(await kernel.terminate({ timeoutMs: 1 })).toMatchObject({ how: "forced" });
      expect(await held).toBe("HANDLER_INTERRUPTED");
    }
    const kernel = await runtime.launch(ada);
    expect(await codeOf(kernel.call(Echo, large()))).toBe("ok");
  });

  test("comes back from a kernel whose output nobody has received", async () => {
    const runtime = open({ payloadBlocks: 2 });
    for (let i = 0; i < 2; i++) {
      const kernel = await runtime.launch(ada);
      kernel.send(Echo, large());
      expect(await kernel.terminate()).toMatchObject({ how: "terminated" });
    }
    const kernel = await runtime.launch(ada);
    expect(await codeOf(kernel.call(Echo, large()))).toBe("ok");
  });
});

test("A lost call fails with its cause and with no bytes of its request", async () => {
  const kernel = await open().launch(ada);
  const held = kernel.call(Wait, { ms: 10_000 }).catch((error: unknown) => error);
  const waits = kernel.call(Total, { data: [1, 2, 3] }).catch((error: unknown) => error);
  await expect.poll(() => kernel.metrics.inHand).toBeGreaterThan(0);
  await kernel.kill();
  const lost = "a thread that ended with the message in hand";
  expect(await Promise.all([held, waits])).toMatchObject([{ found: lost }, {}]);
});

test("KernelHandle.receive() gives a type's message, however many of another nobody wants", async () => {
  const kernel = await open().launch(ada, { outputQueueCapacity: 2 });
  for (let sent = 1; sent <= 4; sent++) {
    kernel.send(Add, { a: sent, b: 0 });
    await expect.poll(() => kernel.metrics.messagesProcessed).toBe(sent);
    expect(() => kernel.tryReceive(Totalled)).toThrow();
  }
  kernel.send(Total, { data: [1] });
  expect(await kernel.receiveTimeout(Totalled, 2000)).toMatchObject({ count: 1 });
});

test("A grid answers on the thread that is free while the other's lane is taken", async () => {
  const grid = await open({ threads: 2 }).launch(ada, { gridSize: 2 });
  const order: string[] = [];
  const slow = grid.call(Wait, { ms: 3000 }).then(() => order.push("slow"));
  await expect.poll(() => grid.metrics.inHand).toBe(1);
  for (let i = 0; i < 20; i++) await grid.call(Add, { a: i, b: 1 });
  order.push("quick");
  await slow;
  expect(order).toEqual(["quick", "slow"]);
});
