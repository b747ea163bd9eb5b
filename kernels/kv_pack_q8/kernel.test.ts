import { expect, test } from "vitest";
import { KERNEL_CODES } from "../../src/layout/mod.ts";
import { packQ8, unpackQ8 } from "../../src/reference/mod.ts";
import { type Call, normals, randomFrom, TestedKernel } from "../testing.ts";
import { manifest } from "./manifest.ts";

const kernel = await TestedKernel.compile(manifest);

function callOf(x: Float32Array, rows = 1): Call {
  return { inputs: { x }, shapes: { x: [rows, x.length / 32 / rows, 32] } };
}

const run = (x: Float32Array) => kernel.runBytes(callOf(x));
const code = (x: Float32Array) => kernel.code(callOf(x));
const block = (value: (i: number) => number) =>
  Float32Array.from({ length: 32 }, (_, i) => value(i));
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

test("kv_pack_q8 gives GGML's bytes, where upstream has a layout of its own", () => {
  const golden =
    "d02f 8189919aa2aab2bac3cbd3dbe3ecf4fc 040c141d252d353d464e565e666f777f".replaceAll(" ", "");
  expect(hex(run(block((j) => j - 15.5)))).toBe(golden);
});

test.each([1, 2, 3, 4, 5, 31, 64])("kv_pack_q8 gives the reference's bytes for %i blocks", (n) => {
  for (const scale of [1e-30, 1e-9, 1e-5, 3e-4, 1, 300, 1e5]) {
    const x = normals(32 * n, n, scale);
    expect(run(x)).toEqual(packQ8(x));
  }
});

test("kv_pack_q8 rounds halves away from 0, and what is nearly a half to 0", () => {
  const x = block((i) => (i === 0 ? 127 : i % 2 === 0 ? i + 0.5 : -i - 0.5)); // d is 1.
  const codes = new Int8Array(run(x).buffer, 2);
  for (let i = 1; i < 32; i++) expect(codes[i]).toBe(i % 2 === 0 ? i + 1 : -i - 1);
  const nearly = new Int8Array(run(x.with(1, 0.49999997).with(2, -0.49999997)).buffer, 2);
  expect([...nearly.subarray(0, 3)]).toEqual([127, 0, 0]);
});

test("kv_pack_q8 takes codes from the scale before it is rounded to f16", () => {
  const random = randomFrom(9);
  for (let i = 0; i < 50; i++) {
    const x = block(() => Math.fround((random() - 0.5) * 77));
    expect(run(x)).toEqual(packQ8(x));
  }
});

test("kv_pack_q8 gives zeros for zeros, of either sign", () => {
  expect(run(new Float32Array(64))).toEqual(new Uint8Array(68));
  expect(run(new Float32Array(64).fill(-0))).toEqual(new Uint8Array(68));
});

test("kv_pack_q8 gives a constant block codes of 127 or -127", () => {
  for (const value of [1, -1, 0.3, -2000, 6.1e-5]) {
    const codes = new Int8Array(run(block(() => value)).buffer, 2);
    expect(new Set(codes)).toEqual(new Set([Math.sign(value) * 127]));
  }
});

test("kv_pack_q8 lets an outlier coarsen its own block, where upstream's int8 coarsens the tensor", () => {
  const x = normals(96, 3);
  const spoilt = run(x.with(40, 1e4));
  const plain = run(x);
  expect(spoilt.subarray(0, 34)).toEqual(plain.subarray(0, 34));
  expect(spoilt.subarray(68)).toEqual(plain.subarray(68));
  expect(new Int8Array(spoilt.buffer, 36, 32)[8]).toBe(127);
});

test("kv_pack_q8 keeps its scale where f16 is subnormal, where upstream flushes it to 0", () => {
  for (const amax of [127 * 2 ** -15, 127 * 3 * 2 ** -24, 127 * 1.5 * 2 ** -24, 127 * 2 ** -24]) {
    const x = block((i) => (i === 5 ? -amax : amax / 3));
    expect(run(x)).toEqual(packQ8(x));
    expect(new Uint16Array(run(x).buffer)[0]).not.toBe(0);
  }
});

test("kv_pack_q8 has codes for blocks whose scale is too small for f16 or for a reciprocal", () => {
  for (const tiny of [1e-12, 1e-37, 3.8e-37, 1e-44, 1e-45]) {
    const x = block((i) => (i % 3 === 0 ? tiny : -tiny));
    const packed = run(x);
    expect(packed).toEqual(packQ8(x));
    expect([packed[0], packed[1]]).toEqual([0, 0]);
  }
});

