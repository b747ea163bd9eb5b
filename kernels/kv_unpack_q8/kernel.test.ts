import { expect, test } from "vitest";
import { KERNEL_CODES } from "../../src/layout/mod.ts";
import { packQ8, unpackQ8 } from "../../src/reference/mod.ts";
import { type Call, normals, TestedKernel } from "../testing.ts";
import { manifest } from "./manifest.ts";

const kernel = await TestedKernel.compile(manifest);

function callOf(packed: Uint8Array, rows = 1): Call {
  return { inputs: { packed }, shapes: { packed: [rows, packed.length / 34 / rows, 34] } };
}

const run = (packed: Uint8Array) => kernel.run(callOf(packed));

/** A block of a scale by its f16 bits and codes. */
function block(scale: number, code: (i: number) => number): Uint8Array {
  const bytes = new Uint8Array(34);
  new DataView(bytes.buffer).setUint16(0, scale, true);
  new Int8Array(bytes.buffer, 2).set(Array.from({ length: 32 }, (_, i) => code(i)));
  return bytes;
}

test("kv_unpack_q8 gives every code times its scale", () => {
  for (let first = -128; first < 128; first += 32) {
    const x = run(block(0x3800, (i) => first + i)); // 0.5.
    expect([...x]).toEqual(Array.from({ length: 32 }, (_, i) => (first + i) / 2));
  }
});

test("kv_unpack_q8 gives the reference's bits for every scale that is a number", () => {
  const scales = Array.from({ length: 65536 }, (_, bits) => bits).filter(
    (b) => (b & 0x7c00) < 0x7c00,
  );
  const packed = Uint8Array.from(scales.flatMap((bits) => [...block(bits, (i) => i * 8 - 121)]));
  expect(Buffer.compare(kernel.runBytes(callOf(packed)), bytesOf(unpackQ8(packed)!))).toBe(0);
});

const bytesOf = (x: Float32Array) => new Uint8Array(x.buffer);

test.each([1, 2, 3, 4, 5, 7, 8, 67])(
  "kv_unpack_q8 gives the reference's bits for %i blocks",
  (n) => {
    const packed = packQ8(normals(32 * n, n, 3))!;
    expect(run(packed)).toEqual(unpackQ8(packed));
  },
);

test("kv_unpack_q8 keeps subnormal scales whole, where upstream halves them", () => {
  expect(run(block(0x0001, () => 1))[0]).toBe(2 ** -24);
  expect(run(block(0x03ff, () => 2))[0]).toBe(2 * 1023 * 2 ** -24);
});

test("kv_unpack_q8 refuses a scale of infinity or NaN in any block", () => {
  for (const bad of [0x7c00, 0xfc00, 0x7e00, 0x7c01, 0xffff])
    for (let at = 0; at < 6; at++) {
      const packed = packQ8(normals(32 * 6, 1))!;
      packed.set(
        block(bad, () => 0),
        34 * at,
      );
      expect(kernel.code(callOf(packed))).toBe(KERNEL_CODES.INVALID_INPUT);
    }
});

test("kv_unpack_q8 gives the same bits wherever its tensors lie, and however they are shaped", () => {
  const packed = packQ8(normals(32 * 12, 2))!;
  for (const shift of [4, 8, 12])
    expect(kernel.run({ ...callOf(packed), shift })).toEqual(run(packed));
  expect(kernel.run(callOf(packed, 3))).toEqual(run(packed));
});

test("kv_unpack_q8 has nothing to do for no blocks", () => {
  expect(run(new Uint8Array(0))).toEqual(new Float32Array(0));
});

const CALL = callOf(new Uint8Array(136), 2);
const refused = (descriptor: NonNullable<Call["descriptor"]>) =>
  kernel.code({ ...CALL, descriptor });

test("kv_unpack_q8 refuses part of a block, and sizes that do not fit its dimensions", () => {
  for (const input_a_size of [0, 102, 135, 137]) expect(refused({ input_a_size })).toBe(1);
  for (const output_size of [0, 384, 508, 516]) expect(refused({ output_size })).toBe(2);
  for (const params_size of [0, 4, 12]) expect(refused({ params_size })).toBe(3);
});

test("kv_unpack_q8 refuses dimensions whose product wraps in 32 or 64 bits", () => {
  for (const [rows, blocks] of [
    [2 ** 30 + 1, 4],
    [2 ** 32 - 1, 2 ** 32 - 1],
    [2 ** 31, 2 ** 28],
  ] as const) {
    const dims = (params: DataView) => {
      params.setUint32(0, rows, true);
      params.setUint32(4, blocks, true);
    };
    expect(kernel.code({ ...CALL, block: dims })).toBe(KERNEL_CODES.INVALID_INPUT);
  }
});
