import { expect, test } from "vitest";
import { Failure } from "../base/mod.ts";
import { failureIn, failureOf } from "../pack/failure-of.fixture.ts";
import type { SandboxEvent } from "./context.ts";
import { Kernel } from "./kernel.ts";
import {
  handTicker,
  kernelModule,
  stillSandbox,
  verified,
  verifiedPack,
} from "./kernel.fixture.ts";
import { Sandbox } from "./sandbox.ts";
import { KernelError } from "./trap.ts";

const VALUES = new Float32Array([1, 2, 3]);
const REQUEST = { inputs: { x: { shape: [3], data: VALUES } } };

test("Sandbox.load() takes a pack with an id, or one verified kernel", async () => {
  await using sandbox = await stillSandbox();
  const pack = await verifiedPack([{ module: await kernelModule() }]);
  expect(await sandbox.load(pack, "test")).toBeInstanceOf(Kernel);
  expect((await sandbox.load(pack.kernels[0]!)).id).toBe("test");
  expect((await sandbox.load(pack.kernels[0]!, "test")).entry).toBe(pack.kernels[0]!.entry);
});

test("Sandbox.load() says which kernels there are when the id is wrong or missing", async () => {
  await using sandbox = await stillSandbox();
  const pack = await verifiedPack([{ module: await kernelModule() }]);
  expect((await failureIn(sandbox.load(pack, "other"))).code).toBe("KERNEL_NOT_FOUND");
  expect((await failureIn(sandbox.load(pack.kernels[0]!, "other"))).code).toBe("KERNEL_NOT_FOUND");
  const without = await failureIn(sandbox.load(pack));
  expect([without.code, without.found]).toEqual([
    "NOT_VERIFIED",
    "a pack without the id of a kernel",
  ]);
});

test("Sandbox.load() of a kernel that is loaded gives the same Kernel and compiles nothing", async () => {
  await using sandbox = await stillSandbox();
  const module = await kernelModule();
  const pack = await verifiedPack([{ module }]);
  const kernel = await sandbox.load(pack, "test");
  for (let i = 0; i < 10_000; i++) expect(await sandbox.load(pack, "test")).toBe(kernel);
  expect(sandbox.counts()).toEqual({ compiles: 1, cacheHits: 10_000, kernels: 1, modules: 1 });
});

test("Sandbox.load() compiles once for loads that run at the same time", async () => {
  await using sandbox = await stillSandbox();
  const pack = await verifiedPack([{ module: await kernelModule() }]);
  const kernels = await Promise.all([1, 2, 3].map(() => sandbox.load(pack, "test")));
  expect(new Set(kernels).size).toBe(1);
  expect(sandbox.counts()).toMatchObject({ compiles: 1, cacheHits: 2 });
});

test("Sandbox.load() shares a module among packs that grant it the same, but no Kernel", async () => {
  await using sandbox = await stillSandbox();
  const module = await kernelModule();
  const one = await sandbox.load(await verifiedPack([{ module }], "1.0.0"), "test");
  const two = await sandbox.load(await verifiedPack([{ module }], "1.1.0"), "test");
  expect(two).not.toBe(one);
  expect(sandbox.counts()).toEqual({ compiles: 1, cacheHits: 1, kernels: 2, modules: 1 });
});

test.each([
  [{ resource_limits: { max_memory_pages: 8, max_epoch_ticks: 9, max_table_elements: 64 } }],
  [{ resource_limits: { max_memory_pages: 16, max_epoch_ticks: 9, max_table_elements: 1 } }],
  [{ entry_point: "kernel_info" }],
  [{ platforms: {} }],
])("Sandbox.load() compiles anew for another grant: %j", async (changes) => {
  await using sandbox = await stillSandbox();
  await sandbox.load(await verified());
  await sandbox.load(await verified({}, changes));
  expect(sandbox.counts()).toMatchObject({ compiles: 2, cacheHits: 0 });
});