test("kv_pack_q8 does not clip values beyond 1, where upstream's browser cache does", () => {
  const x = normals(64, 4, 40);
  const back = unpackQ8(run(x))!;
  for (const [i, value] of x.entries()) expect(Math.abs(back[i]! - value)).toBeLessThan(1);
});

test("kv_pack_q8 is 34 bytes for 32 values, where upstream keeps them as f32", () => {
  expect(run(new Float32Array(128)).length).toBe(136); // A head of 128: f16 would take 256.
});

test("kv_pack_q8 errs by at most half a step, and the rounding of the scale", () => {
  for (const scale of [0.02, 1, 50]) {
    const x = normals(32 * 40, 7, scale);
    const back = unpackQ8(run(x))!;
    for (let at = 0; at < x.length; at += 32) {
      const largest = Math.max(...x.subarray(at, at + 32).map(Math.abs));
      const bound = (largest / 127) * 0.5001 + largest * 2 ** -11;
      for (let i = at; i < at + 32; i++)
        expect(Math.abs(back[i]! - x[i]!)).toBeLessThanOrEqual(bound);
    }
  }
});

test("kv_pack_q8 packs what was unpacked to the same codes and nearly the same scale", () => {
  const once = run(normals(32 * 30, 8));
  const twice = run(unpackQ8(once)!);
  for (let at = 0; at < once.length; at += 34) {
    expect(twice.subarray(at + 2, at + 34)).toEqual(once.subarray(at + 2, at + 34));
    const scale = (bytes: Uint8Array) => bytes[at]! + 256 * bytes[at + 1]!;
    expect(Math.abs(scale(twice) - scale(once))).toBeLessThanOrEqual(1);
  }
});

test("kv_pack_q8 refuses NaN and infinity at every place, before one becomes a scale", () => {
  for (const bad of [NaN, Infinity, -Infinity])
    for (let i = 0; i < 96; i++)
      expect(code(normals(96, 1).with(i, bad))).toBe(KERNEL_CODES.INVALID_INPUT);
  const negative = normals(32, 1);
  new Uint32Array(negative.buffer)[7] = 0xffc00001; // A NaN with its sign set.
  expect(code(negative)).toBe(KERNEL_CODES.INVALID_INPUT);
});

test("kv_pack_q8 refuses magnitudes whose scale f16 cannot hold", () => {
  const limit = 127 * 65520;
  const below = new Float32Array(32).with(9, -limit + 64);
  expect(run(below)).toEqual(packQ8(below));
  for (const value of [limit, -limit, 3.4e38])
    expect(code(new Float32Array(32).with(9, value))).toBe(KERNEL_CODES.INVALID_INPUT);
});

test("kv_pack_q8 gives the same bytes wherever its tensors lie, and however they are shaped", () => {
  const x = normals(32 * 12, 2);
  for (const shift of [4, 8, 12]) expect(kernel.runBytes({ ...callOf(x), shift })).toEqual(run(x));
  expect(kernel.runBytes(callOf(x, 4))).toEqual(run(x));
});

test("kv_pack_q8 has nothing to do for no blocks", () => {
  const x = new Float32Array(0);
  for (const shape of [
    [0, 4, 32],
    [4, 0, 32],
  ])
    expect(kernel.runBytes({ inputs: { x }, shapes: { x: shape } })).toEqual(new Uint8Array(0));
});

const CALL = callOf(new Float32Array(128), 2);
const refused = (descriptor: NonNullable<Call["descriptor"]>) =>
  kernel.code({ ...CALL, descriptor });

test("kv_pack_q8 refuses part of a block, and sizes that do not fit its dimensions", () => {
  for (const input_a_size of [0, 384, 508, 516]) expect(refused({ input_a_size })).toBe(1);
  for (const output_size of [0, 102, 135, 137]) expect(refused({ output_size })).toBe(2);
  for (const params_size of [0, 4, 12]) expect(refused({ params_size })).toBe(3);
});

test("kv_pack_q8 refuses dimensions whose product wraps in 32 or 64 bits", () => {
  for (const [rows, blocks] of [
    [2 ** 30 + 1, 4],
    [2 ** 32 - 1, 2 ** 32 - 1],
    [2 ** 31, 2 ** 28],
    [2 ** 31, 2],
  ] as const) {
    const dims = (params: DataView) => {
      params.setUint32(0, rows, true);
      params.setUint32(4, blocks, true);
    };
    expect(kernel.code({ ...CALL, block: dims })).toBe(KERNEL_CODES.INVALID_INPUT);
  }
});
