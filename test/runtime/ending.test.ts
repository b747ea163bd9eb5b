// How kernels on real workers end, and what becomes of those beside them.

import { afterEach, describe, expect, test } from "vitest";
import type { RuntimeOptions } from "../../src/runtime/mod.ts";
import { createRuntime } from "../../src/platform/node/mod.ts";
import {
  Add,
  ada,
  Ask,
  asker,
  bob,
  cid,
  dan,
  Deaf,
  Echo,
  Exit,
  Spin,
  Stuck,
} from "./actors.fixture.ts";
import { sore, stillborn, Wait } from "./actors.fixture.ts";
import { codeOf, within } from "./outcomes.ts";

const opened: ReturnType<typeof createRuntime>[] = [];
const open = (options: RuntimeOptions = {}) => {
  const runtime = createRuntime({ threads: 1, ...options });
  opened.push(runtime);
  return runtime;
};
afterEach(async () => {
  for (const runtime of opened.splice(0)) await within(runtime.shutdown({ timeoutMs: 100 }), 2000);
});

describe("KernelHandle.terminate()", () => {
  test("does not end the kernels beside it while one of them is busy", async () => {
    const runtime = open();
    const idle = await runtime.launch(ada);
    const busy = await runtime.launch(bob);
    const call = codeOf(busy.call(Spin, { ms: 1000 }));
    await expect.poll(() => busy.metrics.inHand).toBe(1);
    expect(await idle.terminate()).toMatchObject({ how: "terminated" });
    expect(await call).toBe("ok");
  });

  // After a forced end nothing of the kernel runs any more, and only the thread's end is sure to see to that.
  test.each([
    [false, "WORKER_LOST"],
    [true, "ok"],
  ])(
    "ends its thread where its handler does not listen, with all kernels there; ownThread: %s",
    async (ownThread, outcome) => {
      const runtime = open();
      const innocent = await runtime.launch(bob);
      const deaf = await runtime.launch(ada, { ownThread });
      void codeOf(deaf.call(Deaf, { ms: 5000 }));
      await expect.poll(() => deaf.metrics.inHand).toBe(1);
      const waiting = codeOf(innocent.call(Wait, { ms: 300 }));
      await expect.poll(() => innocent.metrics.inHand).toBe(1);
      await deaf.terminate({ timeoutMs: 1 });
      expect([await waiting, innocent.isTerminated]).toEqual([outcome, !ownThread]);
    },
  );

  test("gives back what its thread held of the pool when it was killed", async () => {
    const runtime = open({ payloadBlocks: 2 });
    for (let i = 0; i < 3; i++) {
      const kernel = await runtime.launch(ada);
      const reply = codeOf(kernel.call(Stuck, { elements: 1000 }));
      await expect.poll(() => kernel.metrics.inHand).toBe(1);
      await new Promise((resolve) => setTimeout(resolve, 20)); // It writes its answer, to a block.
      await kernel.kill();
      expect(await reply).toBe("WORKER_LOST");
    }
    const kernel = await runtime.launch(ada);
    const data = new Float64Array(1000).fill(1);
    expect(await kernel.call(Echo, { data })).toEqual({ data }); // Which takes both blocks.
  });

  test.each(["persistent", "event-driven"] as const)(
    "ends a kernel whose `stop` throws: %s",
    async (mode) => {
      const runtime = open();
      const kernel = await runtime.launch(sore, { mode });
      expect(await within(codeOf(kernel.terminate()))).toBe("ok");
      expect([kernel.state, runtime.listKernels()]).toEqual(["terminated", []]);
    },
  );

  test("says how the kernel ended where its thread dies meanwhile", async () => {
    const kernel = await open().launch(ada);
    void codeOf(kernel.call(Deaf, { ms: 5000 }));
    await expect.poll(() => kernel.metrics.inHand).toBe(1);
    const end = codeOf(kernel.terminate({ timeoutMs: 0 }));
    await new Promise((resolve) => setTimeout(resolve, 50)); // It waits for the handler.
    await kernel.kill();
    expect(await end).toBe("ok");
  });

  test.each(["persistent", "event-driven"] as const)(
    "leaves an index that the next kernel can use, also when it was forced: %s",
    async (mode) => {
      const runtime = open();
      for (let i = 0; i < 5; i++) {
        const kernel = await runtime.launch(ada, { mode });
        const call = codeOf(kernel.call(Wait, { ms: 5000 }));
        await expect.poll(() => kernel.metrics.inHand).toBe(1);
        expect(await kernel.terminate({ timeoutMs: 1 })).toMatchObject({ how: "forced" });
        expect(await call).toBe("HANDLER_INTERRUPTED");
        kernel.interrupt(); // Nobody listens any more.
      }
      const again = await runtime.launch(ada, { mode });
      expect(await within(codeOf(again.call(Add, { a: 1, b: 1 })))).toBe("ok");
    },
  );
});

