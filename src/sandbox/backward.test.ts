// Backward calls on kernels written for the purpose: where their tensors lie, what stops them, and who
// is told that there are no gradients.

import { expect, test } from "vitest";
import { failureOf } from "../pack/failure-of.fixture.ts";
import type { SandboxOptions } from "./sandbox.ts";
import { sharedTicker } from "../platform/node/mod.ts";
import { type EntryChanges, handTicker, stillSandbox, verified } from "./kernel.fixture.ts";
import type { Kernel } from "./kernel.ts";
import { Sandbox } from "./sandbox.ts";

const SUPPORTS = `(i32.store8 offset=14 (local.get $at) (i32.const 1)) (i32.const 0)`;

/** Two inputs and two outputs, with gradients of both inputs, in the other order. */
const TENSORS: EntryChanges = {
  inputs: [
    { name: "a", dtype: "f32", shape: ["n"] },
    { name: "b", dtype: "f32", shape: ["n"] },
  ],
  outputs: [
    { name: "p", dtype: "f32", shape: ["n"] },
    { name: "q", dtype: "f32", shape: [4] },
  ],
  gradients: ["b", "a"],
};
const SHAPES = { dp: [8], dq: [4], a: [8], b: [8] } as const;

/** Copies input B, less its last 32 bytes, to the output: dq and a become db and da. */
const COPIES = `(memory.copy (i32.load offset=16 (local.get $at)) (i32.load offset=8 (local.get $at))
  (i32.load offset=20 (local.get $at))) (i32.const 0)`;

function backwardText(body: string, locals = ""): string {
  return `(func $backward (export "kernel_backward") (param $at i32) (result i32) ${locals} ${body})`;
}

async function load(
  body: string | undefined,
  { info = SUPPORTS, changes = {}, options = {}, forward = "(i32.const 0)" }: Loading = {},
): Promise<Kernel> {
  const sandbox = await Sandbox.create(options, handTicker().source);
  const fields = body === undefined ? "" : backwardText(body);
  return sandbox.load(await verified({ forward, info, fields }, { ...TENSORS, ...changes }));
}

interface Loading {
  readonly info?: string;
  readonly forward?: string;
  readonly changes?: EntryChanges;
  readonly options?: SandboxOptions;
}

