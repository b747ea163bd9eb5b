import { expect, test } from "vitest";
import { DESCRIPTOR } from "../layout/mod.ts";
import { failureOf } from "../pack/failure-of.fixture.ts";
import { holds } from "./by-value.ts";
import type { PreparedCall } from "./call.ts";
import { type EntryChanges, type KernelText, stillSandbox, verified } from "./kernel.fixture.ts";
import type { Kernel } from "./kernel.ts";

async function load(text: KernelText, changes: EntryChanges = {}): Promise<Kernel> {
  const sandbox = await stillSandbox();
  return sandbox.load(await verified(text, changes));
}

/** Copies the descriptor and then the params block, byte by byte, into y. */
const TELLS: KernelText = {
  forward: `(local $y i32) (local.set $y (i32.load offset=16 (local.get $at)))
    (memory.copy (local.get $y) (local.get $at) (i32.const ${DESCRIPTOR.bytes}))
    (memory.copy (i32.add (local.get $y) (i32.const ${DESCRIPTOR.bytes}))
      (i32.load offset=32 (local.get $at)) (i32.load offset=36 (local.get $at)))
    (i32.const 0)`,
};

/** Several inputs and outputs of every size, and working memory. */
const MANY: EntryChanges = {
  inputs: [
    { name: "a", dtype: "f32", shape: ["n", 3] },
    { name: "b", dtype: "i8", shape: ["n"] },
    { name: "c", dtype: "q4", shape: [7, "m"] },
    { name: "d", dtype: "bf16", shape: ["m"] },
  ],
  outputs: [
    { name: "y", dtype: "u8", shape: [256] },
    { name: "z", dtype: "f16", shape: ["m", "n"] },
  ],
  scratch: [
    { name: "s", dtype: "f32", shape: ["n"] },
    { name: "t", dtype: "u8", shape: [1] },
  ],
};
const SHAPES = { inputs: { a: [5, 3], b: [5], c: [7, 9], d: [9] } };

function descriptorIn(call: PreparedCall): Record<string, number> {
  const { buffer, byteOffset } = call.outputs["y"]!;
  const view = new DataView(buffer, byteOffset);
  const fields = Object.entries(DESCRIPTOR.fields);
  return Object.fromEntries(fields.map(([name, { at }]) => [name, view.getUint32(at, true)]));
}

test("the descriptor says where the views are: A first, B all other inputs, outputs, scratch", async () => {
  const kernel = await load(TELLS, MANY);
  using call = kernel.prepare(SHAPES);
  call.run();
  const told = descriptorIn(call);
  const { a, b, c, d } = call.inputs;
  const [y, z] = [call.outputs["y"]!, call.outputs["z"]!];
  expect([told["input_a_offset"], told["input_a_size"]]).toEqual([a.byteOffset, 60]);
  const endOfB = d.byteOffset + 18;
  expect([told["input_b_offset"], told["input_b_size"]]).toEqual([
    b.byteOffset,
    endOfB - b.byteOffset,
  ]);
  expect([b.byteLength, c.byteLength, d.byteLength]).toEqual([5, 32, 18]);
  const endOfOutput = z.byteOffset + 90;
  expect([told["output_offset"], told["output_size"]]).toEqual([
    y.byteOffset,
    endOfOutput - y.byteOffset,
  ]);
  expect(told["scratch_size"]).toBe(32 + 1); // 20 bytes, rounded up to the next tensor, and 1.
  expect(told["scratch_offset"]).toBeGreaterThanOrEqual(endOfOutput);
  for (const view of [a, b, c, d, y, z]) expect(view.byteOffset % 16).toBe(0);
});

test("views have the type of their tensor's elements", async () => {
  const kernel = await load({}, MANY);
  using call = kernel.prepare(SHAPES);
  const types = Object.values({ ...call.inputs, ...call.outputs }).map(
    (view) => view.constructor.name,
  );
  expect(types).toEqual([
    "Float32Array",
    "Int8Array",
    "Uint8Array",
    "Uint16Array",
    "Uint8Array",
    "Float16Array",
  ]);
});

test("a kernel with one input has no region B, one with none has no region A", async () => {
  const y = { name: "y", dtype: "u8", shape: [64] } as const;
  const x = { name: "x", dtype: "f32", shape: [3] } as const;
  const [none, one] = [
    await load(TELLS, { inputs: [], outputs: [y] }),
    await load(TELLS, { inputs: [x], outputs: [y] }),
  ];
  using empty = none.prepare({ inputs: {} });
  empty.run();
  expect(descriptorIn(empty)).toMatchObject({ input_a_offset: 0, input_a_size: 0 });
  using single = one.prepare({ inputs: { x: [3] } });
  single.run();
  expect(descriptorIn(single)).toMatchObject({
    input_a_size: 12,
    input_b_offset: 0,
    input_b_size: 0,
    scratch_offset: 0,
    scratch_size: 0,
    params_size: 0,
  });
});

