// Kernels of packs as actors: the core pack's, and one that ends as its input says.

import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { failureIn } from "../../pack/failure-of.fixture.ts";
import { type Evidence, verifyEvidence } from "../../pack/mod.ts";
import { loadPack } from "../../pack.node.ts";
import { rmsnorm } from "../../reference/rmsnorm.ts";
import { KernelError } from "../../sandbox/mod.ts";
import { type Opened, packActor, type PackActorData } from "./pack-actor.ts";
import { ends, HOW } from "../../sandbox/ends.fixture.ts";
import { running } from "./pack-actors.fixture.ts";
import type { PackLaunchOptions } from "./pack-launch.ts";
import { createRuntime } from "./runtime.ts";
import { sharedTicker } from "./shared-ticker.ts";

const { code: CODE, trap: TRAP, spin: SPIN } = HOW;
const [ROWS, DIM] = [3, 40];

const core = await loadPack(join(import.meta.dirname, "../../../packs/core"), {
  trust: { keys: [] },
  allowUnsigned: true,
});
const runtime = createRuntime({ threads: 1 });
afterAll(() => runtime.shutdown());

const norm = (changes: Partial<PackLaunchOptions> = {}) => {
  const shapes = { x: [ROWS, DIM], weight: [DIM] };
  return runtime.launch("rmsnorm_f32", { pack: core, shapes, params: { eps: 1e-5 }, ...changes });
};
const launchEnds = (changes: Partial<PackLaunchOptions> = {}) =>
  runtime.launch("test", { pack: ends, shapes: { x: [1] }, budgetMs: 30, ...changes });

describe.each(["persistent", "event-driven"] as const)("A kernel of a pack that is %s", (mode) => {
  test("computes what the reference does, from and to memory that both sides see", async () => {
    await using kernel = await norm({ mode });
    const x = Float32Array.from({ length: ROWS * DIM }, (_, i) => Math.sin(i));
    const weight = Float32Array.from({ length: DIM }, (_, i) => 1 + i / DIM);
    kernel.inputs["x"]!.set(x);
    kernel.inputs["weight"]!.set(weight);
    const y = kernel.outputs["y"]!;
    expect(y.buffer).toBeInstanceOf(SharedArrayBuffer);
    await kernel.invoke();
    const expected = rmsnorm(x, weight, 1e-5);
    expected.forEach((value, i) => expect(y[i]).toBeCloseTo(value, 5));
    expect(kernel.shapes.dims).toEqual({ rows: ROWS, dim: DIM });
    expect(kernel.shapes.outputs[0]).toMatchObject({ name: "y", shape: [ROWS, DIM] });
  });

  test("is stopped when it does not end, and goes on with a fresh instance", async () => {
    await using kernel = await launchEnds({ mode });
    const x = kernel.inputs["x"]!;
    const y = kernel.outputs["y"]!;
    const results: unknown[] = [];
    for (const value of [10, 10, SPIN, 10, TRAP, 10, CODE, 10]) {
      x[0] = value;
      const error = await kernel.invoke().then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      if (error === undefined) results.push(y[0]);
      else results.push(error instanceof KernelError ? error.code : error);
    }
    // What traps loses the count of the instance; a code keeps it.
    expect(results).toEqual([
      ...[10, 11, "KERNEL_DEADLINE", 10, "KERNEL_UNREACHABLE", 10, "KERNEL_CODE", 12],
    ]);
    expect(kernel.isActive).toBe(true);
    expect(kernel.metrics).toMatchObject({ messagesProcessed: 5, failed: 3, answered: 5 });
  });
});

test("PackKernel.invoke() fails as the sandbox does, with all that is known of the trap", async () => {
  await using kernel = await launchEnds();
  kernel.inputs["x"]![0] = TRAP;
  const error = (await failureIn(kernel.invoke())) as KernelError;
  expect(error).toBeInstanceOf(KernelError);
  expect(error).toMatchObject({ code: "KERNEL_UNREACHABLE", kind: "Unreachable", kernel: "test" });
  expect(error.at).toMatch(/^kernel "test", function \d+ "forward", byte 0x[0-9a-f]+$/);
  expect(error.descriptor).toBeDefined();
});

