import * as fc from "fast-check";
import { expect, test } from "vitest";
import { DTYPES, type DType, type TensorView, viewOf } from "../base/mod.ts";
import { failureOf } from "../pack/failure-of.fixture.ts";
import { type EntryChanges, type KernelText, stillSandbox, verified } from "./kernel.fixture.ts";
import type { TensorValue } from "./by-value.ts";
import type { CallRequest, Kernel } from "./kernel.ts";

async function load(text: KernelText, changes: EntryChanges = {}): Promise<Kernel> {
  const sandbox = await stillSandbox();
  return sandbox.load(await verified(text, changes));
}

/** Copies region A to the output. */
const COPIES: KernelText = {
  forward: `(memory.copy (i32.load offset=16 (local.get $at)) (i32.load (local.get $at))
    (i32.load offset=4 (local.get $at))) (i32.const 0)`,
};

function f32(...values: number[]): TensorValue {
  return { shape: [values.length], data: new Float32Array(values) };
}

test("call() gives outputs by value, with their shapes", async () => {
  const kernel = await load(COPIES, {
    inputs: [{ name: "x", dtype: "f32", shape: ["a", "b"] }],
    outputs: [{ name: "y", dtype: "f32", shape: ["b", "a"] }],
  });
  const x = { shape: [2, 3], data: new Float32Array([1, 2, 3, 4, 5, 6]) };
  const outputs = kernel.call({ inputs: { x } });
  expect(outputs["y"]).toEqual({ shape: [3, 2], data: x.data });
});

test("what call() returns is the caller's: later calls do not change it, nor is it shared", async () => {
  const kernel = await load(COPIES);
  const first = kernel.call({ inputs: { x: f32(1, 2) } });
  kernel.call({ inputs: { x: f32(8, 9) } });
  expect([...first["y"]!.data]).toEqual([1, 2]);
  expect(first["y"]!.data.buffer).toBeInstanceOf(ArrayBuffer);
});

test("call() after call() of any shapes is as if it were the first", async () => {
  const kernel = await load(COPIES);
  const shapes = fc.property(fc.array(fc.nat(40), { maxLength: 12 }), (lengths) => {
    for (const n of lengths) {
      const values = Array.from({ length: n }, (_, i) => i + n / 64);
      const { y } = kernel.call({ inputs: { x: f32(...values) } });
      expect([y!.shape, [...y!.data]]).toEqual([[n], values]);
      (y!.shape as number[])[0] = 77; // The caller's own, like the data.
    }
  });
  fc.assert(shapes);
});

test("call() with shapes like the last call's is checked as the last one was", async () => {
  const kernel = await load(COPIES);
  const inputs = { x: f32(1, 2) };
  kernel.call({ inputs });
  const wrong: CallRequest["inputs"][] = [
    {},
    { x: { shape: [2, 1], data: inputs.x.data } },
    { x: { shape: ["2"] as never, data: inputs.x.data } },
    { x: { shape: [2], data: new Float32Array(3) } },
    { ...inputs, w: f32(1) },
    { z: inputs.x },
  ];
  for (const each of wrong) {
    expect(failureOf(() => kernel.call({ inputs: each })).code).toBe("SHAPE_MISMATCH");
    kernel.call({ inputs });
  }
  expect(failureOf(() => kernel.call({ inputs, dims: { n: 3 } })).code).toBe("SHAPE_MISMATCH");
  expect(failureOf(() => kernel.call({ inputs, params: { p: 1 } })).code).toBe("PARAM_INVALID");
});

test("call() finds its place again after leases, other tenants and traps", async () => {
  const sandbox = await stillSandbox({ limits: { poolInstancesMax: 1 } });
  const trapsAtZero = `(if (i32.eqz (i32.load (i32.load (local.get $at)))) (then unreachable))`;
  const text = { forward: `${trapsAtZero} ${COPIES.forward}` };
  const kernel = await sandbox.load(await verified(text));
  const large = Array(30_000).fill(5);
  const ask = (tenant: string, ...values: number[]) =>
    kernel.call({ inputs: { x: f32(...values) }, tenant })["y"]!.data;
  for (let i = 0; i < 3; i++) {
    expect([...ask("a", 1, 2, 3)]).toEqual([1, 2, 3]);
    for (const tenant of ["b", "d"])
      // Each makes the memory grow, which begins small for the next.
      expect(ask(tenant, ...large)).toHaveLength(30_000);
    expect([...ask("c", 4, 5, 6)]).toEqual([4, 5, 6]); // In one that is small again.
    expect(ask("c", ...large)[29_999]).toBe(5);
    expect(failureOf(() => ask("c", 0, 0, 0)).code).toBe("KERNEL_UNREACHABLE");
    using lease = kernel.lease({ tenant: "c" });
    using call = lease.prepare({ inputs: { x: [9] } });
    call.inputs.x.fill(9);
    call.run();
  }
});