describe("KernelHandle.kill()", () => {
  test("of an event-driven kernel leaves the other ones, and those to come, alive", async () => {
    const runtime = open();
    const killed = await runtime.launch(ada, { mode: "event-driven" });
    const other = await runtime.launch(bob, { mode: "event-driven" });
    expect(await killed.kill()).toMatchObject({ how: "killed" });
    expect(await codeOf(other.call(Add, { a: 1, b: 1 }))).toBe("ok");
    const next = await runtime.launch(cid, { mode: "event-driven" });
    expect(await codeOf(next.call(Add, { a: 1, b: 1 }))).toBe("ok");
  });

  test("of an event-driven kernel leaves its id usable", async () => {
    const runtime = open();
    const killed = await runtime.launch(ada, { mode: "event-driven" });
    await killed.kill();
    expect(await codeOf(runtime.launch(ada, { mode: "event-driven" }))).toBe("ok");
  });

  test("of a kernel that has ended leaves its thread to those that have not", async () => {
    const runtime = open();
    const ended = await runtime.launch(ada);
    const other = await runtime.launch(bob);
    await ended.terminate();
    expect(await ended.kill()).toMatchObject({ how: "terminated" });
    expect(await codeOf(other.call(Add, { a: 1, b: 1 }))).toBe("ok");
  });

  test("of one kernel does not keep the launch of another waiting for ever", async () => {
    const runtime = open();
    const killed = await runtime.launch(ada);
    const gone = killed.kill();
    const launch = within(codeOf(runtime.launch(bob)));
    await gone;
    expect(await launch).toBe("ok");
  });
});

describe("Runtime.launch()", () => {
  test("fails where the kernel's thread dies before the kernel has started", async () => {
    const runtime = open();
    expect(await within(codeOf(runtime.launch(stillborn)))).toMatch(/WORKER_LOST|LAUNCH_FAILED/);
    expect(runtime.listKernels()).toEqual([]);
    expect(await within(codeOf(runtime.launch(ada)))).toBe("ok");
  });

  test("starts no more threads than `threads`, however many launch at once", async () => {
    const runtime = open({ threads: 2 });
    await Promise.all([ada, bob, cid, dan].map((kernel) => runtime.launch(kernel)));
    expect(runtime.metrics.threads).toBe(2);
  });

  test("that has not returned when the runtime shuts down fails, or its kernel ends too", async () => {
    const runtime = open();
    const launch = runtime.launch(ada);
    await runtime.shutdown();
    const kernel = await within(launch.catch(() => undefined));
    expect(typeof kernel === "object" ? kernel.state : kernel).not.toBe("active");
  });
});

test("A grid one of whose threads dies leaves no kernel on the others", async () => {
  const runtime = open({ threads: 2 });
  const grid = await runtime.launch(ada, { gridSize: 2 });
  grid.send(Exit, { code: 3 }); // One of the two takes it.
  expect(await grid.wait()).toMatchObject({ how: "killed" });
  const next = await runtime.launch(bob);
  expect(await within(codeOf(next.call(Add, { a: 1, b: 1 })))).toBe("ok");
});

test("A kernel goes on when one that calls it dies with its calls in hand", async () => {
  const runtime = open({ threads: 2 });
  const called = await runtime.launch(ada, { inputQueueCapacity: 4, whenFull: "wait" });
  const caller = await runtime.launch(asker, { routes: ["ada"] });
  void codeOf(caller.call(Ask, { ms: 200 }));
  await expect.poll(() => called.metrics.inHand).toBe(1);
  await caller.kill();
  for (let i = 0; i < 8; i++)
    expect(await within(codeOf(called.call(Add, { a: i, b: 1 }, { timeoutMs: 2000 })))).toBe("ok");
});
