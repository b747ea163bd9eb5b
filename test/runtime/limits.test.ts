// Limits: what a kernel's launch says of messages that find no room, come too fast, or come twice.

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeEnvelope } from "../../src/message/mod.ts";
import { createRuntime, type NodeRuntime } from "../../src/platform/node/runtime.ts";
import type { KernelHandle } from "../../src/runtime/mod.ts";
import { FULL_POLICIES, type LaunchOptions } from "../../src/runtime/options.ts";
import { Add, bob, Mark, ada, cid, Sum, Throw } from "./actors.fixture.ts";
import { codeOf, until } from "./outcomes.ts";

const CAPACITY = 4;

interface Subject extends AsyncDisposable {
  readonly runtime: NodeRuntime;
  readonly kernel: KernelHandle<typeof ada>;
  readonly counts: Int32Array;
  fill(count: number): string[];
  handled(): number[];
}

/** A kernel that handles nothing before it is told to, and what it counts. */
async function idle(options: LaunchOptions): Promise<Subject> {
  const runtime = createRuntime({ threads: 1 });
  const counts = new Int32Array(new SharedArrayBuffer(4 * 4096));
  const kernel = await runtime.launch(ada, {
    ...{ inputQueueCapacity: CAPACITY, data: counts.buffer },
    ...options,
  });
  return {
    ...{ runtime, kernel, counts },
    /** Sends to the kernel while its thread is kept from its queue; says what each send said. */
    fill(count: number): string[] {
      return Array.from({ length: count }, (_, number) => {
        try {
          return String(kernel.send(Mark, { number }));
        } catch (error) {
          return (error as { code: string }).code;
        }
      });
    },
    handled: (): number[] => [...counts].flatMap((count, number) => (count > 0 ? [number] : [])),
    [Symbol.asyncDispose]: async () => void (await runtime.shutdown()),
  };
}

/** Sends run in one turn of the event loop, so the thread may take some: `event-driven` takes none before. */
const STILL = { mode: "event-driven" } as const;

describe("KernelHandle.send() to a queue that is full", () => {
  test("fails under `fail`, and what was sent before is handled", async () => {
    await using subject = await idle({ ...STILL, whenFull: "fail" });
    expect(subject.fill(6)).toEqual(["true", "true", "true", "true", "QUEUE_FULL", "QUEUE_FULL"]);
    await until(() => subject.kernel.metrics.messagesProcessed === 4);
    expect(subject.handled()).toEqual([0, 1, 2, 3]);
    expect(subject.kernel.metrics).toMatchObject({ sent: 4, dropped: 0, queueFull: 2 });
  });

  test("drops what comes under `drop-newest`", async () => {
    await using subject = await idle({ ...STILL, whenFull: "drop-newest" });
    expect(subject.fill(6)).toEqual(["true", "true", "true", "true", "false", "false"]);
    await until(() => subject.kernel.metrics.messagesProcessed === 4);
    expect(subject.handled()).toEqual([0, 1, 2, 3]);
    expect(subject.kernel.metrics).toMatchObject({ sent: 4, dropped: 2 });
  });

  test("waits under `wait`, with as many again as the queue has slots, and in order", async () => {
    await using subject = await idle({ ...STILL, whenFull: "wait" });
    const said = subject.fill(2 * CAPACITY + 1);
    expect(said).toEqual([...Array<string>(2 * CAPACITY).fill("true"), "QUEUE_FULL"]);
    expect(subject.kernel.metrics.waiting).toBe(CAPACITY);
    const last = subject.kernel.call(Mark, { number: 100 });
    await last; // It comes behind all that waits.
    expect(subject.handled()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 100]);
    expect(subject.kernel.metrics).toMatchObject({ sent: 9, dropped: 0, waiting: 0 });
  });

  test("drops the oldest that waits under `drop-oldest`", async () => {
    await using subject = await idle({ ...STILL, whenFull: "drop-oldest" });
    expect(subject.fill(2 * CAPACITY + 3)).not.toContain("false");
    await subject.kernel.call(Mark, { number: 100 });
    expect(subject.handled()).toEqual([0, 1, 2, 3, 7, 8, 9, 10, 100]);
    expect(subject.kernel.metrics).toMatchObject({ sent: 9, dropped: 3 });
  });

  test("keeps it as a dead letter under `dead-letter`, which can be sent again", async () => {
    await using subject = await idle({ ...STILL, whenFull: "dead-letter" });
    const { kernel, runtime } = subject;
    expect(subject.fill(6)).toEqual(["true", "true", "true", "true", "false", "false"]);
    const letters = runtime.deadLetters.browse({ kernel: "ada" });
    expect(letters.map(({ reason, typeName, attempts }) => [reason, typeName, attempts])).toEqual([
      ["queue-full", "Mark", 0],
      ["queue-full", "Mark", 0],
    ]);
    expect(runtime.deadLetters.replay()).toEqual({ sent: 0, kept: 2 }); // There is no room yet.
    await until(() => kernel.metrics.messagesProcessed === 4);
    expect(runtime.deadLetters.replay()).toEqual({ sent: 2, kept: 0 });
    await until(() => kernel.metrics.messagesProcessed === 6);
    expect(subject.handled()).toEqual([0, 1, 2, 3, 4, 5]);
    expect(runtime.deadLetters.size).toBe(0);
  });

  test("copies what waits: its sender may change the value", async () => {
    await using subject = await idle({ ...STILL, whenFull: "wait" });
    subject.fill(CAPACITY);
    const value = { number: 50 };
    subject.kernel.send(Mark, value);
    value.number = 51;
    await subject.kernel.call(Mark, { number: 100 });
    expect(subject.handled()).toEqual([0, 1, 2, 3, 50, 100]);
  });

  test("is refused for a policy that there is not", async () => {
    const launched = idle({ whenFull: "drop" as never });
    expect(await codeOf(launched)).toBe("OPTION_UNSUPPORTED");
  });
});