test("prepareBackward() places gradients of outputs, then inputs; the outputs are gradients", async () => {
  const kernel = await load(COPIES);
  using call = kernel.prepareBackward({ inputs: SHAPES });
  expect(Object.keys(call.inputs)).toEqual(["dp", "dq", "a", "b"]);
  expect(Object.keys(call.outputs)).toEqual(["db", "da"]);
  call.inputs.dq.set([1, 2, 3, 4]);
  call.inputs.a.set([5, 6, 7, 8, 9, 10, 11, 12]);
  call.inputs.b.fill(13);
  call.run();
  expect([...call.outputs["db"]!]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expect([...call.outputs["da"]!]).toEqual([9, 10, 11, 12, 13, 13, 13, 13]);
});

test("the shapes of a backward call agree with each other, like a forward call's", async () => {
  const kernel = await load(COPIES);
  const prepare = (changes: object) => () =>
    kernel.prepareBackward({ inputs: { ...SHAPES, ...changes } });
  expect(failureOf(prepare({ a: [7] })).at).toContain("a axis 0");
  expect(failureOf(prepare({ dq: [5] })).at).toContain("dq axis 0");
  expect(failureOf(prepare({ p: [8] })).found).toBe("no such tensor");
  const { dp: _, ...missing } = SHAPES;
  expect(failureOf(() => kernel.prepareBackward({ inputs: missing })).at).toBe("dp");
  expect(kernel.counts().lent).toBe(0);
});

test.each([
  ["a module without kernel_backward", undefined, {}],
  ["supports_backward 0 in its kernel_info", COPIES, { info: "(i32.const 0)" }],
  ["a manifest that lists no gradients", COPIES, { changes: { gradients: [] } }],
])("a kernel of %s has NO_GRADIENTS, and is not called", async (found, body, loading) => {
  const kernel = await load(body === undefined ? body : "unreachable", loading);
  const inputs = Object.fromEntries(
    Object.entries(SHAPES).map(([name, shape]) => [
      name,
      { shape, data: new Float32Array(shape[0]) },
    ]),
  );
  using lease = kernel.lease();
  for (const act of [
    () => kernel.prepareBackward({ inputs: SHAPES }),
    () => lease.prepareBackward({ inputs: SHAPES }),
    () => kernel.backward({ inputs }),
  ])
    expect(failureOf(act)).toMatchObject({ code: "NO_GRADIENTS", at: 'kernel "test"', found });
  using call = lease.prepare({ inputs: { a: [8], b: [8] } }); // Forward is as good as before.
  call.run();
  expect(kernel.counts().lent).toBe(1);
});

test("kernel_info is asked once, so a kernel that changes its mind is taken by its first word", async () => {
  const info = `(i32.store8 offset=14 (local.get $at) (i32.eqz (global.get $asked)))
    (global.set $asked (i32.const 1)) (i32.const 0)`;
  const sandbox = await stillSandbox();
  const fields = `(global $asked (mut i32) (i32.const 0)) ${backwardText(COPIES)}`;
  const kernel = await sandbox.load(await verified({ info, fields }, TENSORS));
  using lease = kernel.lease();
  for (let i = 0; i < 3; i++) lease.prepareBackward({ inputs: SHAPES }).run();
});

test.each(["epoch", "fuel"] as const)("a backward call that loops is stopped: %s", async (mode) => {
  await using sandbox = await Sandbox.create({ interrupt: mode, fuel: 10_000n }, sharedTicker);
  const text = { info: SUPPORTS, fields: backwardText("(loop $again (br $again)) (i32.const 0)") };
  const kernel = await sandbox.load(await verified(text, TENSORS));
  using call = kernel.prepareBackward({ inputs: SHAPES, budgetTicks: 1 });
  const code = mode === "epoch" ? "KERNEL_DEADLINE" : "KERNEL_FUEL";
  for (let i = 0; i < 2; i++) expect(failureOf(() => call.run()).code).toBe(code);
});

test("a backward call without a tick left does not begin", async () => {
  const kernel = await load(COPIES);
  using call = kernel.prepareBackward({ inputs: SHAPES });
  expect(failureOf(() => call.run({ budgetTicks: 0 })).code).toBe("KERNEL_DEADLINE");
});

test("a trap in kernel_backward names it, ends the instance, and the next run works", async () => {
  const body = `(if (f32.eq (f32.load (i32.load (local.get $at))) (f32.const 1)) (then unreachable))
    (f32.store (i32.load offset=16 (local.get $at)) (f32.const 2)) (i32.const 0)`;
  const kernel = await load(body);
  using call = kernel.prepareBackward({ inputs: SHAPES });
  call.inputs.dp.set([1]);
  const trapped = failureOf(() => call.run());
  expect(trapped).toMatchObject({ code: "KERNEL_UNREACHABLE", functionName: "backward" });
  expect(trapped).toHaveProperty("descriptor.inputA");
  call.inputs.dp.set([0]);
  call.run();
  expect(call.outputs["db"]![0]).toBe(2);
});

test("forward and backward calls of one lease share its memory and its instance", async () => {
  const counter = `(f32.store (i32.load offset=16 (local.get $at)) (f32.convert_i32_s (global.get $runs)))
    (global.set $runs (i32.add (global.get $runs) (i32.const 1))) (i32.const 0)`;
  const sandbox = await stillSandbox();
  const fields = `(global $runs (mut i32) (i32.const 0)) ${backwardText(counter)}`;
  const kernel = await sandbox.load(
    await verified({ forward: counter, info: SUPPORTS, fields }, TENSORS),
  );
  using lease = kernel.lease();
  using forward = lease.prepare({ inputs: { a: [8], b: [8] } });
  using backward = lease.prepareBackward({ inputs: SHAPES });
  for (const call of [forward, backward, backward, forward]) call.run();
  expect([forward.outputs["p"]![0], backward.outputs["db"]![0]]).toEqual([3, 2]);
});