test("empty tensors are tensors: views of no elements, and the call runs", async () => {
  const kernel = await load({});
  using call = kernel.prepare({ inputs: { x: [0] } });
  expect([call.inputs.x.length, call.outputs["y"]!.length]).toEqual([0, 0]);
  call.run();
});

const PARAMS: EntryChanges = {
  inputs: [{ name: "x", dtype: "f32", shape: ["n", "k"] }],
  outputs: [
    { name: "y", dtype: "u8", shape: [256] },
    { name: "w", dtype: "f32", shape: ["later"] },
  ],
  params: {
    eps: { type: "f32", default: 1e-5 },
    big: { type: "u64", default: "18446744073709551615" },
    small: { type: "i64", default: -1, min: -10, max: 10 },
    on: { type: "bool", default: false },
    layout: { type: "u32", default: 0, values: { half_split: 0, interleaved: 1 } },
  },
};

function paramsIn(call: PreparedCall): DataView {
  const { buffer, byteOffset } = call.outputs["y"]!;
  return new DataView(buffer, byteOffset + DESCRIPTOR.bytes);
}

test("params reach the kernel: given, by default, by name, and in 64 bits", async () => {
  const kernel = await load(TELLS, PARAMS);
  const shape = { inputs: { x: [2, 3] }, dims: { later: 4 } };
  using call = kernel.prepare({
    ...shape,
    params: { eps: 0.5, big: 2n ** 63n + 1n, small: -7, on: true, layout: "interleaved" },
  });
  call.run();
  const given = paramsIn(call);
  expect(given.getFloat32(0, true)).toBe(0.5);
  expect(given.getBigUint64(8, true)).toBe(2n ** 63n + 1n);
  expect(given.getBigInt64(16, true)).toBe(-7n);
  expect([24, 28].map((at) => given.getUint32(at, true))).toEqual([1, 1]);
  expect([32, 36, 40].map((at) => given.getUint32(at, true))).toEqual([2, 3, 4]); // n, k, later
  using plain = kernel.prepare(shape);
  plain.run();
  expect(paramsIn(plain).getBigUint64(8, true)).toBe(2n ** 64n - 1n);
});

test.each([
  [{ epsilon: 1 }, "params/epsilon"],
  [{ small: 11 }, "params/small"],
  [{ big: -1 }, "params/big"],
  [{ layout: "other" }, "params/layout"],
  [{ on: 1 }, "params/on"],
])("prepare() refuses params %j, and gives everything back", async (params, at) => {
  const kernel = await load({}, PARAMS);
  const setup = { inputs: { x: [1, 1] }, dims: { later: 1 }, params };
  const failure = failureOf(() => kernel.prepare(setup));
  expect([failure.code, failure.at]).toEqual(["PARAM_INVALID", at]);
  expect(kernel.counts()).toMatchObject({ lent: 0, idle: 1 });
});

test.each([
  [{ a: [5, 3], b: [6], c: [7, 9], d: [9] }, "b"],
  [{ a: [5, 3], b: [5], c: [7, 9], d: [8] }, "d"],
  [{ a: [5, 4], b: [5], c: [7, 9], d: [9] }, "a"],
  [{ a: [15], b: [5], c: [7, 9], d: [9] }, "a"],
  [{ a: [5, 3], b: [5], c: [7, 9] }, "d"],
  [{ ...SHAPES.inputs, e: [1] }, "e"],
  [{ ...SHAPES.inputs, b: [-5] }, "b"],
  [{ ...SHAPES.inputs, b: [5.5] }, "b"],
])("prepare() refuses shapes that do not unify: %j", async (inputs, tensor) => {
  const kernel = await load({}, MANY);
  const failure = failureOf(() => kernel.prepare({ inputs }));
  expect(failure.code).toBe("SHAPE_MISMATCH");
  expect(failure.at).toContain(tensor);
  expect(kernel.counts()).toMatchObject({ lent: 0, idle: 1 });
});

test("dims gives what no input's shape binds, and must agree with what one does", async () => {
  const kernel = await load({}, PARAMS);
  const x = { inputs: { x: [2, 3] } };
  using call = kernel.prepare({ ...x, dims: { later: 9, n: 2 } });
  expect(call.outputs["w"]).toHaveLength(9);
  expect(call.shapes.dims).toEqual({ n: 2, k: 3, later: 9 });
  for (const dims of [undefined, { later: 9, n: 3 }, { later: 9, other: 1 }])
    expect(failureOf(() => kernel.prepare({ ...x, dims })).code).toBe("SHAPE_MISMATCH");
});

// What run() does to a call.

/** y[0] counts runs; where x[0] is not 0 it writes over what it may only read. */
const WRITES = (where: string): KernelText => ({
  fields: "(global $n (mut i32) (i32.const 0))",
  forward: `(if (i32.load (i32.load (local.get $at))) (then ${where}))
    (global.set $n (i32.add (global.get $n) (i32.const 1)))
    (i32.store8 (i32.load offset=16 (local.get $at)) (global.get $n)) (i32.const 0)`,
});