test("Sandbox.load() keeps no failure: the next load tries again", async () => {
  await using sandbox = await stillSandbox();
  const bad = await verified({ fields: '(import "env" "log" (func))' });
  for (const compiles of [1, 2]) {
    expect((await failureIn(sandbox.load(bad))).code).toBe("MODULE_REFUSED");
    expect(sandbox.counts()).toEqual({ compiles, cacheHits: 0, kernels: 0, modules: 0 });
  }
});

test("Sandbox.load() fails with MODULE_INVALID where the engine's validation does", async () => {
  await using sandbox = await stillSandbox();
  const module = await kernelModule({ forward: "(i32.const 7)" });
  const at = module.findLastIndex((byte, i) => byte === 0x41 && module[i + 1] === 7);
  module[at] = 0x42; // i64.const: another type than the function returns.
  const failure = await failureIn(sandbox.load(await verified(module)));
  expect([failure.code, failure.at]).toEqual(["MODULE_INVALID", 'kernel "test"']);
});

test("Sandbox.kernel() gives the newest of an id, and KERNEL_NOT_FOUND for the rest", async () => {
  await using sandbox = await stillSandbox();
  const module = await kernelModule();
  expect(failureOf(() => sandbox.kernel("test")).code).toBe("KERNEL_NOT_FOUND");
  const old = await sandbox.load(await verifiedPack([{ module }], "1.0.0"), "test");
  expect(sandbox.kernel("test")).toBe(old);
  const next = await sandbox.load(await verifiedPack([{ module }], "2.0.0"), "test");
  expect(sandbox.kernel("test")).toBe(next);
  expect(failureOf(() => sandbox.kernel("toString")).expected).toBe("one of test");
});

test("Sandbox.unload() lends no more, lets held calls run on, and forgets the module", async () => {
  await using sandbox = await stillSandbox();
  const from = await verified();
  const kernel = await sandbox.load(from);
  const call = kernel.prepare({ inputs: { x: [3] } });
  sandbox.unload(kernel);
  sandbox.unload(kernel);
  expect(sandbox.counts()).toMatchObject({ kernels: 0, modules: 0 });
  expect(failureOf(() => sandbox.kernel("test")).code).toBe("KERNEL_NOT_FOUND");
  call.run();
  expect(failureOf(() => kernel.call(REQUEST)).code).toBe("DISPOSED");
  expect(failureOf(() => kernel.prepare({ inputs: { x: [3] } })).code).toBe("DISPOSED");
  expect((await failureIn(kernel.acquire())).code).toBe("DISPOSED");
  call[Symbol.dispose]();
  expect(kernel.counts()).toMatchObject({ idle: 0, lent: 0, discarded: 1 });
  expect(await sandbox.load(from)).not.toBe(kernel);
  expect(sandbox.counts()).toMatchObject({ compiles: 2, kernels: 1, modules: 1 });
});

test("Sandbox.unload() of the newest brings back the one before, and keeps a shared module", async () => {
  await using sandbox = await stillSandbox();
  const module = await kernelModule();
  const load = async (version: string) =>
    sandbox.load(await verifiedPack([{ module }], version), "test");
  const [one, two, three] = [await load("1.0.0"), await load("2.0.0"), await load("3.0.0")];
  sandbox.unload(two);
  expect(sandbox.kernel("test")).toBe(three);
  sandbox.unload(three);
  expect(sandbox.kernel("test")).toBe(one);
  expect(sandbox.counts()).toMatchObject({ kernels: 1, modules: 1 });
});

test("Sandbox.unload() knows only its own kernels", async () => {
  await using one = await stillSandbox();
  await using two = await stillSandbox();
  const from = await verified();
  const [mine, other] = [await one.load(from), await two.load(from)];
  one.unload(other);
  expect(one.kernel("test")).toBe(mine);
  expect(other.call(REQUEST)).toBeDefined();
});

