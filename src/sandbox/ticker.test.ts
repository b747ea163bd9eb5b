import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";
import { SANDBOX_LIMITS } from "../base/mod.ts";
import { failureOf } from "../pack/failure-of.fixture.ts";
import type { BudgetRequest } from "./context.ts";
import { handTicker, stillSandbox, verified } from "./kernel.fixture.ts";
import { Sandbox } from "./sandbox.ts";
import { clampBudget, clampFuel, ticksOf } from "./ticker.ts";

test("ticksOf() is the least number of ticks that lasts as long", () => {
  expect(ticksOf(1000, 10)).toBe(100); // A hundred ticks of 10 ms are a second, not 100 ms.
  expect(ticksOf(100, 1)).toBe(100);
  expect(ticksOf(0, 10)).toBe(0);
  expect(ticksOf(1, 10)).toBe(1);
  expect(ticksOf(10.001, 10)).toBe(2);
  expect(ticksOf(1, 0.1)).toBe(10);
});

test("ticksOf() stays below half the epoch's range, so that a deadline is never in the past", () => {
  expect(ticksOf(Infinity, 10)).toBe(SANDBOX_LIMITS.budgetTicksMax);
  expect(ticksOf(Number.MAX_VALUE, 0.1)).toBe(2 ** 31 - 1);
});

test("clampBudget() gives what was asked for within what was granted", () => {
  expect(clampBudget(undefined, 7)).toBe(7);
  expect([0, 6, 7, 8, Infinity].map((asked) => clampBudget(asked, 7))).toEqual([0, 6, 7, 7, 7]);
  expect(clampBudget(2.9, 7)).toBe(2);
});

test("clampFuel() gives what was asked for within what was granted", () => {
  expect([0n, 6n, 7n, 8n].map((asked) => clampFuel(asked, 7n))).toEqual([0n, 6n, 7n, 7n]);
});

test.each<BudgetRequest>([
  { budgetTicks: -1 },
  { budgetTicks: Number.NaN },
  { budgetMs: -0.1 },
  { budgetMs: Number.NaN },
  { fuel: -1n },
  { fuel: 5 as never },
])("a budget that is no amount is PARAM_INVALID: %o", async (budget) => {
  await using sandbox = await stillSandbox();
  const kernel = await sandbox.load(await verified());
  const setup = { inputs: { x: [1] } };
  expect(failureOf(() => kernel.prepare({ ...setup, ...budget })).code).toBe("PARAM_INVALID");
  using call = kernel.prepare(setup);
  expect(failureOf(() => call.run(budget)).code).toBe("PARAM_INVALID");
  expect(kernel.counts().lent).toBe(1); // The refused one went back.
});

/** Counts its turns in y[0], for ever. */
const COUNTS = {
  forward: `(local $y i32) (local.set $y (i32.load offset=16 (local.get $at)))
    (loop (i32.atomic.store (local.get $y)
      (i32.add (i32.atomic.load (local.get $y)) (i32.const 1))) (br 0)) unreachable`,
};

// Waits for the kernel's turns; lets all but one of its ticks pass, and sees that it goes on; then
// notes so in y[1], and lets the last one pass.
const CLOCKWORK = `
  const { parentPort, workerData } = require("node:worker_threads");
  const { epoch, memory, word, ticks } = workerData;
  const clock = new Int32Array(epoch), words = new Int32Array(memory);
  const turns = (more) => { const to = Atomics.load(words, word) + more; while (Atomics.load(words, word) < to); };
  parentPort.postMessage("ready");
  turns(1);
  Atomics.add(clock, 0, ticks - 1);
  turns(1000);
  Atomics.store(words, word + 1, 1);
  Atomics.add(clock, 0, 1);
`;

/** Runs COUNTS against a clock that another thread moves; gives whether it outlived ticks - 1. */
async function outlives(start: number, ticks: number, budget: BudgetRequest): Promise<boolean> {
  const ticker = handTicker(start);
  const options = { preset: "threaded", limits: { budgetTicksMax: ticks } } as const;
  await using sandbox = await Sandbox.create(options, ticker.source);
  const kernel = await sandbox.load(await verified(COUNTS));
  using call = kernel.prepare({ inputs: { x: [2] }, ...budget });
  const { buffer, byteOffset } = call.outputs["y"]!;
  const words = new Int32Array(buffer, byteOffset, 2);
  const workerData = { epoch: ticker.epoch.buffer, memory: buffer, word: byteOffset / 4, ticks };
  const worker = new Worker(CLOCKWORK, { eval: true, workerData, execArgv: [] });
  await new Promise((resolve) => void worker.once("message", resolve));
  const error = failureOf(() => call.run());
  expect(error).toMatchObject({ code: "KERNEL_DEADLINE", kind: "EpochDeadline" });
  expect((ticker.epoch[0]! - start) >>> 0).toBe(ticks);
  await worker.terminate();
  return words[1] === 1;
}