test.each([
  ['input "x"', "(i32.store8 offset=5 (i32.load (local.get $at)) (i32.const 77))", 5],
  ['input "w"', "(i32.store8 offset=3 (i32.load offset=8 (local.get $at)) (i32.const 77))", 3],
  ["params", "(i32.store8 (i32.load offset=32 (local.get $at)) (i32.const 77))", 0],
  ["descriptor", "(i32.store8 offset=39 (local.get $at) (i32.const 77))", 39],
])(
  "checkInputs finds a kernel that writes to its %s, and which byte",
  async (what, where, byte) => {
    const kernel = await load(WRITES(where), {
      inputs: [
        { name: "x", dtype: "i32", shape: ["n"] },
        { name: "w", dtype: "i8", shape: [4] },
      ],
    });
    using call = kernel.prepare({ inputs: { x: [2], w: [4] }, checkInputs: true });
    call.run();
    call.inputs.x.set([1, 0]);
    const failure = failureOf(() => call.run());
    expect([failure.code, failure.detail]).toEqual([
      "KERNEL_WROTE_INPUT",
      { kernel: "test", what, byte },
    ]);
    expect(failure.at).toBe(`kernel "test", ${what}`);
  },
);

test("checkInputs finds nothing wrong with outputs and scratch that are written", async () => {
  const forward = `(memory.fill (i32.load offset=16 (local.get $at)) (i32.const 7)
      (i32.load offset=20 (local.get $at)))
    (memory.fill (i32.load offset=24 (local.get $at)) (i32.const 7)
      (i32.load offset=28 (local.get $at))) (i32.const 0)`;
  const kernel = await load({ forward }, MANY);
  using call = kernel.prepare({ ...SHAPES, checkInputs: true });
  call.run();
  expect(call.outputs["y"]!.every((value) => value === 7)).toBe(true);
});

test("run() with checkInputs keeps to its budget and throws the kernel's own error", async () => {
  const kernel = await load({ forward: "(i32.const 3)" });
  using call = kernel.prepare({ inputs: { x: [1] }, checkInputs: true });
  expect(failureOf(() => call.run()).code).toBe("KERNEL_CODE");
  expect(failureOf(() => call.run({ budgetTicks: 0 })).code).toBe("KERNEL_DEADLINE");
});

test("a disposed call is DISPOSED, however often, and its instance is another's", async () => {
  const kernel = await load({});
  const call = kernel.prepare({ inputs: { x: [1] } });
  call[Symbol.dispose]();
  call[Symbol.dispose]();
  expect(failureOf(() => call.run())).toMatchObject({ code: "DISPOSED", at: "call" });
  expect(failureOf(() => call.run({ budgetTicks: 1 })).code).toBe("DISPOSED");
  expect(kernel.counts()).toMatchObject({ lent: 0, idle: 1 });
});

test("an instance that a call has to itself is given back with it, once, and not with a lease's", async () => {
  const kernel = await load({});
  const call = kernel.prepare({ inputs: { x: [1] } });
  using lease = kernel.lease();
  lease.prepare({ inputs: { x: [1] } })[Symbol.dispose]();
  expect(kernel.counts().lent).toBe(2);
  call[Symbol.dispose]();
  call[Symbol.dispose]();
  expect(kernel.counts().lent).toBe(1);
  expect(failureOf(() => kernel.prepare({ inputs: {} as { x: number[] } })).code).toBe(
    "SHAPE_MISMATCH",
  );
  expect(kernel.counts().lent).toBe(1);
});

test("prepare() has the types of the issue's example", async () => {
  const kernel = await load(
    {},
    {
      inputs: [
        { name: "x", dtype: "f32", shape: ["rows", "dim"] },
        { name: "weight", dtype: "f32", shape: ["dim"] },
      ],
      outputs: [{ name: "y", dtype: "f32", shape: ["rows", "dim"] }],
      params: { eps: { type: "f32", default: 1e-6 } },
    },
  );
  const values = new Float32Array(4096);
  using call = kernel.prepare({ inputs: { x: [1, 4096], weight: [4096] }, params: { eps: 1e-5 } });
  call.inputs.x.set(values);
  call.run();
  expect(call.outputs["y"]).toHaveLength(4096);
  // @ts-expect-error: only the inputs that were prepared.
  expect(call.inputs.z).toBe(undefined);
});

test("holds() knows the typed array of each element type", () => {
  expect(holds("f32", new Float32Array(1))).toBe(true);
  expect(holds("f32", new Int32Array(1))).toBe(false);
  expect(holds("f16", new Float16Array(1))).toBe(true);
  expect(holds("f16", new Uint16Array(1))).toBe(false);
  expect(holds("bf16", new Uint16Array(1))).toBe(true);
  expect(holds("i8", new Int8Array(1))).toBe(true);
  expect(holds("i8", new Uint8Array(1))).toBe(false);
  expect(holds("i32", new Int32Array(1))).toBe(true);
  for (const dtype of ["u8", "q4", "q8"] as const)
    expect(holds(dtype, new Uint8Array(1))).toBe(true);
  expect(holds("u8", [1] as never)).toBe(false);
});
