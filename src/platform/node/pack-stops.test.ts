// The ways in which a pack actor's run is stopped before its budget is spent, tried on one that never ends.

import { afterAll, describe, expect, test } from "vitest";
import { failureIn } from "../../pack/failure-of.fixture.ts";
import { ends, HOW } from "../../sandbox/ends.fixture.ts";
import { codeOf, outcome, running } from "./pack-actors.fixture.ts";
import type { PackLaunchOptions } from "./pack-launch.ts";
import { createRuntime } from "./runtime.ts";

const runtime = createRuntime({ threads: 1 });
const wide = createRuntime({ threads: 2 });
afterAll(async () => {
  await Promise.all([runtime.shutdown(), wide.shutdown()]);
});

/** With a budget that no test waits for. */
const launch = (changes: Partial<PackLaunchOptions> = {}, on = runtime) =>
  on.launch("test", { pack: ends, shapes: { x: [1] }, budgetMs: 60_000, ...changes });

test("Three stops of one endless kernel: what waits is cancelled, what runs interrupted, all is killed", async () => {
  const kernel = await launch();
  expect(await outcome(kernel, 10)).toBe(10);
  const first = outcome(kernel, HOW.spin);
  await running(kernel);
  const controller = new AbortController();
  const waiting = failureIn(kernel.invoke({ signal: controller.signal }));
  controller.abort(new Error("no more"));
  expect(await waiting).toMatchObject({ code: "CALL_CANCELLED", cause: { message: "no more" } });
  expect(kernel.metrics).toMatchObject({ messagesProcessed: 1, failed: 0, inHand: 1 });

  kernel.interrupt();
  expect(await first).toBe("HANDLER_INTERRUPTED");
  expect(await outcome(kernel, 10)).toBe(10); // A fresh instance, whose count is its own.
  expect(await outcome(kernel, 10)).toBe(11);

  const lost = outcome(kernel, HOW.spin);
  await running(kernel);
  expect(await kernel.kill()).toMatchObject({ how: "killed", lost: 1 });
  expect(await lost).toBe("WORKER_LOST");
  await using again = await launch(); // On another thread, under the same id.
  expect(await outcome(again, 10)).toBe(10);
});

describe("PackKernel.interrupt()", () => {
  test("says which run it was and where, keeps the tensors, and lets the next run be right", async () => {
    await using kernel = await launch();
    const [x, y] = [kernel.inputs["x"]!, kernel.outputs["y"]!];
    for (let round = 0; round < 20; round++) {
      expect([await outcome(kernel, 10), await outcome(kernel, 10)]).toEqual([10, 11]);
      x[0] = HOW.spin;
      const stopped = failureIn(kernel.invoke());
      // It has begun: one that its thread has only claimed would be stopped before its first function.
      await expect.poll(() => y[0], { timeout: 10_000, interval: 1 }).toBe(HOW.spin + 2);
      kernel.interrupt();
      const failure = await stopped;
      expect(failure.code).toBe("HANDLER_INTERRUPTED");
      expect(failure.at).toMatch(/^kernel "test", function \d+ "forward", byte 0x[0-9a-f]+$/);
      expect([x[0], y[0]]).toEqual([HOW.spin, HOW.spin + 2]); // As the run left them.
    }
    expect(kernel.metrics).toMatchObject({ messagesProcessed: 40, failed: 20, inHand: 0 });
  });

  test("stops one run of several that wait", async () => {
    await using kernel = await launch();
    kernel.inputs["x"]![0] = HOW.spin;
    const over: string[] = [];
    const runs = ["first", "second", "third"].map(async (run) => {
      const { code } = await failureIn(kernel.invoke());
      over.push(`${run} ${code}`);
    });
    await expect.poll(() => kernel.metrics.inHand, { interval: 1 }).toBeGreaterThan(0);
    kernel.interrupt();
    await runs[0];
    expect(over).toEqual(["first HANDLER_INTERRUPTED"]);
    while (over.length < 3) {
      kernel.interrupt();
      await new Promise((resume) => setTimeout(resume, 1));
    }
    await Promise.all(runs);
    expect(over.slice(1)).toEqual(["second HANDLER_INTERRUPTED", "third HANDLER_INTERRUPTED"]);
  });

  test("stops nothing where nothing runs, and nothing of another actor", async () => {
    await using one = await launch({ id: "one" }, wide);
    await using two = await launch({ id: "two" }, wide);
    for (let i = 0; i < 5; i++) one.interrupt();
    expect(await outcome(one, 10)).toBe(10);
    const spins = [outcome(one, HOW.spin), outcome(two, HOW.spin)];
    await Promise.all([running(one), running(two)]);
    one.interrupt();
    expect(await spins[0]).toBe("HANDLER_INTERRUPTED");
    expect(await outcome(one, 10)).toBe(10);
    expect(two.metrics.inHand).toBe(1);
    wide.getKernel("two")!.interrupt(); // The handle's does the same.
    expect(await spins[1]).toBe("HANDLER_INTERRUPTED");
  });

  test.each(["fuel", "none"] as const)(
    "is refused where kernels are stopped by %s",
    async (mode) => {
      await using kernel = await launch({ sandbox: { interrupt: mode } });
      expect(() => kernel.interrupt()).toThrow(
        expect.objectContaining({ code: "OPTION_UNSUPPORTED" }),
      );
      expect(await outcome(kernel, 10)).toBe(10);
    },
  );
});

