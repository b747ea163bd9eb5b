import { describe, expect, test } from "vitest";
import { KERNEL_CODES } from "../../src/layout/mod.ts";
import { halfNormals, halvesOf } from "../half-values.ts";
import { rope, ropeAngles, type RopeShape } from "../../src/reference/mod.ts";
import { type Call, TestedKernel } from "../testing.ts";
import { manifest } from "./manifest.ts";

const kernel = await TestedKernel.compile(manifest);
const POSITIONS = [0, 41, 4095];

type Params = { readonly layout: "interleaved" | "half_split"; readonly inverse?: boolean };

function callOf(x: Float16Array, freqs: Float32Array, shape: RopeShape, params: Params): Call {
  const { batch, seq, heads, dim } = shape;
  const shapes = { x: [batch, seq, heads, dim], freqs: [seq, freqs.length / seq] };
  return { inputs: { x, freqs }, shapes, params };
}

const shapeOf = (dim: number): RopeShape => ({ batch: 2, seq: 3, heads: 2, dim });

/** By how much `y` misses beyond one rounding to f16: an f16's half place, relative to its size. */
function excess(y: Float16Array, expected: Float64Array): number {
  return Math.max(
    ...y.map((value, i) => {
      const place = Math.max(Math.abs(expected[i]!) * 2 ** -11, 2 ** -25);
      return Math.abs(value - expected[i]!) - place;
    }),
  );
}

test("rope_f16 gives the golden numbers in both layouts, each rounded once", () => {
  const x = Float16Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  const shape = { batch: 1, seq: 1, heads: 1, dim: 8 };
  const run = (layout: Params["layout"]) =>
    halvesOf(kernel.runBytes(callOf(x, ropeAngles([3], 4, 1e4), shape, { layout })));
  const split = [-1.695593, 0.137552, 2.788682, 3.975982, -4.808842, 6.323059, 7.086837, 8.011964];
  const pairs = [-1.272233, -1.838865, 1.683929, 4.707907, 4.817777, 6.147278, 6.975969, 8.020964];
  expect(run("half_split")).toEqual(Float16Array.from(split));
  expect(run("interleaved")).toEqual(Float16Array.from(pairs));
});

describe.each(["interleaved", "half_split"] as const)("rope_f16, %s", (layout) => {
  test.each([
    [2, 1],
    [6, 3],
    [8, 4],
    [34, 17],
    [64, 32],
    [80, 16],
    [96, 33],
    [128, 64],
    [129, 64],
    [5, 0],
  ])("rounds the reference once with heads of %i, of which %i pairs turn", (dim, half) => {
    const shape = shapeOf(dim);
    const x = halfNormals(12 * dim, dim);
    const angles = ropeAngles(POSITIONS, half, 1e4);
    for (const inverse of [false, true]) {
      const y = halvesOf(kernel.runBytes(callOf(x, angles, shape, { layout, inverse })));
      const expected = rope(x, angles, shape, { layout, inverse });
      expect(excess(y, expected)).toBeLessThan(2e-6);
      const beyond = (values: Float16Array) => values.filter((_, at) => at % dim >= 2 * half);
      expect(beyond(y)).toEqual(beyond(x));
    }
  });

  test("gives the same bits wherever its tensors lie, and knows `scale`", () => {
    const shape = shapeOf(70);
    const x = halfNormals(12 * 70, 1);
    const angles = ropeAngles(POSITIONS, 35, 1e4);
    const call = callOf(x, angles, shape, { layout });
    for (const shift of [4, 8, 12])
      expect(kernel.runBytes({ ...call, shift })).toEqual(kernel.runBytes(call));
    const params = { ...call.params, scale: 1.25 };
    const y = halvesOf(kernel.runBytes({ ...call, params }));
    expect(excess(y, rope(x, angles, shape, { layout, scale: 1.25 }))).toBeLessThan(2e-6);
  });
});

const CALL = callOf(new Float16Array(48), new Float32Array(6), shapeOf(4), {
  layout: "half_split",
});
const code = (descriptor: NonNullable<Call["descriptor"]>) => kernel.code({ ...CALL, descriptor });
const setWord = (at: number, value: number) =>
  kernel.code({ ...CALL, block: (params) => params.setUint32(at, value, true) });

test("rope_f16 refuses a call that chooses no layout, more pairs than a head holds, and products that wrap", () => {
  expect(kernel.code({ ...CALL, params: {} })).toBe(KERNEL_CODES.INVALID_PARAMS);
  expect(setWord(28, 3)).toBe(KERNEL_CODES.INVALID_INPUT);
  expect(setWord(24, 2 ** 31 + 4)).toBe(KERNEL_CODES.INVALID_INPUT);
});

test("rope_f16 refuses sizes that do not fit its dimensions", () => {
  for (const input_a_size of [0, 94, 98]) expect(code({ input_a_size })).toBe(1);
  for (const input_b_size of [0, 20, 28]) expect(code({ input_b_size })).toBe(1);
  for (const output_size of [0, 94, 98]) expect(code({ output_size })).toBe(2);
  for (const params_size of [0, 28, 36]) expect(code({ params_size })).toBe(3);
  for (const scratch_size of [0, 28]) expect(code({ scratch_size })).toBe(4);
});