test.each([
  ["100 ticks", 100, { budgetTicks: 100 }],
  ["1000 ms, which are 100 ticks of 10 ms", 100, { budgetMs: 1000 }],
  ["one tick", 1, { budgetTicks: 1 }],
  ["more than the host's ceiling", 100, { budgetTicks: 5000 }],
  ["more ticks than there are", 100, { budgetMs: Infinity }],
] as const)(
  "a call with a budget of %s runs until the last of them, and no longer",
  async (_, ticks, budget) => {
    expect(await outlives(0, ticks, budget)).toBe(true);
  },
);

test.each([
  ["past 2^31, where it turns negative", 2 ** 31 - 50],
  ["past 2^32, where it begins again", -50],
  ["up to 2^32 exactly", -100],
])("a deadline holds while the epoch goes %s", async (_, start) => {
  expect(await outlives(start, 100, { budgetTicks: 100 })).toBe(true);
});

/** Loops a thousand times and returns. */
const FINITE = {
  forward: `(local $i i32) (loop
    (br_if 0 (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 1000))))
    (i32.const 0)`,
};

test.each([0, 1, -1, 2 ** 31 - 1, -(2 ** 31), -(2 ** 31) + 1])(
  "at epoch %d a call runs with the smallest and the largest budget, and not with none",
  async (start) => {
    const limits = { budgetTicksMax: SANDBOX_LIMITS.budgetTicksMax };
    await using sandbox = await Sandbox.create({ limits }, handTicker(start).source);
    const resource_limits = {
      max_memory_pages: 4,
      max_epoch_ticks: 2 ** 40,
      max_table_elements: 0,
    };
    const kernel = await sandbox.load(await verified(FINITE, { resource_limits }));
    using call = kernel.prepare({ inputs: { x: [1] } });
    for (const budgetTicks of [1, 2 ** 31 - 1, Infinity]) call.run({ budgetTicks });
    expect(failureOf(() => call.run({ budgetTicks: 0 })).code).toBe("KERNEL_DEADLINE");
    call.run();
  },
);

test("a budget of 0 stops even a kernel that neither loops nor calls", async () => {
  await using sandbox = await stillSandbox();
  const kernel = await sandbox.load(await verified({ forward: "(i32.const 6)" }));
  using call = kernel.prepare({ inputs: { x: [1] }, budgetTicks: 0 });
  expect(failureOf(() => call.run()).code).toBe("KERNEL_DEADLINE");
  expect(failureOf(() => call.run({ budgetTicks: 1 })).code).toBe("KERNEL_CODE");
});

test("the deadline counts from the entry of each call, however long ago it was prepared", async () => {
  const ticker = handTicker();
  await using sandbox = await Sandbox.create({}, ticker.source);
  const kernel = await sandbox.load(await verified(FINITE));
  using call = kernel.prepare({ inputs: { x: [1] }, budgetTicks: 1 });
  for (const epoch of [0, 5, 2 ** 31 - 1, -(2 ** 31), -1]) {
    ticker.epoch[0] = epoch;
    call.run();
  }
});

test.each([
  [1000, 6000, 10, 10],
  [5, 6000, 1000, 5],
  [1000, 3, 1000, 3],
  [5, 3, 1, 1],
])(
  "with default %d, ceiling %d and %d granted by the manifest, a call gets %d ticks",
  async (budgetTicksDefault, budgetTicksMax, max_epoch_ticks, expected) => {
    await using sandbox = await stillSandbox({ limits: { budgetTicksDefault, budgetTicksMax } });
    const resource_limits = { max_memory_pages: 4, max_epoch_ticks, max_table_elements: 0 };
    const kernel = await sandbox.load(await verified({}, { resource_limits }));
    expect(kernel.budgetTicks).toBe(expected);
  },
);

test("a manifest's largest count of ticks, which no double holds, is a budget like any other", async () => {
  await using sandbox = await stillSandbox({
    limits: { budgetTicksDefault: 2 ** 31 - 1, budgetTicksMax: 2 ** 31 - 1 },
  });
  const kernel = await sandbox.load(
    await verified(
      {},
      {
        resource_limits: {
          max_memory_pages: 4,
          max_epoch_ticks: Number.MAX_SAFE_INTEGER,
          max_table_elements: 0,
        },
      },
    ),
  );
  expect(kernel.budgetTicks).toBe(2 ** 31 - 1);
});