test("Whatever the policy, each message is handled, refused, dropped or kept, and none twice", async () => {
  const cases = fc.record({
    whenFull: fc.constantFrom(...FULL_POLICIES),
    bursts: fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 6 }),
  });
  await fc.assert(
    fc.asyncProperty(cases, async ({ whenFull, bursts }) => {
      await using subject = await idle({ whenFull });
      const { kernel, runtime, counts } = subject;
      let [number, refused] = [0, 0];
      for (const burst of bursts) {
        for (let i = 0; i < burst; i++, number++)
          try {
            kernel.send(Mark, { number });
          } catch (error) {
            expect((error as { code: string }).code).toBe("QUEUE_FULL");
            refused++;
          }
        await new Promise((resume) => setImmediate(resume));
      }
      await until(() => {
        const { sent, messagesProcessed, waiting } = kernel.metrics;
        return waiting === 0 && sent === messagesProcessed;
      });
      const handled = counts.reduce((sum, count) => sum + count, 0);
      expect(Math.max(...counts)).toBeLessThanOrEqual(1);
      expect(handled + refused + kernel.metrics.dropped).toBe(number);
      if (whenFull === "dead-letter") expect(runtime.deadLetters.size).toBe(kernel.metrics.dropped);
    }),
    { numRuns: 15 },
  );
});

describe("A call to a queue that is full", () => {
  test("that waits is cancelled by its signal, and is late by its time, before it was sent", async () => {
    await using subject = await idle({ whenFull: "wait" });
    const { kernel } = subject;
    kernel.deactivate();
    kernel.activate();
    const stop = new AbortController();
    const calls = Array.from({ length: 40 }, (_, number) =>
      codeOf(kernel.call(Mark, { number }, { signal: stop.signal })),
    );
    stop.abort();
    const outcomes = await Promise.all(calls);
    expect(outcomes).toContain("CALL_CANCELLED");
    expect(await kernel.call(Add, { a: 1, b: 2 })).toEqual({ sum: 3 });
  });

  test("fails when an older one has to make room", async () => {
    await using subject = await idle({ ...STILL, whenFull: "drop-oldest" });
    subject.fill(CAPACITY);
    const oldest = codeOf(subject.kernel.call(Mark, { number: 20 }));
    subject.fill(CAPACITY);
    expect(await oldest).toBe("QUEUE_FULL");
    expect(subject.counts[20]).toBe(0);
  });
});

