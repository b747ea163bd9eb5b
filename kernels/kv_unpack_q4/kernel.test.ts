import { describe, expect, test } from "vitest";
import { KERNEL_CODES } from "../../src/layout/mod.ts";
import {
  BLOCK_BYTES,
  packKiviKeys,
  packQ4,
  type Q4Format,
  unpackKiviKeys,
  unpackQ4,
} from "../../src/reference/mod.ts";
import { type Call, normals, randomFrom, TestedKernel } from "../testing.ts";
import { manifest } from "./manifest.ts";

const kernel = await TestedKernel.compile(manifest);

function callOf(packed: Uint8Array, format: Q4Format, rows = 1): Call {
  const bytes = BLOCK_BYTES[format];
  const shapes = { packed: [rows, packed.length / bytes / rows, bytes] };
  return { inputs: { packed }, shapes, params: { format } };
}

/** Blocks of any bytes, but for scales and minima that are numbers. */
function blocks(count: number, format: Q4Format, seed: number): Uint8Array {
  const random = randomFrom(seed);
  const bytes = BLOCK_BYTES[format];
  return Uint8Array.from({ length: count * bytes }, (_, i) => {
    const place = i % bytes;
    const any = Math.floor(random() * 256);
    return place === 1 || (place === 3 && format !== "q4_0") ? any & 0xbf : any;
  });
}

/** The first code in a byte of 0x99. */
const CODE_OF_99 = { q4_0: 1, q4_1: 9, kivi_v: 9, kivi_v2: 1 } as const;

describe.each(["q4_0", "q4_1", "kivi_v", "kivi_v2"] as const)("kv_unpack_q4 in %s", (format) => {
  const bytes = BLOCK_BYTES[format];
  const run = (packed: Uint8Array) => kernel.run(callOf(packed, format));

  test.each([1, 2, 3, 4, 5, 66])("gives the reference's bits for any bytes of %i blocks", (n) => {
    const packed = blocks(n, format, n);
    const expected = new Uint8Array(unpackQ4(packed, format)!.buffer);
    expect(kernel.runBytes(callOf(packed, format))).toEqual(expected);
  });

  test("gives back what was packed, within a step", () => {
    const x = normals(32 * 9, 3);
    const back = run(packQ4(x, format)!);
    const bound = format === "kivi_v2" ? 1.2 : 0.6;
    for (const [i, value] of x.entries()) expect(Math.abs(back[i]! - value)).toBeLessThan(bound);
  });

  test("keeps subnormal scales whole, where upstream halves them", () => {
    const packed = new Uint8Array(bytes).fill(0x99, format === "q4_0" ? 2 : 4);
    packed[0] = 1;
    expect(run(packed)[0]).toBe(CODE_OF_99[format] * 2 ** -24);
  });

  test("refuses a scale of infinity or NaN in any block", () => {
    for (const bad of [0x7c00, 0xfc00, 0x7e00, 0x7c01, 0xffff])
      for (let at = 0; at < 5; at++)
        for (const place of format === "q4_0" ? [0] : [0, 2]) {
          const packed = blocks(5, format, 9);
          new DataView(packed.buffer).setUint16(at * bytes + place, bad, true);
          expect(kernel.code(callOf(packed, format))).toBe(KERNEL_CODES.INVALID_INPUT);
        }
  });

  test("gives the same bits wherever its tensors lie, and however they are shaped", () => {
    const packed = blocks(12, format, 2);
    for (const shift of [4, 8, 12])
      expect(kernel.run({ ...callOf(packed, format), shift })).toEqual(run(packed));
    expect(kernel.run(callOf(packed, format, 3))).toEqual(run(packed));
  });

  test("has nothing to do for no blocks", () => {
    expect(run(new Uint8Array(0))).toEqual(new Float32Array(0));
  });

  test("refuses part of a block, and sizes that do not fit its dimensions", () => {
    const call = callOf(new Uint8Array(4 * bytes), format, 2);
    for (const input_a_size of [0, 3 * bytes, 4 * bytes - 1, 4 * bytes + 1])
      expect(kernel.code({ ...call, descriptor: { input_a_size } })).toBe(1);
    for (const output_size of [0, 384, 508, 516])
      expect(kernel.code({ ...call, descriptor: { output_size } })).toBe(2);
    for (const params_size of [0, 12, 20])
      expect(kernel.code({ ...call, descriptor: { params_size } })).toBe(3);
    for (const scratch_size of [0, 2044])
      expect(kernel.code({ ...call, descriptor: { scratch_size } })).toBe(4);
    for (const block_bytes of [0, bytes - 1, 36, 2 ** 32 - 1]) {
      const dims = (params: DataView) => params.setUint32(12, block_bytes, true);
      expect(kernel.code({ ...call, block: dims })).toBe(KERNEL_CODES.INVALID_INPUT);
    }
  });
});