test("a disposed sandbox loads and runs nothing, and may be disposed again", async () => {
  const sandbox = await stillSandbox();
  const from = await verified();
  const kernel = await sandbox.load(from);
  const lease = kernel.lease();
  const call = lease.prepare({ inputs: { x: [3] } });
  await sandbox[Symbol.asyncDispose]();
  await sandbox[Symbol.asyncDispose]();
  const uses = [
    () => call.run(),
    () => lease.prepare({ inputs: { x: [3] } }),
    () => lease.info(),
    () => kernel.lease(),
    () => kernel.call(REQUEST),
    () => kernel.info(),
  ];
  for (const use of uses) expect(failureOf(use).code).toBe("DISPOSED");
  expect((await failureIn(kernel.acquire())).code).toBe("DISPOSED");
  expect((await failureIn(sandbox.load(from))).code).toBe("DISPOSED");
  lease[Symbol.dispose](); // Giving back is always allowed.
  expect(kernel.counts()).toMatchObject({ idle: 0, lent: 0, discarded: 1 });
});

test("a sandbox that is disposed while it compiles gives no kernel", async () => {
  const sandbox = await stillSandbox();
  const loading = sandbox.load(await verified());
  await sandbox[Symbol.asyncDispose]();
  expect((await failureIn(loading)).code).toBe("DISPOSED");
});

/** Where its cleanup lands: a word of memory that the test can still see. */
const COUNTS_CLEANUPS = {
  cleanup:
    "(i32.store (i32.const 64) (i32.add (i32.load (i32.const 64)) (i32.const 1))) (i32.const 0)",
};

test("kernel_cleanup runs once per initialised instance: now for idle ones, later for lent ones", async () => {
  const ticker = handTicker();
  const sandbox = await Sandbox.create({}, ticker.source);
  const kernel = await sandbox.load(await verified(COUNTS_CLEANUPS));
  const [idle, lent, unused] = [kernel.lease(), kernel.lease(), kernel.lease()];
  const shape = { inputs: { x: [1] } };
  const words = [idle, lent].map((lease) => new Int32Array(lease.prepare(shape).inputs.x.buffer));
  idle[Symbol.dispose]();
  unused[Symbol.dispose]();
  sandbox.unload(kernel);
  expect(words.map((memory) => memory[16])).toEqual([1, 0]);
  lent[Symbol.dispose]();
  expect(words.map((memory) => memory[16])).toEqual([1, 1]);
  await sandbox[Symbol.asyncDispose]();
});

test.each([
  ["a code", "(i32.const 6)", "KERNEL_CODE"],
  ["a trap", "unreachable", "KERNEL_UNREACHABLE"],
])(
  "%s from kernel_cleanup is told to onEvent, and stops no other cleanup",
  async (_, body, code) => {
    const events: SandboxEvent[] = [];
    const sandbox = await stillSandbox({ onEvent: (event) => void events.push(event) });
    const kernel = await sandbox.load(await verified({ cleanup: body }));
    const calls = [1, 2].map(() => kernel.prepare({ inputs: { x: [1] } }));
    for (const call of calls) call[Symbol.dispose]();
    await sandbox[Symbol.asyncDispose]();
    const failed = events.filter(({ type }) => type === "cleanup-failed");
    expect(failed.map((event) => (event as { error: Failure }).error.code)).toEqual([code, code]);
  },
);

const TRAPPED = {
  type: "trapped",
  kernel: "test",
  pack: "test-kernels",
  packVersion: "1.0.0",
} as const;

test("a trap is told to onEvent before the caller has it, a code is not", async () => {
  const events: SandboxEvent[] = [];
  await using sandbox = await stillSandbox({ onEvent: (event) => void events.push(event) });
  const trapping = await sandbox.load(await verified({ forward: "unreachable" }));
  const error = failureOf(() => trapping.call(REQUEST));
  expect(error).toBeInstanceOf(KernelError);
  expect(events).toMatchObject([
    { ...TRAPPED, error, shapes: { dims: { n: 3 }, inputs: [{ name: "x", shape: [3] }] } },
    { type: "discarded", kernel: "test" },
  ]);
  const coding = await sandbox.load(await verified({ forward: "(i32.const 1)" }));
  expect(failureOf(() => coding.call(REQUEST)).code).toBe("KERNEL_CODE");
  expect(events).toHaveLength(2);
});

