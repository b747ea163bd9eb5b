// Schedulers on real threads: who handles what while one thread of the grid is held.

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createRuntime, type NodeRuntime } from "../../src/platform/node/runtime.ts";
import type { KernelHandle, LaunchOptions } from "../../src/runtime/mod.ts";
import {
  Placement,
  resolveScheduler,
  type SchedulerOptions,
  STRATEGIES,
} from "../../src/runtime/scheduling.ts";
import { codeOf, until } from "./outcomes.ts";
import { Block, relay, Relay, Slow, Work, worker } from "./scheduling.fixture.ts";

interface Grid extends AsyncDisposable {
  readonly runtime: NodeRuntime;
  readonly kernel: KernelHandle<typeof worker>;
  /** Holds one thread with a message, and says how to let it go and which one it was. */
  hold(options?: { readonly key?: number }): Promise<() => Promise<number>>;
}

async function grid(scheduler: SchedulerOptions, options: LaunchOptions = {}): Promise<Grid> {
  const runtime = createRuntime({ threads: 3 });
  const gate = new Int32Array(new SharedArrayBuffer(4));
  const open = (): void => {
    Atomics.store(gate, 0, 1);
    Atomics.notify(gate, 0);
  };
  const more = { gridSize: 2, inputQueueCapacity: 256, data: gate.buffer, ...options };
  const kernel = await runtime.launch(worker, { scheduler, ...more });
  return {
    ...{ runtime, kernel },
    async hold(where = {}) {
      const blocked = kernel.call(Block, { number: 0 }, where);
      await until(() => kernel.metrics.inHand === 1);
      return async () => {
        open();
        return (await blocked).thread;
      };
    },
    async [Symbol.asyncDispose]() {
      open();
      await runtime.shutdown();
    },
  };
}

/** Calls, and keeps which thread answered. */
function calls(
  kernel: Grid["kernel"],
  count: number,
): { answers: number[]; all: Promise<unknown> } {
  const answers: number[] = [];
  const call = async (number: number): Promise<void> => {
    answers.push((await kernel.call(Work, { number })).thread);
  };
  return { answers, all: Promise.all(Array.from({ length: count }, (_, number) => call(number))) };
}

test.each(STRATEGIES)("The scheduler %s handles each message once", async (strategy) => {
  await using subject = await grid({ strategy });
  const { kernel } = subject;
  const { answers, all } = calls(kernel, 200);
  await all;
  for (let number = 0; number < 100; number++) kernel.send(Work, { number });
  await until(() => kernel.metrics.messagesProcessed === 300);
  expect(answers).toHaveLength(200);
  expect(kernel.metrics).toMatchObject({ sent: 300, answered: 200, failed: 0, inHand: 0 });
});

describe("The scheduler static", () => {
  test("gives one key's messages to one thread, in order, and keys to all threads", async () => {
    await using subject = await grid({ strategy: "static" }, { inputQueueCapacity: 512 });
    const keys = Array.from({ length: 20 }, (_, key) => key);
    const seen = keys.map((key) =>
      Promise.all(keys.map((number) => subject.kernel.call(Work, { number }, { key }))),
    );
    const threads = (await Promise.all(seen)).map((done) => {
      const turns = done.map(({ turn }) => turn);
      expect(turns).toEqual(turns.toSorted((a, b) => a - b));
      expect(new Set(done.map(({ thread }) => thread)).size).toBe(1);
      return done[0]!.thread;
    });
    expect(new Set(threads)).toEqual(new Set([0, 1]));
  });

  test("moves nothing to another thread, also where that has room", async () => {
    await using subject = await grid({ strategy: "static" }, { inputQueueCapacity: 4 });
    await subject.hold({ key: 5 });
    const send = (): boolean => subject.kernel.send(Work, { number: 1 }, { key: 5 });
    expect([send(), send(), send()]).toEqual([true, true, true]);
    expect(send).toThrow(/no room/);
    const placement = new Placement(resolveScheduler({ strategy: "static" }, 2));
    const other = placement.pick(5, undefined) ^ 1;
    const key = [1, 2, 3, 4].find((one) => placement.pick(one, undefined) === other)!;
    expect((await subject.kernel.call(Work, { number: 1 }, { key })).thread).toBe(other);
  });
});

test("The scheduler round-robin fills the queues in turn, and nobody takes from another's", async () => {
  await using subject = await grid({ strategy: "round-robin" });
  const release = await subject.hold();
  const { answers, all } = calls(subject.kernel, 20);
  await until(() => answers.length === 10);
  expect(subject.kernel.metrics.inputQueueDepth).toBe(11);
  const held = await release();
  await all;
  expect(answers.filter((thread) => thread === held)).toHaveLength(10);
});