/** Half a group of rows, of twice as many blocks. */
function halved(params: DataView): void {
  params.setUint32(4, 16, true);
  params.setUint32(8, 4, true);
}

const KEYS = [
  ["kivi_k", "kivi_v"],
  ["kivi_k2", "kivi_v2"],
] as const;

describe.each(KEYS)("kv_unpack_q4 in %s", (format, like) => {
  const bytes = BLOCK_BYTES[like];
  const keysOf = (packed: Uint8Array, channels: number): Call => ({
    inputs: { packed },
    shapes: { packed: [(packed.length / bytes / channels) * 32, channels / 32, bytes] },
    params: { format },
  });

  test.each([
    [1, 32],
    [1, 128],
    [3, 64],
  ])("gives the reference's bits for %i groups of %i channels", (n, channels) => {
    const packed = blocks(n * channels, like, n + channels);
    const expected = new Uint8Array(unpackKiviKeys(packed, channels, like)!.buffer);
    expect(kernel.runBytes(keysOf(packed, channels))).toEqual(expected);
  });

  test("refuses a step or least value of infinity or NaN in any block", () => {
    const good = packKiviKeys(normals(64 * 32, 3), 32, like)!;
    for (let at = 0; at < 64; at++)
      for (const place of [0, 2]) {
        const packed = good.slice();
        new DataView(packed.buffer).setUint16(at * bytes + place, 0x7e00, true);
        expect(kernel.code(keysOf(packed, 32))).toBe(KERNEL_CODES.INVALID_INPUT);
      }
  });

  test("refuses rows that fill no group of 32", () => {
    const call = keysOf(new Uint8Array(64 * bytes), 64);
    expect(kernel.code({ ...call, block: halved })).toBe(KERNEL_CODES.INVALID_INPUT);
  });
});

test("kv_unpack_q4 reads values j and j + 16 from one byte, where upstream reads neighbours", () => {
  const packed = packQ4(
    Float32Array.from({ length: 32 }, (_, i) => i - 16),
    "q4_0",
  )!;
  const x = kernel.run(callOf(packed, "q4_0"));
  expect(x.toSorted()).toEqual(x);
});

test("kv_unpack_q4 refuses to guess the format", () => {
  const call = callOf(new Uint8Array(36), "q4_0");
  for (const format of [0, 7, 2 ** 32 - 1]) {
    const unknown = (params: DataView) => params.setUint32(0, format, true);
    expect(kernel.code({ ...call, block: unknown })).toBe(KERNEL_CODES.INVALID_PARAMS);
  }
});

test("kv_unpack_q4 refuses dimensions whose product wraps in 32 or 64 bits", () => {
  for (const [rows, count] of [
    [2 ** 30 + 1, 4],
    [2 ** 32 - 1, 2 ** 32 - 1],
    [2 ** 31, 2 ** 28],
  ] as const) {
    const dims = (params: DataView) => {
      params.setUint32(4, rows, true);
      params.setUint32(8, count, true);
    };
    const call = callOf(new Uint8Array(80), "q4_1");
    expect(kernel.code({ ...call, block: dims })).toBe(KERNEL_CODES.INVALID_INPUT);
  }
});
