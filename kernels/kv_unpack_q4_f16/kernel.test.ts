import { describe, expect, test } from "vitest";
import { KERNEL_CODES } from "../../src/layout/mod.ts";
import { BLOCK_BYTES, unpackKiviKeys, unpackQ4 } from "../../src/reference/mod.ts";
import { type Call, randomFrom, TestedKernel } from "../testing.ts";
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

describe.each(FORMATS)("kv_unpack_q4_f16 in %s", (format, like) => {
  const bytes = BLOCK_BYTES[like];
  const isOfKeys = format !== like;
  const rows = isOfKeys ? 64 : 3;

  /** Blocks of any bytes, but for scales and minima that are numbers. */
  function blocks(count: number, seed: number): Uint8Array {
    const random = randomFrom(seed);
    return Uint8Array.from({ length: count * bytes }, (_, i) => {
      const place = i % bytes;
      const any = Math.floor(random() * 256);
      return place === 1 || (place === 3 && like !== "q4_0") ? any & 0xbf : any;
    });
  }

  const callOf = (packed: Uint8Array): Call => ({
    inputs: { packed },
    shapes: { packed: [rows, packed.length / rows / bytes, bytes] },
    params: { format },
  });

  /** What kv_unpack_q4 gives, rounded to f16, as bytes. */
  function judged(packed: Uint8Array): Uint8Array {
    const channels = (packed.length / rows / bytes) * 32;
    const x = isOfKeys
      ? unpackKiviKeys(packed, channels, like as "kivi_v")
      : unpackQ4(packed, like);
    return new Uint8Array(Float16Array.from(x!).buffer);
  }

  test.each([1, 2, 5])("gives the reference's bits for %i blocks a row of any bytes", (n) => {
    const packed = blocks(rows * n, n);
    expect(kernel.runBytes(callOf(packed))).toEqual(judged(packed));
  });

  test("refuses a scale of infinity or NaN in any block", () => {
    for (const bad of [0x7c00, 0xfc00, 0x7e00])
      for (let at = 0; at < rows; at++)
        for (const place of like === "q4_0" ? [0] : [0, 2]) {
          const packed = blocks(rows, 9);
          new DataView(packed.buffer).setUint16(at * bytes + place, bad, true);
          expect(kernel.code(callOf(packed))).toBe(KERNEL_CODES.INVALID_INPUT);
        }
  });

  test("gives the same bits wherever its tensors lie", () => {
    const call = callOf(blocks(rows * 3, 2));
    for (const shift of [4, 8, 12])
      expect(kernel.runBytes({ ...call, shift })).toEqual(kernel.runBytes(call));
  });

  test("refuses sizes that do not fit its dimensions", () => {
    const call = callOf(new Uint8Array(rows * 2 * bytes));
    const code = (descriptor: Call["descriptor"] & {}) => kernel.code({ ...call, descriptor });
    for (const input_a_size of [0, rows * 2 * bytes - 1]) expect(code({ input_a_size })).toBe(1);
    for (const output_size of [0, rows * 128 - 2]) expect(code({ output_size })).toBe(2);
    for (const params_size of [0, 12]) expect(code({ params_size })).toBe(3);
    for (const scratch_size of [0, 2044]) expect(code({ scratch_size })).toBe(4);
  });
});

test.each(["q4_0", "q4_1"] as const)(
  "kv_unpack_q4_f16 gives the reference's bits for every code and scale that is a number in %s",
  (format) => {
    const bytes = BLOCK_BYTES[format];
    const scales = Array.from({ length: 65536 }, (_, bits) => bits).filter(
      (bits) => (bits & 0x7c00) < 0x7c00,
    );
    const packed = new Uint8Array(scales.length * bytes);
    const view = new DataView(packed.buffer);
    scales.forEach((bits, at) => {
      const block = packed.subarray(at * bytes, (at + 1) * bytes);
      view.setUint16(at * bytes, bits, true);
      if (format === "q4_1")
        view.setUint16(at * bytes + 2, scales[(at * 7919) % scales.length]!, true);
      block.subarray(-16).forEach((_, j, codes) => (codes[j] = 16 * j + (15 - j)));
    });
    const call = {
      inputs: { packed },
      shapes: { packed: [1, scales.length, bytes] },
      params: { format },
    };
    const expected = Float16Array.from(unpackQ4(packed, format)!);
    expect(Buffer.compare(kernel.runBytes(call), new Uint8Array(expected.buffer))).toBe(0);
  },
);

test("kv_unpack_q4_f16 refuses to guess the format, and has nothing to do for no blocks", () => {
  const call: Call = {
    inputs: { packed: new Uint8Array(36) },
    shapes: { packed: [1, 2, 18] },
    params: { format: "q4_0" },
  };
  for (const format of [0, 7, 2 ** 32 - 1]) {
    const unknown = (params: DataView) => params.setUint32(0, format, true);
    expect(kernel.code({ ...call, block: unknown })).toBe(KERNEL_CODES.INVALID_PARAMS);
  }
  const none = { ...call, inputs: { packed: new Uint8Array(0) }, shapes: { packed: [0, 2, 18] } };
  expect(kernel.runBytes(none)).toEqual(new Uint8Array(0));
});
