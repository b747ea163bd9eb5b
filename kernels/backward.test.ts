// kernel_backward, judged by finite differences of each kernel's reference.
//
// It takes the descriptor of a kernel whose first input is the gradient of the output, followed by the
// inputs, and whose outputs are the gradients of the inputs that take one. Its params are those of the
// forward call. So a manifest entry describes it, and the harness calls it like any kernel.

import { describe, expect, test } from "vitest";
import { KERNEL_CODES } from "../src/layout/mod.ts";
import { manifest as rmsnormManifest } from "./rmsnorm_f32/manifest.ts";
import { rmsnorm, rope, ropeAngles, swiglu } from "../src/reference/mod.ts";
import { manifest as ropeManifest } from "./rope_f32/manifest.ts";
import { manifest as swigluManifest } from "./swiglu_f32/manifest.ts";
import { absoluteError, type Call, normals, TestedKernel } from "./testing.ts";

type Manifest = typeof rmsnormManifest | typeof ropeManifest | typeof swigluManifest;

/** The entry of a kernel's gradient, for the first `count` inputs. */
function backwardOf(manifest: Manifest, count: number) {
  const [y] = manifest.outputs;
  const outputs = manifest.inputs.slice(0, count).map((input) => {
    return { ...input, name: `d${input.name}` };
  });
  const inputs = [{ ...y, name: "dy" }, ...manifest.inputs];
  return { ...manifest, entry_point: "kernel_backward", inputs, outputs };
}

/** The slope of `loss` in each of `values`, from both sides. */
function slopes(
  values: Float32Array,
  loss: (values: Float64Array) => number,
  step = 1e-5,
): Float64Array {
  const moved = Float64Array.from(values);
  return moved.map((value, i) => {
    moved[i] = value + step;
    const above = loss(moved);
    moved[i] = value - step;
    const below = loss(moved);
    moved[i] = value;
    return (above - below) / (2 * step);
  });
}

const dot = (a: Float32Array, b: Float64Array) => b.reduce((sum, y, i) => sum + y * a[i]!, 0);

/** Both outputs: the second begins at the next multiple of 16 bytes. */
function two(bytes: Uint8Array<ArrayBuffer>, first: number): [Float32Array, Float32Array] {
  const next = Math.ceil((4 * first) / 16) * 16;
  return [new Float32Array(bytes.buffer, 0, first), new Float32Array(bytes.buffer, next)];
}

function normCall(rows: number, dim: number, params: NonNullable<Call["params"]> = {}) {
  const x = normals(rows * dim, dim, 2);
  const inputs = { dy: normals(rows * dim, 1), x, weight: normals(dim, 3) };
  return { inputs, shapes: { dy: [rows, dim], x: [rows, dim] }, params };
}

describe("rmsnorm_f32", async () => {
  const kernel = await TestedKernel.compile(backwardOf(rmsnormManifest, 2));

  test.each([1, 3, 4, 7, 64, 130])("has the slopes of its reference with rows of %i", (dim) => {
    for (const plusOne of [false, true]) {
      const call = normCall(3, dim, { plus_one: plusOne });
      const { dy, x, weight } = call.inputs;
      const [dx, dweight] = two(kernel.runBytes(call), 3 * dim);
      const ofX = slopes(x, (moved) => dot(dy, rmsnorm(moved, weight, 1e-5, { plusOne })));
      const ofWeight = slopes(
        weight,
        (moved) => dot(dy, rmsnorm(x, moved, 1e-5, { plusOne })),
        2 ** -8, // Linear in the weight, whose sum with 1 is rounded to f32.
      );
      expect(absoluteError(dx, ofX)).toBeLessThan(1e-5);
      expect(absoluteError(dweight, ofWeight)).toBeLessThan(1e-4);
    }
  });

  test("doubles the gradient of x with the weight, where upstream's leaves the weight out", () => {
    const call = normCall(2, 70);
    const weight = call.inputs.weight.map((value) => 2 * value);
    const [dx] = two(kernel.runBytes(call), 140);
    const [doubled] = two(kernel.runBytes({ ...call, inputs: { ...call.inputs, weight } }), 140);
    expect(doubled).toEqual(dx.map((value) => 2 * value));
  });

  test("gives a row's gradient no part along the row, since its length does not matter", () => {
    const call = normCall(1, 100, { eps: 1e-30 });
    const [dx] = two(kernel.runBytes(call), 100);
    const { x } = call.inputs;
    expect(Math.abs(dot(dx, Float64Array.from(x)))).toBeLessThan(1e-4);
  });

  test("gives the weights of no rows no gradient", () => {
    const [, dweight] = two(kernel.runBytes(normCall(0, 8)), 0);
    expect(dweight).toEqual(new Float32Array(8));
  });

  test("gives the same bits wherever its tensors lie, and refuses sizes that do not fit", () => {
    const call = normCall(3, 7);
    for (const shift of [4, 8, 12])
      expect(kernel.runBytes({ ...call, shift })).toEqual(kernel.runBytes(call));
    const code = (descriptor: NonNullable<Call["descriptor"]>) =>
      kernel.code({ ...call, descriptor });
    for (const input_a_size of [0, 80, 88]) expect(code({ input_a_size })).toBe(1);
    for (const input_b_size of [84, 120, 128]) expect(code({ input_b_size })).toBe(1);
    for (const output_size of [84, 120, 128]) expect(code({ output_size })).toBe(2);
    for (const params_size of [0, 12, 20]) expect(code({ params_size })).toBe(3);
  });
});