describe("A kernel that ends while messages wait on the host", () => {
  test("drains them too", async () => {
    await using subject = await idle({ ...STILL, whenFull: "wait" });
    subject.fill(2 * CAPACITY);
    expect(await subject.kernel.terminate()).toMatchObject({ how: "terminated", refused: 0 });
    expect(subject.handled()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  test("fails calls that wait when it is killed", async () => {
    await using subject = await idle({ whenFull: "wait" });
    const calls = Array.from({ length: 40 }, () =>
      codeOf(subject.kernel.call(Add, { a: 1, b: 1 })),
    );
    await subject.kernel.kill();
    for (const outcome of await Promise.all(calls))
      expect(outcome).toMatch(/^(ok|WORKER_LOST|KERNEL_TERMINATED)$/);
  });
});

describe("LaunchOptions.deduplicate", () => {
  test("sends an id once, to senders and callers", async () => {
    await using subject = await idle({ deduplicate: true });
    const { kernel, counts } = subject;
    const sends = [7n, 8n, 7n, 2n ** 63n].map((messageId) =>
      kernel.send(Mark, { number: 1 }, { messageId }),
    );
    expect(sends).toEqual([true, true, false, true]);
    const again = kernel.call(Mark, { number: 1 }, { messageId: 8n });
    expect(await codeOf(again)).toBe("MESSAGE_DUPLICATE");
    await kernel.call(Mark, { number: 2 });
    expect([...counts.subarray(0, 3)]).toEqual([0, 3, 1]);
    expect(kernel.metrics.duplicates).toBe(2);
  });

  test("lets an id pass that found no room before", async () => {
    await using subject = await idle({ ...STILL, deduplicate: { max: 10 } });
    subject.fill(CAPACITY);
    const send = (): boolean => subject.kernel.send(Mark, { number: 9 }, { messageId: 1n });
    expect(send).toThrow(/no room/);
    await until(() => subject.kernel.metrics.messagesProcessed === CAPACITY);
    expect([send(), send()]).toEqual([true, false]);
  });

  test("is off unless asked for: ids repeat", async () => {
    await using subject = await idle({});
    for (let i = 0; i < 2; i++) subject.kernel.send(Mark, { number: 1 }, { messageId: 5n });
    await subject.kernel.call(Mark, { number: 2 });
    expect(subject.counts[1]).toBe(2);
  });
});

describe("LaunchOptions.rateLimit", () => {
  test("refuses what comes faster, and says when to send again", async () => {
    await using subject = await idle({ rateLimit: { perSecond: 0.001, burst: 2 } });
    expect(subject.fill(3)).toEqual(["true", "true", "RATE_LIMITED"]);
    const call = subject.kernel.call(Add, { a: 1, b: 1 });
    await expect(call).rejects.toMatchObject({ fix: expect.stringMatching(/in \d{6,7} ms/) });
    expect(subject.kernel.metrics.throttled).toBe(2);
  });

  test("lets messages wait for their turn under `wait`", async () => {
    const rateLimit = { perSecond: 200, burst: 1 };
    await using subject = await idle({ rateLimit, whenFull: "wait" });
    expect(subject.fill(4)).toEqual(["true", "true", "true", "true"]);
    await until(() => subject.kernel.metrics.messagesProcessed === 4);
    expect(subject.handled()).toEqual([0, 1, 2, 3]);
  });
});

test("LaunchOptions.credits bounds what the kernel has, and they come back as it ends messages", async () => {
  await using subject = await idle({ ...STILL, inputQueueCapacity: 16, credits: 3 });
  expect(subject.fill(4)).toEqual(["true", "true", "true", "QUEUE_FULL"]);
  expect(subject.kernel.metrics).toMatchObject({ credits: 0, starved: 1 });
  await until(() => subject.kernel.metrics.messagesProcessed === 3);
  expect(subject.kernel.metrics.credits).toBe(3);
  expect(subject.fill(4)).toEqual(["true", "true", "true", "QUEUE_FULL"]);
});

test("RuntimeOptions.quotas bounds a tenant's kernels, queues and messages, and nobody else's", async () => {
  const quotas = { 7: { kernels: 2, rate: { perSecond: 0.001, burst: 3 } }, 8: { queueBytes: 1 } };
  await using runtime = createRuntime({ threads: 1, quotas });
  const first = await runtime.launch(ada, { tenant: 7 });
  const second = await runtime.launch(bob, { tenant: 7 });
  expect(await codeOf(runtime.launch(cid, { tenant: 7 }))).toBe("TENANT_QUOTA");
  expect(await codeOf(runtime.launch(cid, { tenant: 8 }))).toBe("TENANT_QUOTA");
  await using other = await runtime.launch(cid);
  for (const kernel of [first, second, first]) await kernel.call(Add, { a: 1, b: 1 });
  expect(await codeOf(second.call(Add, { a: 1, b: 1 }))).toBe("RATE_LIMITED");
  for (let i = 0; i < 5; i++) await other.call(Add, { a: 1, b: 1 });
  await first.terminate();
  await using third = await runtime.launch(ada, { tenant: 7 });
  expect(third.isActive).toBe(true);
});

describe("KernelHandle.sendEnvelope()", () => {
  const stamp = { physicalUs: 0n, logical: 0n, node: 0n };
  const envelope = {
    ...{ messageId: 77n, correlationId: 0n, source: 9n, dest: 0n, flags: 0, priority: 1 as const },
    ...{ messageType: BigInt(Mark.id), timestamp: stamp, deadline: stamp },
    ...{ tenant: 0n, auditOrg: 0n, auditEngagement: 0n, payload: Uint8Array.of(5, 0, 0, 0) },
  };

  test("sends a message in its wire form, once where ids are kept", async () => {
    await using subject = await idle({ deduplicate: true });
    expect(subject.kernel.sendEnvelope(encodeEnvelope(envelope))).toBe(true);
    expect(subject.kernel.sendEnvelope(envelope)).toBe(false);
    await subject.kernel.call(Mark, { number: 2 });
    expect(subject.handled()).toEqual([2, 5]);
  });

  test("refuses bytes that are no message, and a type that no slot holds", async () => {
    await using subject = await idle({});
    const damaged = encodeEnvelope(envelope);
    damaged[damaged.length - 1]! ^= 1;
    expect(() => subject.kernel.sendEnvelope(damaged)).toThrow(/checksum/);
    expect(() => subject.kernel.sendEnvelope({ ...envelope, messageType: 2n ** 32n })).toThrow(
      "4294967296",
    );
  });

  test("leaves a message of another kind to the kernel, which refuses it", async () => {
    await using subject = await idle({});
    subject.kernel.sendEnvelope({ ...envelope, messageType: BigInt(Sum.id) });
    await until(() => subject.kernel.metrics.malformed === 1);
  });

  test("expires where its deadline has passed", async () => {
    await using subject = await idle({});
    const deadline = { physicalUs: 1_000_000n, logical: 0n, node: 0n };
    subject.kernel.sendEnvelope({ ...envelope, deadline });
    await until(() => subject.kernel.metrics.expired === 1);
    expect(subject.handled()).toEqual([]);
  });
});

describe("LaunchOptions.deadLetters", () => {
  test("keeps what a handler failed at, what nobody takes and what was too late, but no calls", async () => {
    await using subject = await idle({ deadLetters: true });
    const { kernel, runtime } = subject;
    kernel.send(Throw, { why: 3 });
    kernel.send(Sum as never, { sum: 1 } as never);
    kernel.send(Mark, { number: 1 }, { ttlMs: -1000 });
    expect(await codeOf(kernel.call(Throw, { why: 4 }))).toBe("HANDLER_FAILED");
    await until(() => runtime.deadLetters.size === 3);
    const letters = runtime.deadLetters.browse();
    expect(letters.map(({ reason }) => reason)).toEqual(["handler-error", "malformed", "deadline"]);
    expect(letters[0]).toMatchObject({ kernel: "ada", typeName: "Throw", type: Throw.id });
    expect(letters[0]!.payload).toEqual(Uint8Array.of(3, 0, 0, 0));
  });

  test("sends a letter five times at most", async () => {
    await using subject = await idle({ deadLetters: true });
    const { kernel, runtime } = subject;
    kernel.send(Throw, { why: 3 });
    for (let attempts = 0; attempts < 4; attempts++) {
      await until(() => runtime.deadLetters.size === 1);
      expect(runtime.deadLetters.browse()[0]!.attempts).toBe(attempts);
      expect(runtime.deadLetters.replay()).toEqual({ sent: 1, kept: 0 });
    }
    await until(() => runtime.deadLetters.size === 1);
    expect(runtime.deadLetters.replay()).toEqual({ sent: 0, kept: 1 });
    expect(runtime.deadLetters.browse()[0]).toMatchObject({ reason: "retries", attempts: 4 });
    await until(() => kernel.metrics.failed === 5);
  });

  test("keeps what a kernel leaves behind when it ends, and what its thread took with it", async () => {
    await using subject = await idle({ deadLetters: true, autoActivate: true });
    const { kernel, runtime } = subject;
    kernel.send(Mark, { number: 1 });
    await until(() => kernel.metrics.messagesProcessed === 1);
    kernel.deactivate();
    kernel.activate();
    for (let number = 2; number < 5; number++) kernel.send(Mark, { number });
    await kernel.kill();
    const letters = runtime.deadLetters.browse();
    for (const { reason } of letters) expect(reason).toMatch(/^(terminated|worker-lost)$/);
    const left = letters.map(({ payload }) => payload[0]!);
    // One that was handled just before the thread ended may be left too.
    expect(new Set([...subject.handled(), ...left])).toEqual(new Set([1, 2, 3, 4]));
    expect(new Set(left).size).toBe(left.length);
  });
});

test("No time is no timeout: calls, sends that wait and receivers refuse it", async () => {
  await using subject = await idle({});
  const timeoutMs = NaN;
  const { kernel } = subject;
  expect(await codeOf(kernel.call(Add, { a: 1, b: 2 }, { timeoutMs }))).toBe("OPTION_UNSUPPORTED");
  expect(await codeOf(kernel.sendWaiting(Add, { a: 1, b: 2 }, { timeoutMs }))).toBe(
    "OPTION_UNSUPPORTED",
  );
  expect(await codeOf(kernel.receiveTimeout(Sum, timeoutMs))).toBe("OPTION_UNSUPPORTED");
});
