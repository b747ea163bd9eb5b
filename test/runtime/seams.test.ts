// Seams: launches that fail halfway, threads of one's own, and messages that wait on the host while a kernel
// moves, is saved or ends.

import { setTimeout as after } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, describe, expect, test } from "vitest";
import { createRuntime, type NodeRuntime } from "../../src/platform/node/runtime.ts";
import type { KernelHandle, LaunchOptions, RuntimeOptions } from "../../src/runtime/mod.ts";
import { codeOf, until, within } from "./outcomes.ts";
import { Nap, plain, Put, slowly, uneven, Where } from "./seams.fixture.ts";

let runtime: NodeRuntime;
const begin = (options: RuntimeOptions): void => void (runtime = createRuntime(options));
afterEach(() => runtime.shutdown());

const threadOf = async (kernel: KernelHandle<typeof plain>): Promise<number> =>
  (await kernel.call(Where, { nothing: 0 })).thread;

describe("A launch that fails", () => {
  test.each([
    { rateLimit: { perSecond: -1, burst: 1 } },
    { rateLimit: { perSecond: 1, burst: Number.NaN } },
    { credits: 0 },
    { credits: -1 },
    { deduplicate: { max: 0 } },
  ] satisfies LaunchOptions[])("with %j leaves its tenant's quota as it was", async (options) => {
    begin({ threads: 1, quotas: { 0: { kernels: 1 } } });
    expect(await codeOf(runtime.launch(plain, options))).toBe("OPTION_UNSUPPORTED");
    const kernel = await runtime.launch(plain);
    expect(await kernel.call(Where, { nothing: 0 })).toMatchObject({ count: 0 });
  });

  test("on one thread of a grid leaves nothing that starts later on another", async () => {
    begin({ threads: 2 });
    expect(await codeOf(runtime.launch(uneven, { gridSize: 2 }))).toBe("LAUNCH_FAILED");
    const ids = ["a", "b"];
    const kernels = await Promise.all(ids.map((id) => runtime.launch(plain, { id })));
    for (const kernel of kernels) await kernel.call(Nap, { ms: 400 }, { timeoutMs: 5000 });
    for (const kernel of kernels) {
      const answer = within(kernel.call(Where, { nothing: 0 }));
      expect(await answer).toMatchObject({ count: 0 });
    }
  });

  test("for want of a checkpoint takes no thread with it", async () => {
    begin({ threads: 1 });
    const restore = new Uint8Array(8);
    for (let i = 0; i < 3; i++) {
      const launched = runtime.launch(plain, { ownThread: true, restore });
      expect(await codeOf(launched)).toBe("CHECKPOINT_INVALID");
    }
    expect(runtime.metrics.threads).toBe(1);
    await runtime.launch(plain, { ownThread: true });
    expect(runtime.metrics.threads).toBe(1);
  });
});

describe("KernelHandle.move() of a kernel with a thread of its own", () => {
  test("goes to one that is its own, too", async () => {
    begin({ threads: 2 });
    const kernel = await runtime.launch(plain, { ownThread: true });
    const before = await threadOf(kernel);
    await kernel.move();
    const own = await threadOf(kernel);
    expect(own).not.toBe(before);
    for (const id of ["a", "b", "c", "d"])
      expect(await threadOf(await runtime.launch(plain, { id }))).not.toBe(own);
  });

  test("that fails leaves the other thread to others", async () => {
    begin({ threads: 2 });
    const kernel = await runtime.launch(plain, { ownThread: true });
    const nap = codeOf(kernel.call(Nap, { ms: 60_000 }));
    await until(() => kernel.metrics.inHand === 1);
    expect(await codeOf(kernel.move({ timeoutMs: 20 }))).toBe("REST_TIMEOUT");
    const threads = runtime.metrics.threads;
    await runtime.launch(plain, { id: "other", ownThread: true });
    expect(runtime.metrics.threads).toBe(threads);
    kernel.interrupt();
    expect(await nap).toBe("HANDLER_INTERRUPTED");
  });
});

