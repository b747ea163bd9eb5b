import { expect, test } from "vitest";
import { KERNEL_CODES } from "../../src/layout/mod.ts";
import { halfNormals, halvesOf, ulpError } from "../half-values.ts";
import { rmsnorm, type RmsnormOptions } from "../../src/reference/mod.ts";
import { type Call, TestedKernel } from "../testing.ts";
import { manifest } from "./manifest.ts";

const kernel = await TestedKernel.compile(manifest);

type Params = NonNullable<Call["params"]>;

function callOf(x: Float16Array, weight: Float16Array, params: Params = {}): Call {
  const shapes = { x: [x.length / weight.length, weight.length] };
  return { inputs: { x, weight }, shapes, params };
}

const ones = (length: number) => new Float16Array(length).fill(1);
const run = (x: Float16Array, weight = ones(x.length), params: Params = {}) =>
  halvesOf(kernel.runBytes(callOf(x, weight, params)));

test("rmsnorm_f16 gives the golden numbers, each rounded once", () => {
  const golden = Float16Array.of(0.36514813, 0.73029626, 1.09544438, 1.46059251);
  expect(run(Float16Array.of(1, 2, 3, 4))).toEqual(golden);
});

const FLAGS: readonly RmsnormOptions[] = [
  {},
  { plusOne: true },
  { castBeforeWeight: true },
  { plusOne: true, castBeforeWeight: true },
];

test.each([1, 2, 3, 4, 5, 7, 8, 9, 31, 32, 33, 64, 65, 127, 192, 256, 259, 768, 4096, 16384])(
  "rmsnorm_f16 stays within one place of the reference with rows of %i, two with a cast between",
  (dim) => {
    for (const scale of [1e-3, 1, 1e3]) {
      const [x, weight] = [halfNormals(3 * dim, dim, scale), halfNormals(dim, dim + 1)];
      for (const flags of FLAGS) {
        const { plusOne: plus_one = false, castBeforeWeight: cast_before_weight = false } = flags;
        const y = run(x, weight, { plus_one, cast_before_weight });
        const error = ulpError(y, rmsnorm(x, weight, 1e-5, flags));
        expect(error).toBeLessThanOrEqual(cast_before_weight ? 2 : 1);
      }
    }
  },
);

test("rmsnorm_f16 mostly rounds to the very f16 that the reference does", () => {
  const [x, weight] = [halfNormals(8 * 4096, 1), halfNormals(4096, 2)];
  const expected = Float16Array.from(rmsnorm(x, weight, 1e-5));
  const off = run(x, weight).filter((value, i) => value !== expected[i]!).length;
  expect(off).toBeLessThan(x.length / 500); // Those that lie on a border, within f32's own error.
});

test("rmsnorm_f16 rounds before the weight only when told to, which can be seen", () => {
  const [x, weight] = [halfNormals(4096, 3), halfNormals(4096, 4)];
  expect(run(x, weight, { cast_before_weight: true })).not.toEqual(run(x, weight));
  expect(run(x, ones(4096), { cast_before_weight: true })).toEqual(run(x, ones(4096)));
});

test("rmsnorm_f16 adds the squares of large values in f32, where f16 would overflow", () => {
  const x = new Float16Array(512).fill(65504);
  expect(run(x)).toEqual(ones(512));
  expect(run(Float16Array.of(300, -300))).toEqual(Float16Array.of(1, -1));
});

test("rmsnorm_f16 reads and writes subnormal values, where upstream flushes them", () => {
  const x = Float16Array.from({ length: 12 }, (_, i) => (i + 1) * 2 ** -24);
  const params = { eps: 1e-30 };
  expect(ulpError(run(x, ones(12), params), rmsnorm(x, ones(12), 1e-30))).toBeLessThanOrEqual(1);
  const tiny = new Float16Array(12).fill(2 ** -24);
  expect(run(new Float16Array(12).fill(1), tiny)).toEqual(tiny);
});

test("rmsnorm_f16 gives 0 for a row of zeros", () => {
  expect(run(new Float16Array(67))).toEqual(new Float16Array(67));
});

test("rmsnorm_f16 lets NaN and infinity spoil their own row and no other", () => {
  for (const bad of [NaN, Infinity, -Infinity]) {
    const x = halfNormals(3 * 70, 5);
    x[70 + 66] = bad;
    expect(ulpError(run(x, ones(70)), rmsnorm(x, ones(70), 1e-5))).toBeLessThanOrEqual(1);
  }
});

test("rmsnorm_f16 gives a row the same bits alone, among others, and wherever it lies", () => {
  const [x, weight] = [halfNormals(5 * 259, 6), halfNormals(259, 7)];
  const call = callOf(x, weight);
  const together = kernel.runBytes(call);
  for (const shift of [4, 8, 12]) expect(kernel.runBytes({ ...call, shift })).toEqual(together);
  for (let row = 0; row < 5; row++) {
    const alone = run(x.slice(row * 259, (row + 1) * 259), weight);
    expect(alone).toEqual(halvesOf(together, 2 * 259 * row, 259));
  }
});

test("rmsnorm_f16 has nothing to do for no rows, or rows of nothing", () => {
  const empty = new Float16Array(0);
  expect(kernel.code({ inputs: { x: empty, weight: ones(8) }, shapes: { x: [0, 8] } })).toBe(0);
  expect(kernel.code({ inputs: { x: empty, weight: empty }, shapes: { x: [8, 0] } })).toBe(0);
});

const CALL = callOf(new Float16Array(12), ones(4));
const code = (descriptor: NonNullable<Call["descriptor"]>) => kernel.code({ ...CALL, descriptor });

const noEps = (params: DataView) => params.setFloat32(0, NaN, true);

test("rmsnorm_f16 refuses sizes that do not fit its dimensions, and an eps that is not positive", () => {
  for (const input_a_size of [0, 22, 26]) expect(code({ input_a_size })).toBe(1);
  for (const input_b_size of [0, 6, 10]) expect(code({ input_b_size })).toBe(1);
  for (const output_size of [0, 22, 26]) expect(code({ output_size })).toBe(2);
  for (const params_size of [0, 16, 24]) expect(code({ params_size })).toBe(3);
  for (const scratch_size of [0, 12]) expect(code({ scratch_size })).toBe(4);
  expect(kernel.code({ ...CALL, block: noEps })).toBe(KERNEL_CODES.INVALID_PARAMS);
});

test("rmsnorm_f16 refuses dimensions whose product wraps", () => {
  const MAX = 2 ** 32 - 1;
  for (const [rows, dim] of [
    [2 ** 31 + 3, 4],
    [MAX, MAX],
    [3, 2 ** 31 + 4],
  ] as const) {
    const block = (params: DataView) => {
      params.setUint32(12, rows, true);
      params.setUint32(16, dim, true);
    };
    expect(kernel.code({ ...CALL, block })).toBe(KERNEL_CODES.INVALID_INPUT);
  }
});