test("PackKernel.invoke() takes a budget of its own, within the grant", async () => {
  await using kernel = await launchEnds({ budgetMs: 60_000 });
  kernel.inputs["x"]![0] = SPIN;
  expect((await failureIn(kernel.invoke({ budgetMs: 20 }))).code).toBe("KERNEL_DEADLINE");
  expect((await failureIn(kernel.invoke({ budgetMs: -1 }))).code).toBe("PARAM_INVALID");
});

test("This thread goes on while the kernel does not end", async () => {
  await using kernel = await launchEnds({ budgetMs: 100 });
  kernel.inputs["x"]![0] = SPIN;
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  const invoked = failureIn(kernel.invoke({ budgetMs: 60_000 }));
  await expect.poll(() => turns).toBeGreaterThan(5); // It would be none if the kernel ran here.
  clearInterval(timer);
  kernel.interrupt();
  expect((await invoked).code).toBe("HANDLER_INTERRUPTED");
});

test("PackKernel.invoke() a hundred times, one after another and at once", async () => {
  await using kernel = await launchEnds();
  kernel.inputs["x"]![0] = 100;
  for (let call = 0; call < 100; call++) {
    await kernel.invoke();
    expect(kernel.outputs["y"]![0]).toBe(100 + call);
  }
  await Promise.all(Array.from({ length: 50 }, () => kernel.invoke()));
  expect(kernel.outputs["y"]![0]).toBe(249);
});

test("Two actors of one kernel have ids, instances and tensors of their own", async () => {
  await using one = await launchEnds({ id: "one" });
  await using two = await launchEnds({ id: "two & more" });
  expect(runtime.listKernels()).toEqual(["one", "two & more"]);
  [one.inputs["x"]![0], two.inputs["x"]![0]] = [10, 20];
  await Promise.all([one.invoke(), two.invoke(), one.invoke()]);
  expect([one.outputs["y"]![0], two.outputs["y"]![0]]).toEqual([11, 20]);
  expect(runtime.getKernel("one")).toBe(one.handle);
});

test("An actor ends, its tensors stay readable, and its id is free", async () => {
  const kernel = await launchEnds();
  kernel.inputs["x"]![0] = 10;
  await kernel.invoke();
  expect(await kernel.terminate()).toMatchObject({ how: "terminated" });
  expect(kernel.isTerminated).toBe(true);
  expect((await failureIn(kernel.invoke())).code).toBe("KERNEL_TERMINATED");
  expect(kernel.outputs["y"]![0]).toBe(10);
  await using next = await launchEnds({ autoActivate: false });
  expect((await failureIn(next.invoke())).code).toBe("KERNEL_NOT_ACTIVE");
  next.activate();
  await next.invoke();
});

test("PackKernel.terminate() stops a run whose budget outlasts its patience, and keeps the thread", async () => {
  const kernel = await launchEnds({ budgetMs: 60_000 });
  await using neighbour = await launchEnds({ id: "neighbour" });
  kernel.inputs["x"]![0] = SPIN;
  const invoked = failureIn(kernel.invoke());
  await running(kernel);
  expect(await kernel.terminate({ timeoutMs: 10 })).toMatchObject({ how: "forced", lost: 1 });
  expect((await invoked).code).toBe("HANDLER_INTERRUPTED");
  neighbour.inputs["x"]![0] = 10;
  await neighbour.invoke();
  expect(neighbour.outputs["y"]![0]).toBe(10);
});

test("PackKernel.terminate() ends the thread of a kernel that looks at no clock", async () => {
  const kernel = await launchEnds({ sandbox: { interrupt: "none" } });
  kernel.inputs["x"]![0] = SPIN;
  const invoked = failureIn(kernel.invoke());
  expect(await kernel.terminate({ timeoutMs: 10 })).toMatchObject({ how: "killed", lost: 1 });
  expect((await invoked).code).toBe("WORKER_LOST");
  await using next = await launchEnds(); // On another thread, under the same id.
  next.inputs["x"]![0] = 10;
  await next.invoke();
  expect(next.outputs["y"]![0]).toBe(10);
});

