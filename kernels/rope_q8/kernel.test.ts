import { describe, expect, test } from "vitest";
import { KERNEL_CODES } from "../../src/layout/mod.ts";
import { packQ8, ropeAngles, ropeQ8, unpackQ8 } from "../../src/reference/mod.ts";
import { type Call, normals, TestedKernel } from "../testing.ts";
import { manifest } from "./manifest.ts";

const kernel = await TestedKernel.compile(manifest);
const POSITIONS = [0, 41, 4095];
const BLOCK = 34; // Bytes.

type Params = { readonly layout: "interleaved" | "half_split"; readonly inverse?: boolean };

/** Two batches of three positions with two heads. */
function callOf(x: Uint8Array, freqs: Float32Array, params: Params): Call {
  const blocks = x.length / 12 / BLOCK;
  return {
    inputs: { x, freqs },
    shapes: { x: [2, 3, 2, blocks, BLOCK], freqs: [3, freqs.length / 3] },
    params,
  };
}

const blocksOf = (count: number, seed: number) => packQ8(normals(12 * 32 * count, seed))!;

/** How far codes may lie from the turned values, block by block: half a code and the scale's rounding. */
function worstInCodes(y: Uint8Array, expected: Float64Array): number {
  const found = unpackQ8(y)!;
  let worst = 0;
  for (let block = 0; block < expected.length; block += 32) {
    const values = expected.subarray(block, block + 32);
    const largest = Math.max(...values.map(Math.abs));
    values.forEach((value, i) => {
      worst = Math.max(worst, (Math.abs(found[block + i]! - value) / largest) * 127);
    });
  }
  return worst;
}

describe.each(["interleaved", "half_split"] as const)("rope_q8, %s", (layout) => {
  test.each([
    [1, 16],
    [2, 32],
    [4, 64],
    [4, 16],
    [3, 20],
    [2, 1],
  ])("stays within half a code with heads of %i blocks, of which %i pairs turn", (blocks, half) => {
    const x = blocksOf(blocks, blocks);
    const angles = ropeAngles(POSITIONS, half, 1e4);
    const shape = { batch: 2, seq: 3, heads: 2, dim: 32 * blocks };
    for (const inverse of [false, true]) {
      const y = kernel.runBytes(callOf(x, angles, { layout, inverse }));
      const expected = ropeQ8(x, angles, shape, { layout, inverse });
      expect(worstInCodes(y, expected)).toBeLessThan(0.5 + 127 * 2 ** -11);
      const turning = Math.ceil(half / 16) * BLOCK;
      const beyond = (bytes: Uint8Array) =>
        bytes.filter((_, at) => at % (blocks * BLOCK) >= turning);
      expect(beyond(y)).toEqual(beyond(x));
    }
  });

  test("packs byte for byte as the reference does, but for borders of two codes", () => {
    const x = blocksOf(4, 7);
    const angles = ropeAngles(POSITIONS, 64, 1e4);
    const y = kernel.runBytes(callOf(x, angles, { layout }));
    const shape = { batch: 2, seq: 3, heads: 2, dim: 128 };
    const expected = packQ8(Float32Array.from(ropeQ8(x, angles, shape, { layout })))!;
    const off = y.filter((byte, i) => byte !== expected[i]).length;
    expect(off).toBeLessThan(y.length / 500);
  });

  test("changes no byte when nothing turns", () => {
    const x = blocksOf(2, 8);
    expect(kernel.runBytes(callOf(x, new Float32Array(3 * 32), { layout }))).toEqual(x);
    expect(kernel.runBytes(callOf(x, new Float32Array(0), { layout }))).toEqual(x);
  });

  test("gives the same bytes wherever its tensors lie", () => {
    const call = callOf(blocksOf(3, 9), ropeAngles(POSITIONS, 40, 1e4), { layout });
    for (const shift of [4, 8, 12])
      expect(kernel.runBytes({ ...call, shift })).toEqual(kernel.runBytes(call));
  });
});

test("rope_q8 refuses blocks whose scale is no number, and turned values that have none", () => {
  const angles = ropeAngles(POSITIONS, 16, 1e4);
  for (const [low, high] of [
    [0x00, 0x7c],
    [0x01, 0x7e],
    [0x00, 0xfc],
  ] as const) {
    const x = blocksOf(1, 1);
    x.set([low, high], 5 * BLOCK);
    expect(kernel.code(callOf(x, angles, { layout: "half_split" }))).toBe(1);
  }
  const call = callOf(blocksOf(1, 2), angles, { layout: "half_split" });
  expect(kernel.code({ ...call, params: { ...call.params, scale: 1e30 } })).toBe(1);
  const noTurn = { ...call, inputs: { ...call.inputs, freqs: angles.fill(NaN, 20, 21) } };
  expect(kernel.code(noTurn)).toBe(KERNEL_CODES.INVALID_INPUT);
});

const CALL = callOf(blocksOf(2, 3), new Float32Array(6), { layout: "half_split" });
const code = (descriptor: NonNullable<Call["descriptor"]>) => kernel.code({ ...CALL, descriptor });
const setWord = (at: number, value: number) =>
  kernel.code({ ...CALL, block: (params) => params.setUint32(at, value, true) });

test("rope_q8 refuses a call that chooses no layout, more pairs than a head holds, and products that wrap", () => {
  expect(kernel.code({ ...CALL, params: {} })).toBe(KERNEL_CODES.INVALID_PARAMS);
  expect(setWord(28, 33)).toBe(KERNEL_CODES.INVALID_INPUT);
  expect(setWord(24, 2 ** 31 + 2)).toBe(KERNEL_CODES.INVALID_INPUT);
  expect(setWord(12, 2 ** 30 + 2)).toBe(KERNEL_CODES.INVALID_INPUT);
});

test("rope_q8 refuses sizes that do not fit its dimensions", () => {
  const bytes = 24 * BLOCK;
  for (const input_a_size of [0, bytes - 2, bytes + 2]) expect(code({ input_a_size })).toBe(1);
  for (const input_b_size of [0, 20, 28]) expect(code({ input_b_size })).toBe(1);
  for (const output_size of [0, bytes - 2, bytes + 2]) expect(code({ output_size })).toBe(2);
  for (const params_size of [0, 28, 36]) expect(code({ params_size })).toBe(3);
  for (const scratch_size of [0, 256]) expect(code({ scratch_size })).toBe(4);
});