test.each([
  ["start", { fields: "(func $s unreachable) (start $s)" }],
  ["kernel_init", { init: "unreachable" }],
])("a trap in %s is told to onEvent as well", async (_, text) => {
  const events: SandboxEvent[] = [];
  await using sandbox = await stillSandbox({ onEvent: (event) => void events.push(event) });
  const kernel = await sandbox.load(await verified(text));
  const error = failureOf(() => kernel.prepare({ inputs: { x: [1] } }));
  expect(events[0]).toEqual({ ...TRAPPED, error, shapes: undefined });
});

test("what an event listener throws reaches the host's runtime, and not the caller", async () => {
  const thrown = new Error("the listener's own");
  await using sandbox = await stillSandbox({
    onEvent: ({ type }) => {
      if (type === "trapped") throw thrown;
    },
  });
  const kernel = await sandbox.load(await verified({ forward: "unreachable" }));
  const before = process.listeners("uncaughtException");
  process.removeAllListeners("uncaughtException");
  const uncaught = new Promise((resolve) => void process.once("uncaughtException", resolve));
  try {
    expect(failureOf(() => kernel.call(REQUEST)).code).toBe("KERNEL_UNREACHABLE");
    expect(await uncaught).toBe(thrown);
  } finally {
    for (const listener of before) process.on("uncaughtException", listener);
  }
});

test("when the ticker dies nothing runs any more, not even a cleanup, and the host is told", async () => {
  const events: SandboxEvent[] = [];
  const died = new Failure("ENGINE_UNSUPPORTED", { found: "a", expected: "b", fix: "c" });
  const ticker = handTicker(0, died);
  const endless = "(loop (br 0)) unreachable"; // On a clock that stands still, for ever.
  const sandbox = await Sandbox.create(
    { onEvent: (event) => void events.push(event), limits: { poolInstancesMax: 3 } },
    ticker.source,
  );
  const fine = await sandbox.load(await verified({ cleanup: endless, info: endless }));
  const [lease, other, third] = [fine.lease(), fine.lease(), fine.lease()];
  const call = lease.prepare({ inputs: { x: [3] } });
  const waiting = fine.acquire({ tenant: "another" });
  ticker.die();
  expect(events).toEqual([{ type: "ticker-died", error: died }]);
  for (const use of [() => call.run(), () => other.prepare({ inputs: { x: [3] } })])
    expect(failureOf(use)).toBe(died);
  for (const use of [() => other.info(), () => fine.call(REQUEST)])
    expect(failureOf(use)).toBe(died);
  third[Symbol.dispose](); // Serves the waiter, whose instance would have to be made anew.
  expect(await failureIn(waiting)).toBe(died);
  lease[Symbol.dispose]();
  await sandbox[Symbol.asyncDispose]();
  expect(events).toHaveLength(1); // Cleanups were not tried and did not fail.
});

test("Sandbox.ticks is the epoch", async () => {
  const ticker = handTicker(7);
  await using sandbox = await Sandbox.create({}, ticker.source);
  expect(sandbox.ticks).toBe(7);
  ticker.epoch[0] = -1;
  expect(sandbox.ticks).toBe(-1);
});

test("Sandbox.create() asks the ticker for the preset's interval, or the host's own", async () => {
  const asked: number[] = [];
  const { source } = handTicker();
  const tickers: typeof source = (request) => {
    asked.push(request.intervalMs);
    return source(request);
  };
  await Sandbox.create({}, tickers);
  await Sandbox.create({ preset: "embedded" }, tickers);
  await Sandbox.create({ limits: { epochTickMs: 2.5 } }, tickers);
  expect(asked).toEqual([10, 1, 2.5]);
});

test("Sandbox.create() fails where its ticker does", async () => {
  const failure = new Failure("ENGINE_UNSUPPORTED", { found: "a", expected: "b", fix: "c" });
  const create = Sandbox.create({}, () => Promise.reject(failure));
  expect(await failureIn(create)).toBe(failure);
});
