// Gradients through the sandbox: named tensors in and out, judged by finite differences of each
// kernel's reference. kernel_backward itself is judged without the sandbox, in backward.test.ts.

import * as fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import type { TensorView } from "../src/base/mod.ts";
import { failureOf } from "../src/pack/failure-of.fixture.ts";
import { rmsnorm, rope, ropeAngles, swiglu } from "../src/reference/mod.ts";
import { Sandbox } from "../src/sandbox.node.ts";
import { WITH_GRADIENTS } from "./pack.ts";
import { signedPack } from "./signed-pack.fixture.ts";
import { absoluteError, normals } from "./testing.ts";

const pack = await signedPack();
const sandbox = await Sandbox.create();
afterAll(() => sandbox[Symbol.asyncDispose]());

const STEP = 1e-5;

/** The slope in each of `values` of the sum of what `of` makes of them, weighted by `dy`. */
function slopes(
  values: TensorView,
  dy: Float32Array,
  of: (values: Float64Array) => Float64Array,
  step = STEP,
): Float64Array {
  const moved = Float64Array.from(values as Float32Array);
  const loss = () => of(moved).reduce((sum, y, i) => sum + y * dy[i]!, 0);
  return moved.map((value, i) => {
    moved[i] = value + step;
    const above = loss();
    moved[i] = value - step;
    const below = loss();
    moved[i] = value;
    return (above - below) / (2 * step);
  });
}

function f32(data: Float32Array, ...shape: number[]) {
  return { data, shape };
}

const shapes = fc.record({
  rows: fc.integer({ min: 1, max: 3 }),
  dim: fc.integer({ min: 1, max: 21 }),
});

test("rmsnorm_f32 gives dx and dweight", async () => {
  const kernel = await sandbox.load(pack, "rmsnorm_f32");
  const law = fc.property(shapes, fc.boolean(), ({ rows, dim }, plusOne) => {
    const size = rows * dim;
    const [dy, x, weight] = [normals(size, 1), normals(size, 2), normals(dim, 3)];
    const inputs = { dy: f32(dy, rows, dim), x: f32(x, rows, dim), weight: f32(weight, dim) };
    const found = kernel.backward({ inputs, params: { plus_one: plusOne, eps: 0.01 } });
    const ofX = slopes(x, dy, (moved) => rmsnorm(moved, weight, 0.01, { plusOne }));
    const ofWeight = slopes(
      weight,
      dy,
      (moved) => rmsnorm(x, moved, 0.01, { plusOne }),
      2 ** -8, // Linear in the weight, whose sum with 1 is rounded to f32.
    );
    expect(Object.keys(found)).toEqual(["dx", "dweight"]);
    expect([found["dx"]!.shape, found["dweight"]!.shape]).toEqual([[rows, dim], [dim]]);
    expect(absoluteError(found["dx"]!.data as Float32Array, ofX)).toBeLessThan(1e-4);
    expect(absoluteError(found["dweight"]!.data as Float32Array, ofWeight)).toBeLessThan(1e-4);
  });
  fc.assert(law, { numRuns: 30 });
});

test("swiglu_f32 gives dgate and dup, prepared, call after call in one place", async () => {
  const kernel = await sandbox.load(pack, "swiglu_f32");
  const shape = [2, 37] as const;
  using call = kernel.prepareBackward({
    inputs: { dy: shape, gate: shape, up: shape },
    params: { act: "gelu_tanh" },
  });
  for (const seed of [1, 5]) {
    const [dy, gate, up] = [normals(74, seed), normals(74, seed + 1, 3), normals(74, seed + 2)];
    (call.inputs.dy as Float32Array).set(dy);
    (call.inputs.gate as Float32Array).set(gate);
    (call.inputs.up as Float32Array).set(up);
    call.run();
    const ofGate = slopes(gate, dy, (moved) => swiglu(moved, up, "gelu_tanh"));
    const ofUp = slopes(up, dy, (moved) => swiglu(gate, moved, "gelu_tanh"));
    expect(absoluteError(call.outputs["dgate"] as Float32Array, ofGate)).toBeLessThan(1e-4);
    expect(absoluteError(call.outputs["dup"] as Float32Array, ofUp)).toBeLessThan(1e-4);
  }
});

test("rope_f32 gives dx, and none for its angles", async () => {
  const kernel = await sandbox.load(pack, "rope_f32");
  const shape = { batch: 2, seq: 3, heads: 2, dim: 14 };
  const [x, dy, freqs] = [normals(168, 1), normals(168, 2), ropeAngles([0, 9, 4095], 5, 1e4)];
  const inputs = { dy: f32(dy, 2, 3, 2, 14), x: f32(x, 2, 3, 2, 14), freqs: f32(freqs, 3, 5) };
  for (const layout of ["interleaved", "half_split"] as const) {
    const found = kernel.backward({ inputs, params: { layout } });
    expect(Object.keys(found)).toEqual(["dx"]);
    const expected = slopes(x, dy, (moved) => rope(moved, freqs, shape, { layout }));
    expect(absoluteError(found["dx"]!.data as Float32Array, expected)).toBeLessThan(1e-5);
  }
});

test("every kernel of the pack that lists gradients has them, and no other", async () => {
  for (const { entry } of pack.kernels) {
    const kernel = await sandbox.load(pack, entry.id);
    const code = failureOf(() => kernel.backward({ inputs: {} })).code;
    expect([entry.id, code]).toEqual([
      entry.id,
      WITH_GRADIENTS.has(entry.id) ? "SHAPE_MISMATCH" : "NO_GRADIENTS",
    ]);
    expect(kernel.info().supportsBackward).toBe(WITH_GRADIENTS.has(entry.id));
  }
});

test("a code of kernel_backward is a code like the forward function's", async () => {
  const kernel = await sandbox.load(pack, "rope_f32");
  const inputs = {
    dy: f32(normals(8, 1), 1, 1, 1, 8),
    x: f32(normals(8, 2), 1, 1, 1, 8),
    freqs: f32(new Float32Array(4), 1, 4),
  };
  const failure = failureOf(() => kernel.backward({ inputs })); // No layout.
  expect(failure.code).toBe("KERNEL_CODE");
  expect(failure.found).toContain("INVALID_PARAMS");
  kernel.backward({ inputs, params: { layout: "half_split" } });
});
