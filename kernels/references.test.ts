// References called as whoever judges a kernel calls them: into f64, and with tensors that do not fit.

import { describe, expect, test } from "vitest";
import type { ReferenceCall, ReferenceOutput, TensorView } from "../src/base/mod.ts";
import { paramsLayout } from "../src/layout/mod.ts";
import type { KernelSource } from "../src/pack/mod.ts";
import { REFERENCES } from "../src/reference/mod.ts";
import { pack } from "./pack.ts";
import { type NamedRequest, REQUESTS } from "./requests.ts";

const FLOATS = { f32: Float32Array, f16: Float16Array } as const;

/** The request as a reference takes it, with outputs of the kernel's own types or of f64. */
function callOf(kernel: KernelSource, request: NamedRequest, wide: boolean): ReferenceCall {
  const { dims, params = {} } = request;
  const outputs = kernel.outputs.map(({ name, dtype, shape }) => {
    const length = shape.reduce<number>((product, dim) => {
      return product * (typeof dim === "string" ? dims[dim]! : dim);
    }, 1);
    const isFloat = dtype === "f32" || dtype === "f16";
    const Type = isFloat ? (wide ? Float64Array : FLOATS[dtype]) : Uint8Array;
    return [name, new Type(length)] as const;
  });
  const inputs = Object.entries(request.inputs).map(([name, { data }]) => [name, data] as const);
  const { params: fields } = paramsLayout({ ...kernel, params: kernel.params ?? {} });
  const values = fields.map(({ name, values: named, default: usual }) => {
    const given = params[name] ?? usual;
    return [name, Number(named.get(String(given)) ?? given)] as const;
  });
  return {
    inputs: Object.fromEntries(inputs) as Record<string, TensorView>,
    outputs: Object.fromEntries(outputs) as Record<string, ReferenceOutput>,
    params: Object.fromEntries(values) as Record<string, number>,
    dims,
  };
}

const fallbacks: Readonly<Record<string, string>> = pack.fallbacks;

describe.each(REQUESTS)("the reference of $kernel.id", ({ kernel, accepted }) => {
  const reference = REFERENCES.get(fallbacks[kernel.id]!)!;
  const call = callOf(kernel, accepted[0]!, false);

  test("writes f64 that round once to what it writes for the kernel", () => {
    for (const request of accepted) {
      const [narrow, wide] = [callOf(kernel, request, false), callOf(kernel, request, true)];
      expect([reference(narrow), reference(wide)]).toEqual([0, 0]);
      for (const [name, view] of Object.entries(narrow.outputs)) {
        const rounded = view.slice();
        rounded.set(wide.outputs[name] as never);
        expect(rounded).toEqual(view);
      }
    }
  });

  test("leaves its inputs as they are", () => {
    const before = Object.values(call.inputs).map((view) => view.slice());
    expect(reference(call)).toBe(0);
    expect(Object.values(call.inputs)).toEqual(before);
  });

  test.each(kernel.inputs.map(({ name }) => name))("refuses another %s", (name) => {
    const view = call.inputs[name]!;
    const wrong = [view.slice(1), new Int8Array(view.length), undefined as unknown as TensorView];
    for (const other of wrong)
      expect(reference({ ...call, inputs: { ...call.inputs, [name]: other } })).toBe(1);
  });

  test.each(kernel.outputs.map(({ name }) => name))("refuses another %s to write to", (name) => {
    const view = call.outputs[name]!;
    const wrong = [view.slice(1), new Int8Array(view.length), undefined as unknown as TensorView];
    for (const other of wrong)
      expect(reference({ ...call, outputs: { ...call.outputs, [name]: other } })).toBe(2);
  });

  const BAD: Readonly<Record<string, readonly number[]>> = {
    layout: [0, 3, NaN],
    scale: [NaN, Infinity],
    eps: [0, -1, NaN, Infinity],
    act: [3, NaN],
    packing: [0, 3],
    format: [0, 7],
  };
  for (const [name, values] of Object.entries(BAD)) {
    if (!(name in call.params)) continue;
    test(`refuses values of "${name}" that its kernels refuse, and a call without it`, () => {
      for (const value of values)
        expect(reference({ ...call, params: { ...call.params, [name]: value } })).toBe(3);
      const { [name]: _, ...others } = call.params;
      expect(reference({ ...call, params: others })).toBe(3);
    });
  }

  test("has nothing to do for empty tensors", () => {
    const dims = Object.fromEntries(Object.keys(call.dims).map((name) => [name, 0]));
    const kept = "block_bytes" in dims ? { block_bytes: call.dims["block_bytes"]! } : {};
    const inputs = emptied(call.inputs);
    const outputs = emptied(call.outputs);
    expect(reference({ ...call, inputs, outputs, dims: { ...dims, ...kept } })).toBe(0);
  });
});

function emptied<View extends TensorView | Float64Array>(views: Readonly<Record<string, View>>) {
  const none = Object.entries(views).map(([name, view]) => [name, view.slice(Infinity)]);
  return Object.fromEntries(none) as Record<string, View>;
}