describe("A launch is refused", () => {
  const cases: readonly [string, Partial<Record<keyof PackLaunchOptions, unknown>>, string][] = [
    [
      "for what verification did not make",
      { pack: { ...ends, kernel: () => ({}) } },
      "NOT_VERIFIED",
    ],
    ["for a clone of a verified pack", { pack: structuredClone({ ...ends }) }, "NOT_VERIFIED"],
    ["without a pack", { pack: undefined }, "NOT_VERIFIED"],
    ["for shapes that do not fit", { shapes: { x: [1, 2] } }, "SHAPE_MISMATCH"],
    ["for params that the kernel lacks", { params: { no: 1 } }, "PARAM_INVALID"],
    ["for params that pass to no thread", { params: { f: () => {} } }, "OPTION_UNSUPPORTED"],
    ["for limits out of range", { sandbox: { limits: { epochTickMs: -1 } } }, "PARAM_INVALID"],
    ["for a preset that is not there", { sandbox: { preset: "no" } }, "PARAM_INVALID"],
  ];
  test.each(cases)("%s", async (_, changes, code) => {
    expect((await failureIn(launchEnds(changes as Partial<PackLaunchOptions>))).code).toBe(code);
    expect(runtime.getKernel("test")).toBeUndefined();
  });

  test.each(["gridSize", "blockSize", "module", "data", "restart", "routes", "cellBytes"])(
    "with %s",
    async (name) => {
      const failure = await failureIn(launchEnds({ [name]: 2 }));
      expect([failure.code, failure.at]).toEqual(["OPTION_UNSUPPORTED", `kernel "test", ${name}`]);
    },
  );

  test("for an id that the pack lacks, or that is taken", async () => {
    const other = runtime.launch("other", { pack: ends, shapes: {} });
    expect((await failureIn(other)).code).toBe("KERNEL_NOT_FOUND");
    await using _kernel = await launchEnds();
    expect((await failureIn(launchEnds())).code).toBe("KERNEL_ALREADY_ACTIVE");
  });
});

/** What a thread opens that gets this evidence, past everything that the host asks. */
async function openedWith(change: (evidence: Evidence) => object) {
  await using ticker = await sharedTicker({ intervalMs: 10, onError: () => {} });
  const evidence = change(ends.copyEvidence()) as PackActorData["evidence"];
  const data: PackActorData = {
    ...{ kernel: "test", evidence, sandbox: {}, setup: { inputs: { x: [1] } } },
    epoch: ticker.memory,
  };
  const module = new URL("pack-actor-thread.ts?id=test", import.meta.url).href;
  await using kernel = await runtime.launch(packActor("test", module), { data });
  const answer = kernel.shares[0] as Opened;
  return answer.opened ? "opened" : (JSON.parse(answer.failure) as { code: string }).code;
}
const decided = (changes: object) => (evidence: Evidence) => ({
  ...evidence,
  decision: { ...evidence.decision, ...changes },
});
const without = (path: string) => (evidence: Evidence) => ({
  ...evidence,
  files: new Map([...evidence.files].filter(([name]) => name !== path)),
});
const flipped = (path: string) => (evidence: Evidence) => {
  const file = evidence.files.get(path)!;
  file[file.length - 1]! ^= 1;
  return evidence;
};

describe("The actor's thread verifies again", () => {
  test.each([
    ["what was verified", (evidence: object) => evidence, "opened"],
    ["another module", flipped("0.wasm"), "HASH_MISMATCH"],
    ["another manifest", flipped("kernels.json"), "NO_TRUSTED_KEY"],
    ["no signature", without("kernels.json.sig"), "PACK_UNSIGNED"],
    ["no trust in the key", decided({ trust: { keys: [] } }), "NO_TRUSTED_KEY"],
  ])("%s", async (_, change, code) => {
    expect(await openedWith(change)).toBe(code);
  });
});

test("VerifiedPack.copyEvidence() lends nothing of the pack's own", async () => {
  const [one, two] = [ends.copyEvidence(), ends.copyEvidence()];
  for (const bytes of one.files.values()) bytes.fill(0);
  const again = await verifyEvidence(two);
  expect([again.keyId, again.kernels[0]!.hash]).toEqual([ends.keyId, ends.kernels[0]!.hash]);
  expect((await verifyEvidence(core.copyEvidence())).signed).toBe(false);
});