/** A kernel that naps until it is interrupted: three more messages fit into its queue. */
const napping = async (options: LaunchOptions): Promise<KernelHandle<typeof plain>> => {
  begin({ threads: 2 });
  const kernel = await runtime.launch(plain, { inputQueueCapacity: 4, ...options });
  kernel.send(Nap, { ms: 60_000 });
  await until(() => kernel.metrics.inHand === 1);
  return kernel;
};

describe("Messages that wait on the host", () => {
  test.each(["kill", "terminate"] as const)("are dead letters after %s()", async (end) => {
    const kernel = await napping({ whenFull: "wait", deadLetters: true });
    for (let n = 0; n < 7; n++) kernel.send(Put, { n });
    expect(kernel.metrics.waiting).toBe(4);
    if (end === "kill") await kernel.kill();
    else await kernel.terminate({ timeoutMs: 0 });
    const letters = runtime.deadLetters.browse({ type: Put.id });
    const numbers = letters.map(({ payload }) => new DataView(payload.buffer).getUint32(0, true));
    expect(numbers.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  test("are dead letters where newer ones take their place", async () => {
    const kernel = await napping({ whenFull: "drop-oldest", deadLetters: true });
    for (let n = 0; n < 9; n++) kernel.send(Put, { n });
    const letters = runtime.deadLetters.browse({ reason: "queue-full" });
    const numbers = letters.map(({ payload }) => new DataView(payload.buffer).getUint32(0, true));
    expect(numbers).toEqual([3, 4]);
    expect(kernel.metrics).toMatchObject({ dropped: 2, waiting: 4 });
    kernel.interrupt();
  });

  test("go along when the kernel moves, once each", async () => {
    const kernel = await napping({ whenFull: "wait" });
    for (let n = 0; n < 7; n++) kernel.send(Put, { n });
    const moved = kernel.move();
    kernel.interrupt();
    await moved;
    expect(await kernel.call(Where, { nothing: 0 })).toMatchObject({ count: 7 });
  });

  test("have one time for waiting and for being answered", async () => {
    begin({ threads: 1 });
    const kernel = await runtime.launch(plain, { inputQueueCapacity: 2, whenFull: "wait" });
    kernel.send(Nap, { ms: 600 });
    kernel.send(Put, { n: 1 });
    const call = codeOf(kernel.call(Nap, { ms: 600 }, { timeoutMs: 900 }));
    expect(["CALL_TIMEOUT", "QUEUE_FULL"]).toContain(await call);
  });
});

describe("What no option can be is refused", () => {
  test.each([
    { threads: 0 },
    { threads: 1.5 },
    { threads: Number.NaN },
    { prestart: -1 },
    { payloadBlocks: -1 },
    { payloadBlocks: 0.5 },
    { payloadBytesMax: 0 },
    { defaultQueueCapacity: 1 },
    { terminationTimeoutMs: Number.NaN },
    { terminationTimeoutMs: -1 },
    { maxDriftMs: -1 },
    { callSpins: Infinity },
    { idle: {} as never },
    { idle: { spins: 1, sleepMs: -1 } },
    { supervision: { strategy: "all-for-one" as never } },
    { supervision: { maxRestarts: -1 } },
    { supervision: { windowMs: Number.NaN } },
  ] satisfies RuntimeOptions[])("of a runtime: %j", async (options) => {
    expect(await codeOf((async () => createRuntime(options))())).toBe("OPTION_UNSUPPORTED");
    begin({});
  });

  test("of a runtime, but undefined is the default", async () => {
    begin({ threads: undefined, payloadBlocks: undefined, supervision: undefined } as object);
    const kernel = await runtime.launch(plain);
    expect(await kernel.call(Where, { nothing: 0 })).toMatchObject({ count: 0 });
  });

  test.each([
    { mode: "eager" as never },
    { restart: "always" as never },
    { tenant: -1 },
    { restore: "file.ckpt" as never },
  ] satisfies LaunchOptions[])("of a launch: %j", async (options) => {
    begin({ threads: 1 });
    expect(await codeOf(runtime.launch(plain, options))).toBe("OPTION_UNSUPPORTED");
  });

  test.each([
    { priority: "urgent" as never },
    { ttlMs: Number.NaN },
    { messageId: 7 as never }, // A number is no bigint.
  ])("of a message: %j", async (options) => {
    begin({ threads: 1 });
    const kernel = await runtime.launch(plain, { priorities: true });
    expect(await codeOf(kernel.call(Where, { nothing: 0 }, options))).toBe("OPTION_UNSUPPORTED");
    expect(await kernel.call(Where, { nothing: 0 })).toMatchObject({ count: 0 });
  });

  test("of a verb: no message, or no value", async () => {
    begin({ threads: 1 });
    const kernel = await runtime.launch(plain);
    const none = undefined as never;
    const invalid = [
      () => kernel.call(none, { nothing: 0 }),
      () => kernel.call(Where, none),
      () => kernel.call({ nothing: 0 } as never, none),
      async () => kernel.send(none, { nothing: 0 }),
      async () => kernel.send(Where, null as never),
      () => kernel.sendWaiting(none, { nothing: 0 }),
      () => kernel.receive(none),
      async () => kernel.tryReceive(none),
      () => kernel.messages(none).next(),
    ];
    for (const verb of invalid) expect(await codeOf(verb())).toBe("MESSAGE_INVALID");
    expect(await kernel.call(Where, { nothing: 0 })).toMatchObject({ count: 0 });
  });
});

test.each(["persistent", "event-driven"] as const)(
  "A kernel that has ended is kept by nobody, though its thread goes on: %s",
  async (mode) => {
    begin({ threads: 2 });
    const ended: WeakRef<KernelHandle<typeof plain>>[] = [];
    const live = async (): Promise<void> => {
      const kernel = await runtime.launch(plain, { mode, deadLetters: true, profiling: true });
      if (mode === "persistent") await kernel.move();
      await kernel.call(Where, { nothing: 0 });
      await kernel.terminate();
      ended.push(new WeakRef(kernel));
    };
    for (let i = 0; i < 5; i++) await live();
    setFlagsFromString("--expose-gc");
    const gc = runInNewContext("gc") as () => void;
    const kept = (): number => ended.filter((one) => one.deref() !== undefined).length;
    await until(() => {
      gc();
      return kept() <= 1; // The last one may still be in a frame or a register.
    });
    expect(kept()).toBeLessThanOrEqual(1);
  },
);

test("A kernel that another thread restores for long is not hung, and messages wait for it", async () => {
  begin({ threads: 2, prestart: 2, supervision: { heartbeatTimeoutMs: 200 } });
  await runtime.start();
  const kernel = await runtime.launch(slowly);
  const moved = codeOf(kernel.move());
  await after(200); // It rests by now.
  for (let n = 0; n < 5; n++) kernel.send(Put, { n });
  expect(await moved).toBe("ok");
  expect(await kernel.call(Where, { nothing: 0 })).toMatchObject({ count: 5 });
  kernel.send(Put, { n: 5 });
  expect(await kernel.call(Where, { nothing: 0 })).toMatchObject({ count: 6 });
});

test("kill() during a move ends the kernel, wherever it is then", async () => {
  begin({ threads: 2, prestart: 2 });
  for (let ms = 0; ms < 25; ms++) {
    const kernel = await runtime.launch(plain);
    await runtime.start(); // Both threads, of which the last round has killed one.
    const moved = codeOf(kernel.move());
    await after(ms);
    expect(await within(kernel.kill())).toMatchObject({ how: "killed" });
    expect(["ok", "KERNEL_TERMINATED", "WORKER_LOST"]).toContain(await moved);
  }
});