test("The scheduler round-robin goes to the next queue where one is full", async () => {
  await using subject = await grid({ strategy: "round-robin" }, { inputQueueCapacity: 4 });
  await subject.hold();
  for (let number = 0; number < 30; number++)
    await subject.kernel.sendWaiting(Work, { number }, { timeoutMs: 5000 });
  await until(() => subject.kernel.metrics.messagesProcessed >= 27);
});

test.each(["shared", "work-stealing", "hybrid"] as const)(
  "The scheduler %s lets the other thread do all while one is held",
  async (strategy) => {
    await using subject = await grid({ strategy, stealThreshold: 1 });
    const release = await subject.hold();
    const { answers, all } = calls(subject.kernel, 20);
    await all;
    const held = await release();
    expect(answers).not.toContain(held);
  },
);

test("The scheduler work-stealing leaves a neighbour what is less than its threshold", async () => {
  await using subject = await grid({ strategy: "work-stealing", stealThreshold: 8 });
  const release = await subject.hold();
  const { answers, all } = calls(subject.kernel, 10); // Five each.
  await until(() => answers.length === 5);
  expect(subject.kernel.metrics.inputQueueDepth).toBe(6);
  await release();
  await all;
});

test("The scheduler work-sharing gives away what a thread has too much of", async () => {
  await using subject = await grid({ strategy: "work-sharing", shareThreshold: 2 });
  const { kernel } = subject;
  const release = await subject.hold();
  const { answers, all } = calls(kernel, 1); // To the other thread.
  await all;
  const slow = Array.from({ length: 60 }, (_, i) => kernel.call(Slow, { ms: i % 2 === 0 ? 4 : 0 }));
  const held = await release();
  const done = await Promise.all(slow);
  expect(answers).not.toContain(held);
  expect(done.filter(({ thread }) => thread === held).length).not.toBe(30);
});

test("The scheduler priority lets one thread take urgent levels first", async () => {
  await using subject = await grid({ strategy: "priority", levels: 4 }, { gridSize: 1 });
  const { kernel } = subject;
  const release = await subject.hold();
  const call = (level: number): Promise<{ turn: number }> =>
    kernel.call(Work, { number: level }, { level });
  const [idle, middle, urgent] = [3, 2, 0].map((level) =>
    Promise.all([call(level), call(level), call(level)]),
  );
  await release();
  const turns = async (of: typeof idle): Promise<number[]> => (await of!).map(({ turn }) => turn);
  expect([await turns(urgent), await turns(middle), await turns(idle)]).toEqual([
    [1, 2, 3],
    [4, 5, 6],
    [7, 8, 9],
  ]);
});

test("Kernels that send to a grid fill its queues in turn too", async () => {
  await using subject = await grid({ strategy: "round-robin" });
  await using sender = await subject.runtime.launch(relay, { routes: ["worker"] });
  const release = await subject.hold();
  expect(await sender.call(Relay, { count: 40 })).toEqual({ delivered: 40 });
  await until(() => subject.kernel.metrics.messagesProcessed === 20);
  await release();
  await until(() => subject.kernel.metrics.messagesProcessed === 41);
});

test("A key, a level, a checkpoint and a move are refused where a scheduler has no use for them", async () => {
  await using subject = await grid({ strategy: "priority" }, { gridSize: 1 });
  const { kernel } = subject;
  const number = 1;
  expect(await codeOf(kernel.call(Work, { number }, { key: 1 }))).toBe("OPTION_UNSUPPORTED");
  expect(await codeOf(kernel.call(Work, { number }, { level: 4 }))).toBe("OPTION_UNSUPPORTED");
  expect(await codeOf(kernel.checkpoint())).toBe("OPTION_UNSUPPORTED");
  expect(await codeOf(kernel.move())).toBe("MOVE_REFUSED");
});

test("Whatever the scheduler, all calls settle when the kernel ends or is killed", async () => {
  const cases = fc.record({
    strategy: fc.constantFrom(...STRATEGIES),
    calls: fc.integer({ min: 1, max: 200 }),
    end: fc.constantFrom("terminate", "kill"),
    blockSize: fc.integer({ min: 1, max: 4 }),
  });
  await fc.assert(
    fc.asyncProperty(cases, async ({ strategy, calls: count, end, blockSize }) => {
      await using subject = await grid({ strategy }, { blockSize });
      const { kernel } = subject;
      const outcomes = Array.from({ length: count }, (_, number) =>
        codeOf(kernel.call(Work, { number })),
      );
      await (end === "kill" ? kernel.kill() : kernel.terminate());
      const allowed = end === "kill" ? ["ok", "WORKER_LOST", "KERNEL_TERMINATED"] : ["ok"];
      for (const outcome of await Promise.all(outcomes)) expect(allowed).toContain(outcome);
    }),
    { numRuns: 12 },
  );
});