test("call() leaves its inputs as they were, and takes views of any buffer", async () => {
  const kernel = await load(COPIES);
  const whole = new Float32Array(new SharedArrayBuffer(40)).map((_, i) => i);
  const x = { shape: [3], data: whole.subarray(4, 7) };
  expect([...kernel.call({ inputs: { x } })["y"]!.data]).toEqual([4, 5, 6]);
  expect([...x.data]).toEqual([4, 5, 6]);
});

const VIEW_OF: Readonly<Record<DType, (bytes: number) => TensorView>> = Object.fromEntries(
  DTYPES.map((dtype) => [
    dtype,
    (bytes: number) => viewOf(dtype, new ArrayBuffer(bytes), 0, bytes),
  ]),
) as never;

test.each(DTYPES)("call() carries %s there and back", async (dtype) => {
  const changes = {
    inputs: [{ name: "x", dtype, shape: [24] }],
    outputs: [{ name: "y", dtype, shape: [24] }],
  };
  const kernel = await load(COPIES, changes);
  const bytes = dtype === "q4" ? 12 : VIEW_OF[dtype](8).BYTES_PER_ELEMENT * 24;
  const data = VIEW_OF[dtype](bytes);
  new Uint8Array(data.buffer).forEach((_, i, all) => void (all[i] = i * 5));
  const { y } = kernel.call({ inputs: { x: { shape: [24], data } } });
  expect(y!.data.constructor).toBe(data.constructor);
  expect([...new Uint8Array(y!.data.buffer)]).toEqual([...new Uint8Array(data.buffer)]);
});

test("call() refuses data of another element type, naming the tensor", async () => {
  const kernel = await load(COPIES);
  for (const data of [new Int32Array(2), new Float64Array(2), new Uint8Array(8), [1, 2], "ab"]) {
    const x = { shape: [2], data: data as TensorView };
    const failure = failureOf(() => kernel.call({ inputs: { x } }));
    expect([failure.code, failure.at]).toEqual(["DTYPE_MISMATCH", 'input "x"']);
  }
});

test("call() refuses more or less data than the shape says", async () => {
  const kernel = await load(COPIES);
  for (const length of [0, 1, 3]) {
    const x = { shape: [2], data: new Float32Array(length) };
    const failure = failureOf(() => kernel.call({ inputs: { x } }));
    expect([failure.code, failure.found]).toEqual(["SHAPE_MISMATCH", `${length * 4} bytes`]);
  }
});

test.each<[string, CallRequest["inputs"]]>([
  ["missing", {}],
  ["undefined", { x: undefined as never }],
  ["without a shape", { x: { data: new Float32Array(1) } as never }],
  ["unknown", { x: f32(1), z: f32(1) }],
])("call() is SHAPE_MISMATCH where an input is %s", async (_, inputs) => {
  const kernel = await load(COPIES);
  expect(failureOf(() => kernel.call({ inputs })).code).toBe("SHAPE_MISMATCH");
});

test("a refused or failed call() gives its instance and its memory back", async () => {
  const kernel = await load({ ...COPIES, init: "(i32.const 0)" });
  const bad: CallRequest[] = [
    { inputs: {} },
    { inputs: { x: { shape: [2], data: new Float32Array(3) } } },
    { inputs: { x: f32(1) }, params: { p: 1 } },
    { inputs: { x: f32(1) }, dims: { m: 1 } },
    { inputs: { x: f32(1) }, budgetTicks: -1 },
    { inputs: { x: { shape: [2 ** 29], data: new Float32Array(1) } } },
  ];
  for (const request of bad) failureOf(() => kernel.call(request));
  expect(kernel.counts()).toMatchObject({ created: 1, idle: 1, lent: 0 });
  using lease = kernel.lease();
  const call = lease.prepare({ inputs: { x: [1] } });
  expect(call.inputs.x.byteOffset).toBeLessThan(65_536 + 256); // The arena's very beginning.
});

