import * as fc from "fast-check";
import { expect, test } from "vitest";

import {
  bf16ArrayToF32,
  bf16ToF32,
  f16ArrayToF32,
  f16ToF32,
  f32ArrayToBf16,
  f32ArrayToF16,
  f32ToBf16,
  f32ToF16,
} from "./half.ts";

const ALL_BITS = Uint16Array.from({ length: 65_536 }, (_, bits) => bits);
const isNaN16 = (bits: number): boolean => (bits & 0x7fff) > 0x7c00;
const isNaNb = (bits: number): boolean => (bits & 0x7fff) > 0x7f80;
const f16Bits = (array: Float16Array): Uint16Array => new Uint16Array(array.buffer);
const f32Bits = (array: Float32Array): Uint32Array => new Uint32Array(array.buffer);
const f32OfBits = (bits: readonly number[]): Float32Array =>
  new Float32Array(Uint32Array.from(bits).buffer);

const F16_GOLDEN: readonly (readonly [number, number])[] = [
  [65_504, 0x7bff],
  [65_519.996, 0x7bff],
  [65_520, 0x7c00],
  [-65_520, 0xfc00],
  [2 ** -24, 0x0001],
  [2 ** -25, 0x0000],
  [-(2 ** -25), 0x8000],
  [1.5 * 2 ** -25, 0x0001],
  [2 ** -14, 0x0400],
  [2 ** -14 - 2 ** -24, 0x03ff],
  [2 ** -14 - 2 ** -26, 0x0400], // Rounds out of the subnormals.
  [1 + 2 ** -11, 0x3c00],
  [1 + 3 * 2 ** -11, 0x3c02],
  [-0, 0x8000],
  [0, 0x0000],
  [Infinity, 0x7c00],
  [-Infinity, 0xfc00],
  [NaN, 0x7e00],
  [3.4e38, 0x7c00],
  [1e-45, 0x0000],
];

test.each(F16_GOLDEN)("f32ToF16(%f) is the golden 0x%x", (value, bits) => {
  expect(f32ToF16(value)).toBe(bits);
  expect(f16Bits(f32ArrayToF16(Float32Array.of(value)))[0]).toBe(bits);
});

const BF16_GOLDEN: readonly (readonly [number, number])[] = [
  [1 + 2 ** -8, 0x3f80],
  [1 + 3 * 2 ** -8, 0x3f82],
  [-0, 0x8000],
  [Infinity, 0x7f80],
  [3.4028234663852886e38, 0x7f80], // The largest f32 lies nearer to 2^128.
  [3.3895313892515355e38, 0x7f7f],
  [2 ** -133, 0x0001],
  [2 ** -134, 0x0000],
  [NaN, 0x7fc0],
];

test.each(BF16_GOLDEN)("f32ToBf16(%f) is the golden 0x%x", (value, bits) => {
  expect(f32ToBf16(value)).toBe(bits);
  expect(f32ArrayToBf16(Float32Array.of(value))[0]).toBe(bits);
});

test("f16ToF32() agrees with the engine's Float16Array on all 65,536 patterns", () => {
  const judge = new Float16Array(ALL_BITS.buffer);
  const wrong = ALL_BITS.filter((bits) => !Object.is(f16ToF32(bits), judge[bits]));
  expect([...wrong]).toEqual([]);
});

test("f16 to f32 and back is the identity on all 65,536 patterns, but that NaNs become quiet", () => {
  const back = f16Bits(f32ArrayToF16(f16ArrayToF32(new Float16Array(ALL_BITS.buffer))));
  const wrong = ALL_BITS.filter((bits) => back[bits] !== (isNaN16(bits) ? bits | 0x0200 : bits));
  expect([...wrong]).toEqual([]);
});

test("bf16 to f32 and back is the identity on all 65,536 patterns, but that NaNs become quiet", () => {
  const wide = bf16ArrayToF32(ALL_BITS);
  const back = f32ArrayToBf16(wide);
  const wrong = ALL_BITS.filter((bits) => back[bits] !== (isNaNb(bits) ? bits | 0x0040 : bits));
  expect([...wrong]).toEqual([]);
  expect(ALL_BITS.every((bits) => Object.is(bf16ToF32(bits), wide[bits]))).toBe(true);
  expect(f32Bits(wide)[0x3f80]).toBe(0x3f80_0000);
});

test("scalar and array forms give the same bits for every pattern that is a number", () => {
  const wide = f16ArrayToF32(new Float16Array(ALL_BITS.buffer));
  const wrong = ALL_BITS.filter(
    (bits) => !Number.isNaN(wide[bits]) && f32ToF16(wide[bits]!) !== bits,
  );
  expect([...wrong]).toEqual([]);
});

test("f32ToF16() rounds as the engine's f16 does, at every midpoint and one step beside it", () => {
  const wrong: number[] = [];
  for (let bits = 0; bits < 0x7c00; bits++) {
    const [low, high] = [f16ToF32(bits), bits === 0x7bff ? 65_536 : f16ToF32(bits + 1)];
    const middle = f32Bits(Float32Array.of((low + high) / 2))[0]!;
    for (const near of f32OfBits([middle - 1, middle, middle + 1])) {
      if (f32ToF16(near) !== f16Bits(Float16Array.of(near))[0]) wrong.push(near);
      if (f32ToF16(-near) !== f16Bits(Float16Array.of(-near))[0]) wrong.push(-near);
    }
  }
  expect(wrong).toEqual([]);
});

test("narrowing any f32 bits gives the nearest half, and never an infinity for a NaN", () => {
  const anyBits = fc.integer({ min: 0, max: 0xffff_ffff });
  fc.assert(
    fc.property(anyBits, (bits) => {
      const array = f32OfBits([bits]);
      const value = array[0]!;
      const half = f16Bits(f32ArrayToF16(array))[0]!;
      const brain = f32ArrayToBf16(array)[0]!;
      if (Number.isNaN(value)) {
        expect(half & 0x7e00).toBe(0x7e00);
        expect(brain & 0x7fc0).toBe(0x7fc0);
        expect([half >>> 15, brain >>> 15]).toEqual([bits >>> 31, bits >>> 31]);
      } else {
        expect(half).toBe(f16Bits(Float16Array.of(value))[0]);
        const error = Math.abs(bf16ToF32(brain) - value);
        for (const other of [brain - 1, brain + 1].map((b) => bf16ToF32(b & 0xffff))) {
          if (Number.isFinite(error + other))
            expect(error).toBeLessThanOrEqual(Math.abs(other - value));
        }
      }
    }),
    { numRuns: 20_000 },
  );
});

test("array forms read views that begin inside a shared buffer", () => {
  const shared = new SharedArrayBuffer(16);
  new Float32Array(shared, 4, 2).set([1, -2]);
  expect([...f32ArrayToF16(new Float32Array(shared, 4, 2))]).toEqual([1, -2]);
  expect([...f32ArrayToBf16(new Float32Array(shared, 4, 2))]).toEqual([0x3f80, 0xc000]);
});
