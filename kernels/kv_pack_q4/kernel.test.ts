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

function callOf(x: Float32Array, format: Q4Format, rows = 1): Call {
  const shapes = { x: [rows, x.length / 32 / rows, 32] };
  const dims = { block_bytes: BLOCK_BYTES[format] };
  return { inputs: { x }, shapes, dims, params: { format } };
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const block = (value: (i: number) => number) =>
  Float32Array.from({ length: 32 }, (_, i) => value(i));

/** The largest code, but for q4_0, whose codes have a sign. */
const MOST = { q4_0: 8, q4_1: 15, kivi_v: 15, kivi_v2: 3 } as const;

const GOLDEN = {
  q4_0: "c03f 8091 91a2 a2b3 b3c4 c4d5 d5e6 e6f7 f7f8",
  q4_1: "2240 c0cb 8080 9191 a2a2 b3b3 c4c4 d5d5 e6e6 f7f7",
  kivi_v: "2240 c0cb 0011 2233 4455 6677 8899 aabb ccdd eeff",
  kivi_v2: "2b49 c0cb 0050 5555 aaaa faff",
};

describe.each(["q4_0", "q4_1", "kivi_v", "kivi_v2"] as const)("kv_pack_q4 in %s", (format) => {
  const bytes = BLOCK_BYTES[format];
  const run = (x: Float32Array) => kernel.runBytes(callOf(x, format));
  const code = (x: Float32Array) => kernel.code(callOf(x, format));

  test("gives the golden bytes", () => {
    expect(hex(run(block((j) => j - 15.5)))).toBe(GOLDEN[format].replaceAll(" ", ""));
  });

  test.each([1, 2, 3, 5, 64])("gives the reference's bytes for %i blocks", (n) => {
    for (const scale of [1e-30, 1e-9, 1e-5, 3e-4, 1, 300, 1e4]) {
      const x = normals(32 * n, n, scale);
      expect(run(x)).toEqual(packQ4(x, format));
    }
  });

  test("gives the reference's bytes where values meet, tie and are whole steps", () => {
    const random = randomFrom(5);
    for (let i = 0; i < 100; i++) {
      const step = 2 ** Math.floor(random() * 12 - 8);
      const x = block(() => step * Math.floor(random() * 17 - 8) * (i % 3 === 0 ? 0.5 : 1));
      expect(run(x)).toEqual(packQ4(x, format));
    }
  });

  test("gives the reference's bytes for one-sided and constant blocks, and either sign of 0", () => {
    const random = randomFrom(6);
    const zero = () => (random() < 0.5 ? 0 : -0);
    for (let i = 0; i < 40; i++)
      for (const x of [
        block(() => Math.max(zero(), Math.fround(random() - 0.5))),
        block(() => Math.min(zero(), Math.fround(random() - 0.5))),
        block(() => -i / 7),
        block(zero),
      ])
        expect(run(x)).toEqual(packQ4(x, format));
  });

  test("gives the reference's bytes with an outlier at every place", () => {
    const x = normals(32, 8);
    for (let i = 0; i < 32; i++)
      for (const value of [900, -900, 1e-9]) {
        const spoilt = x.with(i, value);
        expect(run(spoilt)).toEqual(packQ4(spoilt, format));
      }
  });

  test("has codes for blocks whose scale is too small for f16 or for a reciprocal", () => {
    for (const tiny of [1e-12, 1e-37, 2e-38, 1e-44, 1e-45]) {
      const x = block((i) => (i % 3 === 0 ? tiny : -tiny));
      expect(run(x)).toEqual(packQ4(x, format));
    }
  });

  test("keeps its scale where f16 is subnormal, where upstream flushes it to 0", () => {
    const x = block((i) => (i - 16) * 2 ** -23);
    const packed = run(x);
    expect(packed).toEqual(packQ4(x, format));
    expect((packed[0]! + 256 * packed[1]!) & 0x7fff).toBe(format === "kivi_v2" ? 21 : 4);
  });

  test("does not clamp negatives to 0, where upstream's three tiers do", () => {
    const x = block((i) => (i % 2 === 0 ? 1 : -1));
    const back = unpackQ4(run(x), format)!;
    for (let i = 1; i < 32; i += 2) expect(back[i]!).toBeLessThan(-0.8);
  });

  test(`is ${bytes} bytes for 32 values, where upstream keeps them as f32`, () => {
    expect(run(new Float32Array(128)).length).toBe(4 * bytes);
  });

  test("errs by at most half a step, and what its f16 rounds or clips away", () => {
    for (const scale of [0.02, 1, 50]) {
      const x = normals(32 * 40, 7, scale);
      const back = unpackQ4(run(x), format)!;
      for (let at = 0; at < x.length; at += 32) {
        const values = x.subarray(at, at + 32);
        const largest = Math.max(...values.map(Math.abs));
        const step =
          (format === "q4_0" ? largest : Math.max(...values) - Math.min(...values)) / MOST[format];
        const first = values.find((value) => Math.abs(value) === largest)!;
        values.forEach((value, i) => {
          const isClipped = format === "q4_0" && value / -first > 7.5 / 8;
          const bound = step * (isClipped ? 1 : 0.5) + largest * 2 ** -9;
          expect(Math.abs(back[at + i]! - value)).toBeLessThanOrEqual(bound);
        });
      }
    }
  });

  test("refuses NaN and infinity at every place", () => {
    for (const bad of [NaN, Infinity, -Infinity])
      for (let i = 0; i < 64; i++)
        expect(code(normals(64, 1).with(i, bad))).toBe(KERNEL_CODES.INVALID_INPUT);
  });

  test("refuses values whose scale or minimum f16 cannot hold", () => {
    const limit = MOST[format] * 65520;
    const below = new Float32Array(32).with(9, limit - 1);
    expect(run(below)).toEqual(packQ4(below, format));
    for (const value of [limit, 3.4e38, -3.4e38])
      expect(code(new Float32Array(32).with(9, value))).toBe(KERNEL_CODES.INVALID_INPUT);
    const spread = new Float32Array(32).fill(3.4e38).with(3, -3.4e38);
    expect(code(spread)).toBe(KERNEL_CODES.INVALID_INPUT);
  });

  test("gives the same bytes wherever its tensors lie, and however they are shaped", () => {
    const x = normals(32 * 12, 2);
    for (const shift of [4, 8, 12])
      expect(kernel.runBytes({ ...callOf(x, format), shift })).toEqual(run(x));
    expect(kernel.runBytes(callOf(x, format, 4))).toEqual(run(x));
  });

  test("has nothing to do for no blocks", () => {
    expect(run(new Float32Array(0))).toEqual(new Uint8Array(0));
  });

  test("refuses part of a block, and sizes that do not fit its dimensions", () => {
    const call = callOf(new Float32Array(128), format, 2);
    for (const input_a_size of [0, 384, 508, 516])
      expect(kernel.code({ ...call, descriptor: { input_a_size } })).toBe(1);
    for (const output_size of [0, 3 * bytes, 4 * bytes - 1, 4 * bytes + 1])
      expect(kernel.code({ ...call, descriptor: { output_size } })).toBe(2);
    for (const params_size of [0, 12, 20])
      expect(kernel.code({ ...call, descriptor: { params_size } })).toBe(3);
    for (const scratch_size of [0, 2044])
      expect(kernel.code({ ...call, descriptor: { scratch_size } })).toBe(4);
    for (const block_bytes of [0, bytes - 1, 36, 2 ** 32 - 1]) {
      const dims = (params: DataView) => params.setUint32(12, block_bytes, true);
      expect(kernel.code({ ...call, block: dims })).toBe(KERNEL_CODES.INVALID_OUTPUT);
    }
  });
});

const KEYS = [
  ["kivi_k", "kivi_v"],
  ["kivi_k2", "kivi_v2"],
] as const;

describe.each(KEYS)("kv_pack_q4 in %s", (format, like) => {
  const keysOf = (x: Float32Array, channels: number): Call => ({
    inputs: { x },
    shapes: { x: [x.length / channels, channels / 32, 32] },
    dims: { block_bytes: BLOCK_BYTES[like] },
    params: { format },
  });

  test.each([
    [32, 32],
    [32, 128],
    [64, 32],
    [96, 64],
  ])("gives the reference's bytes for %i rows of %i channels", (rows, channels) => {
    const random = randomFrom(rows);
    for (const scale of [1e-30, 1e-5, 1, 300, 1e4]) {
      const x = normals(rows * channels, channels, scale);
      expect(kernel.runBytes(keysOf(x, channels))).toEqual(packKiviKeys(x, channels, like));
      const steps = x.map((value) => Math.round(random() * 8) * (value > 0 ? 1 : 0.5));
      expect(kernel.runBytes(keysOf(steps, channels))).toEqual(packKiviKeys(steps, channels, like));
    }
  });

  test("keeps a large channel from spoiling its neighbours", () => {
    const plain = normals(32 * 32, 5);
    const x = plain.map((value, i) => (i % 32 === 7 ? 1000 + value : value));
    const back = unpackKiviKeys(kernel.runBytes(keysOf(x, 32)), 32, like)!;
    const bound = format === "kivi_k" ? 0.6 : 1.5;
    for (const [i, value] of x.entries()) expect(Math.abs(back[i]! - value)).toBeLessThan(bound);
  });

  test("refuses NaN, infinity and what f16 cannot hold at every place", () => {
    for (const bad of [NaN, Infinity, -Infinity, 1e6, -1e6])
      for (let i = 0; i < 1024; i += 7)
        expect(kernel.code(keysOf(normals(1024, 1).with(i, bad), 32))).toBe(1);
  });

  test("refuses rows that fill no group of 32", () => {
    for (const rows of [1, 31, 33, 63])
      expect(kernel.code(keysOf(new Float32Array(rows * 64), 64))).toBe(KERNEL_CODES.INVALID_INPUT);
  });
});

test("kv_pack_q4 in kivi_v2 puts the code of the first of four values into the lowest bits", () => {
  const x = block((i) => (i === 31 ? 3 : i % 4)); // A step of 1, from 0.
  expect(hex(kernel.runBytes(callOf(x, "kivi_v2")))).toBe(`003c0000${"e4".repeat(8)}`);
});

test("kv_pack_q4 in KIVI gives a constant block codes of 0, where KIVI's own code divides by 0", () => {
  for (const format of ["kivi_v", "kivi_v2"] as const)
    for (const value of [0, 3, -2000]) {
      const packed = kernel.runBytes(callOf(new Float32Array(32).fill(value), format));
      expect(new Set(packed.subarray(4))).toEqual(new Set([0]));
      expect(unpackQ4(packed, format)).toEqual(new Float32Array(32).fill(value));
    }
});

test("kv_pack_q4 in kivi_v takes each block's steps from its own values, where upstream takes keys'", () => {
  const [keys, values] = [normals(32, 1), normals(32, 2, 100)];
  const x = Float32Array.from([...keys, ...values]);
  const back = unpackQ4(kernel.runBytes(callOf(x, "kivi_v")), "kivi_v")!;
  for (const [i, value] of values.entries()) {
    expect(Math.abs(back[32 + i]! - value)).toBeLessThan(20); // Half a step; the keys' codes end at 2.
  }
});

test("kv_pack_q4 in q4_0 gives the first of two opposite extremes its full range", () => {
  const x = new Float32Array(32).with(4, 8).with(20, -8);
  for (const sign of [1, -1]) {
    const packed = kernel.runBytes(
      callOf(
        x.map((value) => sign * value),
        "q4_0",
      ),
    );
    const back = unpackQ4(packed, "q4_0")!;
    expect([back[4], back[20]]).toEqual([sign * 8, sign * -7]);
  }
});

test("kv_pack_q4 puts values j and j + 16 into one byte, where upstream puts neighbours", () => {
  const x = block((i) => (i === 0 ? -8 : i === 16 ? 7 : 0));
  expect(kernel.runBytes(callOf(x, "q4_0"))[2]).toBe(0xf0);
});

test("kv_pack_q4 refuses to guess the format", () => {
  const call = callOf(new Float32Array(64), "q4_0");
  for (const format of [0, 7, 2 ** 32 - 1]) {
    const unknown = (params: DataView) => params.setUint32(0, format, true);
    expect(kernel.code({ ...call, block: unknown })).toBe(KERNEL_CODES.INVALID_PARAMS);
  }
});

test("kv_pack_q4 refuses dimensions whose product wraps in 32 or 64 bits", () => {
  for (const [rows, blocks] of [
    [2 ** 30 + 1, 4],
    [2 ** 32 - 1, 2 ** 32 - 1],
    [2 ** 31, 2 ** 28],
  ] as const) {
    const dims = (params: DataView) => {
      params.setUint32(4, rows, true);
      params.setUint32(8, blocks, true);
    };
    const call = callOf(new Float32Array(128), "q4_1");
    expect(kernel.code({ ...call, block: dims })).toBe(KERNEL_CODES.INVALID_INPUT);
  }
});
