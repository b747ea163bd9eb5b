import { expect, test } from "vitest";
import { KERNEL_CODES } from "../../src/layout/mod.ts";
import { halfNormals, halvesOf, ulpError } from "../half-values.ts";
import { type Call, TestedKernel } from "../testing.ts";
import { manifest } from "./manifest.ts";
import { rmsnormResidual } from "../../src/reference/mod.ts";

const kernel = await TestedKernel.compile(manifest);

type Inputs = Readonly<Record<"x" | "residual" | "weight", Float16Array<ArrayBuffer>>>;

function inputsOf(rows: number, dim: number, scale = 1): Inputs {
  const x = halfNormals(rows * dim, dim, scale);
  return {
    x,
    residual: halfNormals(rows * dim, dim + 1, scale),
    weight: halfNormals(dim, dim + 2),
  };
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
    y: halvesOf(bytes, 0, length),
    h: halvesOf(bytes, next, length),
  };
}

test.each([1, 2, 3, 5, 31, 32, 33, 63, 64, 127, 128, 130, 259, 4096])(
  "rmsnorm_residual_f16 gives the sum to the bit and its norm within one place, rows of %i",
  (dim) => {
    for (const plusOne of [false, true]) {
      const inputs = inputsOf(3, dim);
      const { y, h } = run(inputs, { plus_one: plusOne });
      const expected = rmsnormResidual(inputs, 1e-5, { plusOne });
      expect(h).toEqual(expected.h);
      expect(ulpError(y, expected.y)).toBeLessThanOrEqual(1);
    }
  },
);

test("rmsnorm_residual_f16 casts before the weight when told to", () => {
  const inputs = inputsOf(2, 4096);
  const { y } = run(inputs, { cast_before_weight: true });
  const expected = rmsnormResidual(inputs, 1e-5, { castBeforeWeight: true });
  expect(ulpError(y, expected.y)).toBeLessThanOrEqual(2);
  expect(y).not.toEqual(run(inputs).y);
});

test("rmsnorm_residual_f16 lets a sum beyond f16 be infinite, and spoil its row alone", () => {
  const inputs = inputsOf(3, 40);
  inputs.x[45] = inputs.residual[45] = 40_000;
  const { y, h } = run(inputs);
  expect(h[45]).toBe(Infinity);
  expect(y[45]).toBeNaN();
  expect(ulpError(y, rmsnormResidual(inputs, 1e-5).y)).toBeLessThanOrEqual(1);
});

test("rmsnorm_residual_f16 rounds sums of far apart values once", () => {
  const x = Float16Array.from({ length: 64 }, (_, i) => 2 ** (i % 16) * (1 + i / 1024));
  const residual = Float16Array.from({ length: 64 }, (_, i) => (i - 32) * 2 ** -(i % 25));
  const inputs = { x, residual, weight: halfNormals(64, 1) };
  expect(run(inputs).h).toEqual(rmsnormResidual(inputs, 1e-5).h);
});

test("rmsnorm_residual_f16 gives the same bits wherever its tensors lie", () => {
  const call = callOf(inputsOf(3, 67));
  for (const shift of [4, 8, 12])
    expect(kernel.runBytes({ ...call, shift })).toEqual(kernel.runBytes(call));
});

test("rmsnorm_residual_f16 has nothing to do for no rows", () => {
  const empty = new Float16Array(0);
  const inputs = { x: empty, residual: empty, weight: halfNormals(8, 1) };
  expect(kernel.code({ inputs, shapes: { x: [0, 8], residual: [0, 8] } })).toBe(0);
});

const noEps = (params: DataView) => params.setFloat32(0, NaN, true);

test("rmsnorm_residual_f16 refuses sizes that do not fit its dimensions", () => {
  const call = callOf(inputsOf(3, 3)); // 18 bytes, so that the second tensors begin at 32.
  const code = (descriptor: Call["descriptor"] & {}) => kernel.code({ ...call, descriptor });
  for (const input_a_size of [0, 16, 20]) expect(code({ input_a_size })).toBe(1);
  for (const input_b_size of [0, 32, 36, 40]) expect(code({ input_b_size })).toBe(1);
  for (const output_size of [0, 18, 36, 48, 52]) expect(code({ output_size })).toBe(2);
  for (const params_size of [0, 16, 24]) expect(code({ params_size })).toBe(3);
  for (const scratch_size of [0, 8]) expect(code({ scratch_size })).toBe(4);
  expect(kernel.code({ ...call, block: noEps })).toBe(KERNEL_CODES.INVALID_PARAMS);
});
