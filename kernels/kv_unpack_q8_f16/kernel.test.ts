import { expect, test } from "vitest";
import { KERNEL_CODES } from "../../src/layout/mod.ts";
import { packQ8, unpackQ8 } from "../../src/reference/mod.ts";
import { halfNormals, halvesOf, ulpError } from "../half-values.ts";
import { type Call, normals, TestedKernel } from "../testing.ts";
import { manifest } from "./manifest.ts";

const kernel = await TestedKernel.compile(manifest);

function callOf(packed: Uint8Array, rows = 1): Call {
  return { inputs: { packed }, shapes: { packed: [rows, packed.length / 34 / rows, 34] } };
}

const run = (packed: Uint8Array) => halvesOf(kernel.runBytes(callOf(packed)));
const judged = (packed: Uint8Array) => Float16Array.from(unpackQ8(packed)!);

/** A block of a scale by its f16 bits and codes. */
function block(scale: number, code: (i: number) => number): Uint8Array {
  const bytes = new Uint8Array(34);
  new DataView(bytes.buffer).setUint16(0, scale, true);
  new Int8Array(bytes.buffer, 2).set(Array.from({ length: 32 }, (_, i) => code(i)));
  return bytes;
}

test("kv_unpack_q8_f16 gives every code times its scale", () => {
  for (let first = -128; first < 128; first += 32) {
    const x = run(block(0x3800, (i) => first + i)); // 0.5.
    expect([...x]).toEqual(Array.from({ length: 32 }, (_, i) => (first + i) / 2));
  }
});

test("kv_unpack_q8_f16 gives the reference's bits for every scale that is a number", () => {
  const scales = Array.from({ length: 65536 }, (_, bits) => bits).filter(
    (bits) => (bits & 0x7c00) < 0x7c00,
  );
  const packed = Uint8Array.from(scales.flatMap((bits) => [...block(bits, (i) => i * 8 - 121)]));
  const expected = new Uint8Array(judged(packed).buffer);
  expect(Buffer.compare(kernel.runBytes(callOf(packed)), expected)).toBe(0);
});

test.each([1, 2, 3, 7, 66])("kv_unpack_q8_f16 gives the reference's bits for %i blocks", (n) => {
  const packed = packQ8(normals(32 * n, n, 3))!;
  expect(run(packed)).toEqual(judged(packed));
});

test("kv_unpack_q8_f16 gives back what was packed of f16 within half a step and a rounding", () => {
  const x = halfNormals(32 * 40, 7);
  const back = run(packQ8(x)!);
  for (let at = 0; at < x.length; at += 32) {
    const largest = Math.max(...x.subarray(at, at + 32).map(Math.abs));
    for (let i = at; i < at + 32; i++)
      expect(Math.abs(back[i]! - x[i]!)).toBeLessThanOrEqual(
        (largest / 127) * 0.5 + largest / 1024,
      );
  }
});

test("kv_unpack_q8_f16 gives infinity from 65520 on: of what was f16, only for the largest", () => {
  const largest = new Float16Array(32).fill(65184).fill(-65504, 1, 2);
  expect([...run(packQ8(largest)!).subarray(0, 2)]).toEqual([65024, -Infinity]); // Of 127 * 516.
  const below = Float16Array.from({ length: 32 }, (_, i) => (i % 2 === 0 ? 65472 : -65472));
  expect(run(packQ8(below)!).every(Number.isFinite)).toBe(true);
});

test("kv_unpack_q8_f16 refuses a scale of infinity or NaN in any block", () => {
  for (const bad of [0x7c00, 0xfc00, 0x7e00, 0x7c01])
    for (let at = 0; at < 5; at++) {
      const packed = packQ8(normals(32 * 5, 1))!;
      packed.set(
        block(bad, () => 0),
        34 * at,
      );
      expect(kernel.code(callOf(packed))).toBe(KERNEL_CODES.INVALID_INPUT);
    }
});

test("kv_unpack_q8_f16 gives the same bits wherever its tensors lie, and however they are shaped", () => {
  const packed = packQ8(normals(32 * 12, 2))!;
  for (const shift of [4, 8, 12])
    expect(halvesOf(kernel.runBytes({ ...callOf(packed), shift }))).toEqual(run(packed));
  expect(halvesOf(kernel.runBytes(callOf(packed, 3)))).toEqual(run(packed));
  expect(run(new Uint8Array(0))).toEqual(new Float16Array(0));
  expect(ulpError(run(packed), Float64Array.from(unpackQ8(packed)!))).toBe(0);
});

test("kv_unpack_q8_f16 refuses part of a block, and sizes that do not fit its dimensions", () => {
  const call = callOf(new Uint8Array(136), 2);
  const code = (descriptor: Call["descriptor"] & {}) => kernel.code({ ...call, descriptor });
  for (const input_a_size of [0, 102, 135, 137]) expect(code({ input_a_size })).toBe(1);
  for (const output_size of [0, 192, 254, 258]) expect(code({ output_size })).toBe(2);
  for (const params_size of [0, 4, 12]) expect(code({ params_size })).toBe(3);
  for (const scratch_size of [0, 124]) expect(code({ scratch_size })).toBe(4);
});
