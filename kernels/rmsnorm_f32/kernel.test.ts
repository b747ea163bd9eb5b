import * as fc from "fast-check";
import { expect, test } from "vitest";
import { KERNEL_CODES } from "../../src/layout/mod.ts";
import { type Call, normals, relativeError, TestedKernel } from "../testing.ts";
import { manifest } from "./manifest.ts";
import { rmsnorm } from "../../src/reference/mod.ts";

const kernel = await TestedKernel.compile(manifest);

function callOf(x: Float32Array, weight: Float32Array, params: Call["params"] = {}): Call {
  return {
    inputs: { x, weight },
    shapes: { x: [x.length / weight.length, weight.length] },
    params,
  };
}

const ones = (length: number) => new Float32Array(length).fill(1);
const run = (x: Float32Array, weight = ones(x.length), params = {}) =>
  kernel.run(callOf(x, weight, params));

test("rmsnorm_f32 gives the golden numbers", () => {
  const golden = Float64Array.of(0.36514813, 0.73029626, 1.09544438, 1.46059251);
  expect(relativeError(run(Float32Array.of(1, 2, 3, 4)), golden)).toBeLessThan(1e-7);
});

test("rmsnorm_f32 multiplies by the weight, row by row", () => {
  const x = Float32Array.of(3, 4, 6, 8);
  const y = run(x, Float32Array.of(1, -2), { eps: 1e-30 });
  const [a, b] = [3 / Math.sqrt(12.5), 4 / Math.sqrt(12.5)];
  expect([...y]).toEqual([a, -2 * b, a, -2 * b].map((value) => expect.closeTo(value, 6)));
});

test.each([1, 2, 3, 4, 5, 16, 63, 64, 65, 127, 192, 255, 256, 257, 768, 4096, 4097, 16384])(
  "rmsnorm_f32 stays within 1e-5 of the reference with rows of %i",
  (dim) => {
    const rows = dim > 4000 ? 2 : 5;
    for (const scale of [1e-3, 1, 1e4]) {
      const [x, weight] = [normals(rows * dim, dim, scale), normals(dim, dim + 1)];
      expect(relativeError(run(x, weight), rmsnorm(x, weight, 1e-5))).toBeLessThan(1e-5);
    }
  },
);

test("rmsnorm_f32 stays within 1e-5 where every rounding goes the same way", () => {
  for (const value of [1.1, 0.333, 1 + 2 ** -12, 1.9999999]) {
    const x = new Float32Array(16384).fill(value);
    expect(relativeError(run(x), rmsnorm(x, ones(16384), 1e-5))).toBeLessThan(1e-5);
  }
});

test("rmsnorm_f32 adds eps inside the root, for the smallest and the largest eps", () => {
  const x = normals(100, 3, 1e-6);
  for (const eps of [1e-30, 1e-12, 1e-5, 1])
    expect(relativeError(run(x, ones(100), { eps }), rmsnorm(x, ones(100), eps))).toBeLessThan(
      1e-5,
    );
});

test("rmsnorm_f32 gives 0 for a row of zeros", () => {
  for (const dim of [1, 7, 64, 200])
    expect(run(new Float32Array(dim))).toEqual(new Float32Array(dim));
});

test("rmsnorm_f32 lets NaN and infinity spoil their own row and no other", () => {
  for (const bad of [NaN, Infinity, -Infinity]) {
    const x = normals(3 * 70, 5);
    x[70 + 66] = bad;
    const y = run(x, ones(70));
    const expected = rmsnorm(x, ones(70), 1e-5);
    expect([...y.subarray(70, 140)].map(Number.isNaN)).toEqual(
      [...expected.subarray(70, 140)].map(Number.isNaN),
    );
    expect(y[70 + 66]).toBeNaN();
    expect(relativeError(y, expected)).toBeLessThan(1e-5);
  }
});

test("rmsnorm_f32 keeps its digits beside a large offset, where upstream's layer norm cancels", () => {
  const x = normals(4096, 8).map((value) => 1e4 + value); // E[x²] - mean² would lose them all.
  expect(relativeError(run(x), rmsnorm(x, ones(4096), 1e-5))).toBeLessThan(1e-6);
});

test("rmsnorm_f32 handles values whose squares overflow f32", () => {
  for (const huge of [1.8e19, 1.9e19, 1e30, 3.4e38]) {
    const x = Float32Array.from({ length: 2 * 131 }, (_, i) => (i % 3 === 0 ? huge : i));
    expect(relativeError(run(x, ones(131)), rmsnorm(x, ones(131), 1e-5))).toBeLessThan(1e-5);
  }
});

