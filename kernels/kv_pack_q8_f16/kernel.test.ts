import { expect, test } from "vitest";
import { KERNEL_CODES } from "../../src/layout/mod.ts";
import { packQ8 } from "../../src/reference/mod.ts";
import { halfNormals } from "../half-values.ts";
import { type Call, TestedKernel } from "../testing.ts";
import { manifest } from "./manifest.ts";

const kernel = await TestedKernel.compile(manifest);

function callOf(x: Float16Array, rows = 1): Call {
  return { inputs: { x }, shapes: { x: [rows, x.length / 32 / rows, 32] } };
}

const run = (x: Float16Array) => kernel.runBytes(callOf(x));
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

test("kv_pack_q8_f16 gives the golden bytes", () => {
  const golden = "d02f8189919aa2aab2bac3cbd3dbe3ecf4fc040c141d252d353d464e565e666f777f";
  expect(hex(run(Float16Array.from({ length: 32 }, (_, j) => j - 15.5)))).toBe(golden);
});

test.each([1, 2, 3, 5, 64])("kv_pack_q8_f16 gives the reference's bytes for %i blocks", (n) => {
  for (const scale of [2 ** -24, 1e-6, 3e-4, 1, 300, 2e4]) {
    const x = halfNormals(32 * n, n, scale).map((value) =>
      Math.max(-65504, Math.min(65504, value)),
    );
    expect(run(x)).toEqual(packQ8(x));
  }
});

test("kv_pack_q8_f16 packs every f16 that is a number, subnormals too", () => {
  const every = new Float16Array(Uint16Array.from({ length: 65536 }, (_, bits) => bits).buffer);
  const numbers = every.filter(Number.isFinite);
  expect(run(numbers)).toEqual(packQ8(numbers));
});

test("kv_pack_q8_f16 refuses NaN and infinity at every place", () => {
  for (const bad of [NaN, Infinity, -Infinity])
    for (let i = 0; i < 64; i++) {
      const x = halfNormals(64, 1);
      x[i] = bad;
      expect(kernel.code(callOf(x))).toBe(KERNEL_CODES.INVALID_INPUT);
    }
});

test("kv_pack_q8_f16 gives the same bytes wherever its tensors lie, and however they are shaped", () => {
  const x = halfNormals(32 * 12, 2);
  for (const shift of [4, 8, 12]) expect(kernel.runBytes({ ...callOf(x), shift })).toEqual(run(x));
  expect(kernel.runBytes(callOf(x, 4))).toEqual(run(x));
  expect(run(new Float16Array(0))).toEqual(new Uint8Array(0));
});

test("kv_pack_q8_f16 refuses part of a block, and sizes that do not fit its dimensions", () => {
  const call = callOf(new Float16Array(128), 2);
  const code = (descriptor: Call["descriptor"] & {}) => kernel.code({ ...call, descriptor });
  for (const input_a_size of [0, 192, 254, 258]) expect(code({ input_a_size })).toBe(1);
  for (const output_size of [0, 102, 135, 137]) expect(code({ output_size })).toBe(2);
  for (const params_size of [0, 4, 12]) expect(code({ params_size })).toBe(3);
  for (const scratch_size of [0, 124]) expect(code({ scratch_size })).toBe(4);
});

test("kv_pack_q8_f16 refuses dimensions whose product wraps in 32 or 64 bits", () => {
  for (const [rows, blocks] of [
    [2 ** 30 + 1, 4],
    [2 ** 32 - 1, 2 ** 32 - 1],
    [2 ** 31, 2 ** 28],
  ] as const) {
    const block = (params: DataView) => {
      params.setUint32(0, rows, true);
      params.setUint32(4, blocks, true);
    };
    const call = callOf(new Float16Array(128), 2);
    expect(kernel.code({ ...call, block })).toBe(KERNEL_CODES.INVALID_INPUT);
  }
});