test("call() takes its budget, its params and its tenant from the request", async () => {
  const kernel = await load(
    {
      forward: `(i32.store (i32.load offset=16 (local.get $at))
        (i32.load (i32.load offset=32 (local.get $at)))) (i32.const 0)`,
    },
    {
      outputs: [{ name: "y", dtype: "i32", shape: [1] }],
      params: { p: { type: "i32", default: 5 } },
    },
  );
  const ask = (request: object) => kernel.call({ inputs: { x: f32(1) }, ...request })["y"]!.data[0];
  expect([ask({}), ask({ params: { p: -3 } }), ask({ tenant: "b" })]).toEqual([5, -3, 5]);
  expect(kernel.counts().created).toBe(2);
  expect(failureOf(() => ask({ budgetTicks: 0 })).code).toBe("KERNEL_DEADLINE");
});

test("kernel_init runs before the first call(), and once", async () => {
  const kernel = await load({
    init: "(i32.store (i32.const 64) (i32.add (i32.load (i32.const 64)) (i32.const 1))) (i32.const 0)",
    forward: `(i32.store (i32.load offset=16 (local.get $at)) (i32.load (i32.const 64))) (i32.const 0)`,
  });
  for (let i = 0; i < 3; i++) {
    const { data } = kernel.call({ inputs: { x: f32(0) } })["y"]!;
    expect(new Int32Array(data.buffer)[0]).toBe(1);
  }
});

test("a call() made while another gathers its params harms neither", async () => {
  const kernel = await load(COPIES, { params: { p: { type: "i32", default: 5 } } });
  let inner: Readonly<Record<string, TensorValue>> | undefined;
  const params = {
    get p() {
      inner ??= kernel.call({ inputs: { x: f32(...Array(500).keys()) } });
      return 1;
    },
  };
  const outer = kernel.call({ inputs: { x: f32(7, 8) }, params });
  expect([...outer["y"]!.data]).toEqual([7, 8]);
  expect([...inner!["y"]!.data]).toEqual([...Array(500).keys()]);
});

test.each(["__proto__", "constructor", "toString", "hasOwnProperty", "length"])(
  "tensors, dimensions and params may be called %s",
  async (name) => {
    const kernel = await load(COPIES, {
      inputs: [{ name, dtype: "f32", shape: [name] }],
      outputs: [{ name: `${name}2`, dtype: "f32", shape: [name] }],
    });
    const inputs = { [name]: f32(1, 2, 3) };
    const outputs = kernel.call({ inputs });
    expect(Object.keys(outputs)).toEqual([`${name}2`]);
    expect([...outputs[`${name}2`]!.data]).toEqual([1, 2, 3]);
    using call = kernel.prepare({ inputs: { [name]: [3] } });
    expect(Object.keys(call.inputs)).toEqual([name]);
    expect(call.shapes.dims).toEqual({ [name]: 3 });
    expect(failureOf(() => kernel.call({ inputs: {} })).code).toBe("SHAPE_MISMATCH");
    expect(failureOf(() => kernel.prepare({ inputs: {} })).code).toBe("SHAPE_MISMATCH");
    expect(({} as Record<string, unknown>)["data"]).toBe(undefined);
  },
);

test("an output called __proto__ is an output, and no prototype", async () => {
  const kernel = await load(COPIES, {
    outputs: [{ name: "__proto__", dtype: "f32", shape: ["n"] }],
  });
  const outputs = kernel.call({ inputs: { x: f32(4) } });
  expect(Object.keys(outputs)).toEqual(["__proto__"]);
  expect("toString" in outputs).toBe(false);
  using call = kernel.prepare({ inputs: { x: [1] } });
  expect(Object.keys(call.outputs)).toEqual(["__proto__"]);
});

test("Kernel.id and entry are the manifest's, frozen", async () => {
  const kernel = await load({}, { id: "norm_f32", name: "Norm" });
  expect([kernel.id, kernel.entry.name]).toEqual(["norm_f32", "Norm"]);
  expect(Object.isFrozen(kernel.entry)).toBe(true);
});