test("rmsnorm_f32 gives a row the same bits alone and among others", () => {
  for (const dim of [5, 64, 200, 259]) {
    const [x, weight] = [normals(7 * dim, dim), normals(dim, 9)];
    const together = run(x, weight);
    for (let row = 0; row < 7; row++) {
      const part = (values: Float32Array<ArrayBuffer>) => values.slice(row * dim, (row + 1) * dim);
      expect(run(part(x), weight)).toEqual(part(together));
    }
  }
});

test("rmsnorm_f32 gives the same bits wherever its tensors lie", () => {
  const call = callOf(normals(3 * 259, 4), normals(259, 5));
  for (const shift of [4, 8, 12]) expect(kernel.run({ ...call, shift })).toEqual(kernel.run(call));
});

test("rmsnorm_f32 does not change when a row is multiplied by a power of two", () => {
  const row = fc.float32Array({ minLength: 1, maxLength: 150, noNaN: true, min: 1, max: 100 });
  fc.assert(
    fc.property(row, fc.integer({ min: 0, max: 20 }), (x, power) => {
      const scaled = x.map((value) => value * 2 ** power);
      const expected = Float64Array.from(run(x, ones(x.length), { eps: 1e-30 }));
      expect(relativeError(run(scaled, ones(x.length), { eps: 1e-30 }), expected)).toBeLessThan(
        1e-6,
      );
    }),
    { numRuns: 50 },
  );
});

test("rmsnorm_f32 multiplies by weight + 1 when told to, where upstream's Gemma forgets the 1", () => {
  for (const dim of [1, 3, 4, 63, 259, 4096]) {
    const [x, weight] = [normals(3 * dim, dim), normals(dim, dim + 1)];
    const y = run(x, weight, { plus_one: true });
    expect(relativeError(y, rmsnorm(x, weight, 1e-5, { plusOne: true }))).toBeLessThan(1e-5);
    expect(y).toEqual(
      run(
        x,
        weight.map((g) => g + 1),
      ),
    ); // The same bits as weights added before.
  }
});

test("rmsnorm_f32 needs scratch for weight + 1, and only for that", () => {
  const call = callOf(normals(12, 1), ones(4));
  const descriptor = { scratch_size: 12 };
  expect(kernel.code({ ...call, descriptor })).toBe(KERNEL_CODES.OK);
  const params = { plus_one: true };
  expect(kernel.code({ ...call, params, descriptor })).toBe(KERNEL_CODES.OUT_OF_MEMORY);
});

test("rmsnorm_f32 has nothing to do for no rows, or rows of nothing", () => {
  const empty = new Float32Array(0);
  const none = { inputs: { x: empty, weight: ones(8) }, shapes: { x: [0, 8] } };
  expect(kernel.run(none)).toEqual(empty);
  const narrow = { inputs: { x: empty, weight: empty }, shapes: { x: [8, 0] } };
  expect(kernel.run(narrow)).toEqual(empty);
});

const CALL = callOf(new Float32Array(12), ones(4));
const code = (descriptor: NonNullable<Call["descriptor"]>) => kernel.code({ ...CALL, descriptor });
const dims = (rows: number, dim: number) => (block: DataView) => {
  block.setUint32(8, rows, true);
  block.setUint32(12, dim, true);
};

test.each([0, -1, NaN, Infinity])("rmsnorm_f32 refuses eps %d", (eps) => {
  const block = (params: DataView) => params.setFloat32(0, eps, true);
  expect(kernel.code({ ...CALL, block })).toBe(KERNEL_CODES.INVALID_PARAMS);
});

test("rmsnorm_f32 refuses sizes that do not fit its dimensions, where upstream reads on", () => {
  for (const input_a_size of [0, 44, 52]) expect(code({ input_a_size })).toBe(1);
  for (const input_b_size of [0, 12, 20]) expect(code({ input_b_size })).toBe(1);
  for (const output_size of [0, 44, 52]) expect(code({ output_size })).toBe(2);
  for (const params_size of [0, 12, 20]) expect(code({ params_size })).toBe(3);
});

test("rmsnorm_f32 refuses dimensions whose product wraps in 32 or 64 bits", () => {
  const MAX = 2 ** 32 - 1;
  for (const block of [
    dims(2 ** 30 + 3, 4),
    dims(MAX, MAX),
    dims(3, 2 ** 30 + 4),
    dims(2 ** 31, 2),
  ])
    expect(kernel.code({ ...CALL, block })).toBe(KERNEL_CODES.INVALID_INPUT);
});
