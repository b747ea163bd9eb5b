import { expect, test } from "vitest";
import { KERNEL_CODES } from "../../src/layout/mod.ts";
import { type Call, normals, relativeError, TestedKernel } from "../testing.ts";
import { manifest } from "./manifest.ts";
import { rmsnormResidual } from "../../src/reference/mod.ts";

const kernel = await TestedKernel.compile(manifest);

type Inputs = Readonly<Record<"x" | "residual" | "weight", Float32Array<ArrayBuffer>>>;

function inputsOf(rows: number, dim: number, scale = 1): Inputs {
  const x = normals(rows * dim, dim, scale);
  return { x, residual: normals(rows * dim, dim + 1, scale), weight: normals(dim, dim + 2) };
}

function callOf(inputs: Inputs, params: NonNullable<Call["params"]> = {}): Call {
  const dim = inputs.weight.length;
  const shape = [inputs.x.length / dim, dim];
  return { inputs, shapes: { x: shape, residual: shape }, params };
}

/** Both outputs: h begins at the next multiple of 16 bytes behind y. */
function run(inputs: Inputs, params: NonNullable<Call["params"]> = {}) {
  const bytes = kernel.runBytes(callOf(inputs, params));
  const { length, byteLength } = inputs.x;
  const next = Math.ceil(byteLength / 16) * 16;
  return {
    y: new Float32Array(bytes.buffer, 0, length),
    h: new Float32Array(bytes.buffer, next, length),
  };
}

test.each([1, 2, 3, 5, 31, 32, 33, 63, 64, 127, 128, 130, 259, 4096])(
  "rmsnorm_residual_f32 gives the sum to the bit and its norm within 1e-5, rows of %i",
  (dim) => {
    for (const plusOne of [false, true]) {
      const inputs = inputsOf(3, dim);
      const { y, h } = run(inputs, { plus_one: plusOne });
      const expected = rmsnormResidual(inputs, 1e-5, { plusOne });
      expect(h).toEqual(expected.h);
      expect(relativeError(y, expected.y)).toBeLessThan(1e-5);
    }
  },
);

test("rmsnorm_residual_f32 handles sums whose squares overflow, and rows of zeros", () => {
  const inputs = inputsOf(2, 131, 1e19);
  const { y } = run(inputs);
  expect(relativeError(y, rmsnormResidual(inputs, 1e-5).y)).toBeLessThan(1e-5);
  const x = normals(64, 1);
  const opposite = { x, residual: x.map((value) => -value), weight: normals(64, 2) };
  expect(run(opposite).y.every((value) => value === 0)).toBe(true);
});

test("rmsnorm_residual_f32 gives the same bits wherever its tensors lie", () => {
  const call = callOf(inputsOf(3, 67));
  for (const shift of [4, 8, 12])
    expect(kernel.runBytes({ ...call, shift })).toEqual(kernel.runBytes(call));
});

test("rmsnorm_residual_f32 has nothing to do for no rows", () => {
  const empty = new Float32Array(0);
  const inputs = { x: empty, residual: empty, weight: normals(8, 1) };
  expect(kernel.code({ inputs, shapes: { x: [0, 8], residual: [0, 8] } })).toBe(0);
});

const noEps = (params: DataView) => params.setFloat32(0, NaN, true);

test("rmsnorm_residual_f32 refuses sizes that do not fit its dimensions", () => {
  const call = callOf(inputsOf(3, 3)); // 36 bytes, so that the second tensors begin at 48.
  const code = (descriptor: Call["descriptor"] & {}) => kernel.code({ ...call, descriptor });
  for (const input_a_size of [0, 32, 40]) expect(code({ input_a_size })).toBe(1);
  for (const input_b_size of [0, 48, 56, 64]) expect(code({ input_b_size })).toBe(1);
  for (const output_size of [0, 36, 72, 80, 88]) expect(code({ output_size })).toBe(2);
  for (const params_size of [0, 12, 20]) expect(code({ params_size })).toBe(3);
  const params = { plus_one: true };
  expect(kernel.code({ ...call, params, descriptor: { scratch_size: 8 } })).toBe(4);
  expect(kernel.code({ ...call, block: noEps })).toBe(KERNEL_CODES.INVALID_PARAMS);
});