describe("A caller that gives up", () => {
  test.each([
    ["a signal", () => ({ signal: AbortSignal.timeout(30) }), "CALL_CANCELLED"],
    ["its timeoutMs", () => ({ timeoutMs: 30 }), "CALL_TIMEOUT"],
    ["a budget", () => ({ budgetMs: 30 }), "KERNEL_DEADLINE"],
  ])("by %s stops its run, which is over then", async (_, options, code) => {
    await using kernel = await launch();
    for (let round = 0; round < 3; round++) {
      expect(await outcome(kernel, 10)).toBe(10);
      kernel.inputs["x"]![0] = HOW.spin;
      expect((await failureIn(kernel.invoke(options()))).code).toBe(code);
    }
    expect(await outcome(kernel, 10)).toBe(10);
    expect(kernel.metrics).toMatchObject({ messagesProcessed: 4, failed: 3 });
  });

  test("while others wait stops no run but its own", async () => {
    await using kernel = await launch({ inputQueueCapacity: 128 });
    kernel.inputs["x"]![0] = 10;
    for (let round = 0; round < 20; round++) {
      const controller = new AbortController();
      const { signal } = controller;
      const runs = Array.from({ length: 100 }, (_, i) =>
        kernel.invoke(i % 2 === 0 ? {} : { signal }).then(() => "done", codeOf),
      );
      setImmediate(() => controller.abort());
      const ended = await Promise.all(runs);
      expect(ended.filter((end, i) => i % 2 === 0 && end !== "done")).toEqual([]);
      expect(ended.every((end) => end === "done" || end === "CALL_CANCELLED")).toBe(true);
    }
  });

  test("waits for no run that looks at no clock, and kill() ends it", async () => {
    const kernel = await launch({ sandbox: { interrupt: "none" } });
    kernel.inputs["x"]![0] = HOW.spin;
    expect((await failureIn(kernel.invoke({ timeoutMs: 30 }))).code).toBe("CALL_TIMEOUT");
    expect(kernel.metrics.inHand).toBe(1);
    expect(await kernel.kill()).toMatchObject({ how: "killed", lost: 1 });
  });
});

test("A budget is cut to what a stop still passes", async () => {
  const limits = { budgetTicksMax: 2 ** 31 - 1, budgetTicksDefault: 2 ** 31 - 1 };
  await using kernel = await launch({ sandbox: { limits }, budgetMs: Infinity });
  const spin = outcome(kernel, HOW.spin);
  await running(kernel);
  kernel.interrupt();
  expect(await spin).toBe("HANDLER_INTERRUPTED");
});