function gatedCall(gate: Float32Array<ArrayBuffer>, act: string) {
  const { length } = gate;
  const inputs = { dy: normals(length, 1), gate, up: normals(length, 2) };
  const shape = [1, length];
  return { inputs, shapes: { dy: shape, gate: shape, up: shape }, params: { act } };
}

const unknownAct = (params: DataView) => params.setUint32(0, 3, true);

describe("swiglu_f32", async () => {
  const kernel = await TestedKernel.compile(backwardOf(swigluManifest, 2));

  test.each(["silu", "gelu_tanh", "gelu_erf"] as const)("has the slopes of %s", (act) => {
    const line = Float32Array.from({ length: 403 }, (_, i) => (i - 201) / 10);
    for (const gate of [line, normals(37, 5, 3)]) {
      const call = gatedCall(gate, act);
      const { dy, up } = call.inputs;
      const [dgate, dup] = two(kernel.runBytes(call), gate.length);
      const slopeOf = (i: number) => {
        const at = (z: number) => swiglu([z], [up[i]!], act)[0]! * dy[i]!;
        return (at(gate[i]! + 1e-5) - at(gate[i]! - 1e-5)) / 2e-5;
      };
      const expected = Float64Array.from(gate, (_, i) => slopeOf(i));
      expect(absoluteError(dgate, expected)).toBeLessThan(1e-5);
      const ofUp = swiglu(gate, dy, act);
      expect(absoluteError(dup, ofUp)).toBeLessThan(2e-5);
    }
  });

  test("gives the gate its gradient too, where upstream gives only that of up", () => {
    const [dgate, dup] = two(kernel.runBytes(gatedCall(normals(40, 4), "silu")), 40);
    expect(dgate.every((slope) => slope !== 0)).toBe(true);
    expect(dup.every((slope) => slope !== 0)).toBe(true);
  });

  test.each(["silu", "gelu_tanh", "gelu_erf"])("is 0 far below and 1 far above, %s", (act) => {
    const gate = Float32Array.of(-Infinity, -1e30, -200, -100, 100, 200, 1e30, Infinity);
    const call = gatedCall(gate, act);
    const ones = new Float32Array(8).fill(1);
    const inputs = { ...call.inputs, dy: ones, up: ones };
    const [dgate] = two(kernel.runBytes({ ...call, inputs }), 8);
    expect(absoluteError(dgate, Float64Array.of(0, 0, 0, 0, 1, 1, 1, 1))).toBeLessThan(1e-30);
  });

  test("refuses sizes that do not fit its dimensions", () => {
    const call = gatedCall(normals(5, 1), "silu");
    const code = (descriptor: NonNullable<Call["descriptor"]>) =>
      kernel.code({ ...call, descriptor });
    for (const input_a_size of [0, 16, 24]) expect(code({ input_a_size })).toBe(1);
    for (const input_b_size of [20, 40, 48, 56]) expect(code({ input_b_size })).toBe(1);
    for (const output_size of [20, 40, 48, 56]) expect(code({ output_size })).toBe(2);
    expect(kernel.code({ ...call, block: unknownAct })).toBe(KERNEL_CODES.INVALID_PARAMS);
  });
});

describe("rope_f32", async () => {
  const kernel = await TestedKernel.compile(backwardOf(ropeManifest, 1));
  const forward = await TestedKernel.compile(ropeManifest);
  const shape = { batch: 2, seq: 3, heads: 2, dim: 14 };
  const shapes = { dy: [2, 3, 2, 14], x: [2, 3, 2, 14], freqs: [3, 5] };
  const [x, dy, freqs] = [normals(168, 1), normals(168, 2), ropeAngles([0, 9, 4095], 5, 1e4)];

  test.each(["interleaved", "half_split"] as const)("has the slopes of %s", (layout) => {
    for (const inverse of [false, true]) {
      const options = { layout, inverse, scale: 1.25 };
      const dx = kernel.run({ inputs: { dy, x, freqs }, shapes, params: options });
      const expected = slopes(x, (moved) => dot(dy, rope(moved, freqs, shape, options)));
      expect(absoluteError(dx, expected)).toBeLessThan(1e-5);
    }
  });

  test("is its own inverse turn, to the bit", () => {
    const params = { layout: "half_split", inverse: false };
    const dx = kernel.run({ inputs: { dy, x, freqs }, shapes, params });
    const back = { layout: "half_split", inverse: true };
    expect(forward.run({ inputs: { x: dy, freqs }, shapes, params: back })).toEqual(dx);
  });

  test("refuses a second region without x", () => {
    const call = { inputs: { dy, x, freqs }, shapes, params: { layout: "half_split" } };
    expect(kernel.code({ ...call, descriptor: { input_b_size: 60 } })).toBe(1);
  });
});
