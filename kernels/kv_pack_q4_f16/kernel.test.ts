import { describe, expect, test } from "vitest";
import { KERNEL_CODES } from "../../src/layout/mod.ts";
import { BLOCK_BYTES, packKiviKeys, packQ4 } from "../../src/reference/mod.ts";
import { halfNormals } from "../half-values.ts";
import { type Call, TestedKernel } from "../testing.ts";
import { manifest } from "./manifest.ts";

const kernel = await TestedKernel.compile(manifest);

const FORMATS = [
  ["q4_0", "q4_0"],
  ["q4_1", "q4_1"],
  ["kivi_v", "kivi_v"],
  ["kivi_v2", "kivi_v2"],
  ["kivi_k", "kivi_v"],
  ["kivi_k2", "kivi_v2"],
] as const;

describe.each(FORMATS)("kv_pack_q4_f16 in %s", (format, like) => {
  const bytes = BLOCK_BYTES[like];
  const isOfKeys = format !== like;
  const rows = isOfKeys ? 64 : 2;

  const callOf = (x: Float16Array): Call => ({
    inputs: { x },
    shapes: { x: [rows, x.length / rows / 32, 32] },
    dims: { block_bytes: bytes },
    params: { format },
  });
  const judged = (x: Float16Array) =>
    isOfKeys ? packKiviKeys(x, x.length / rows, like as "kivi_v") : packQ4(x, like);

  test.each([1, 2, 5])("gives the bytes that kv_pack_q4 would, for %i blocks a row", (blocks) => {
    for (const scale of [2 ** -24, 1e-6, 3e-4, 1, 300, 1e4]) {
      const x = halfNormals(rows * blocks * 32, blocks, scale);
      expect(kernel.runBytes(callOf(x))).toEqual(judged(x));
    }
  });

  test("packs what is largest and least of f16", () => {
    const odd = [65504, -65504, 2 ** -24, -(2 ** -24), 0, -0, 1];
    const x = Float16Array.from({ length: rows * 32 }, (_, i) => odd[(i * i) % 7]!);
    expect(kernel.runBytes(callOf(x))).toEqual(judged(x));
  });

  test("refuses NaN and infinity at every place", () => {
    for (const bad of [NaN, Infinity, -Infinity])
      for (let i = 0; i < rows * 32; i += isOfKeys ? 29 : 1) {
        const x = halfNormals(rows * 32, 1);
        x[i] = bad;
        expect(kernel.code(callOf(x))).toBe(KERNEL_CODES.INVALID_INPUT);
      }
  });

  test("gives the same bytes wherever its tensors lie", () => {
    const call = callOf(halfNormals(rows * 96, 2));
    for (const shift of [4, 8, 12])
      expect(kernel.runBytes({ ...call, shift })).toEqual(kernel.runBytes(call));
  });

  test("refuses sizes that do not fit its dimensions", () => {
    const call = callOf(new Float16Array(rows * 64));
    const code = (descriptor: Call["descriptor"] & {}) => kernel.code({ ...call, descriptor });
    for (const input_a_size of [0, rows * 128 - 2]) expect(code({ input_a_size })).toBe(1);
    for (const output_size of [0, rows * 2 * bytes + 1]) expect(code({ output_size })).toBe(2);
    for (const params_size of [0, 12]) expect(code({ params_size })).toBe(3);
    for (const scratch_size of [0, 2044]) expect(code({ scratch_size })).toBe(4);
  });
});

test("kv_pack_q4_f16 refuses to guess the format, and has nothing to do for no blocks", () => {
  const call: Call = {
    inputs: { x: new Float16Array(64) },
    shapes: { x: [1, 2, 32] },
    dims: { block_bytes: 18 },
    params: { format: "q4_0" },
  };
  for (const format of [0, 7, 2 ** 32 - 1]) {
    const unknown = (params: DataView) => params.setUint32(0, format, true);
    expect(kernel.code({ ...call, block: unknown })).toBe(KERNEL_CODES.INVALID_PARAMS);
  }
  const none = { ...call, inputs: { x: new Float16Array(0) }, shapes: { x: [0, 2, 32] } };
  expect(kernel.runBytes(none)).toEqual(new Uint8Array(0));
});
