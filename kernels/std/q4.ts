// Q4: blocks of 4-bit codes, byte for byte as GGML's Q4_0 and Q4_1, packed from f32 or f16 and unpacked
// to them. `T` is f32, or u16 for f16, of which a block is widened in `wide`, 128 bytes, to be packed; to
// be unpacked only without SIMD, else as std/half-codes.ts says.
//
//   q4_0: | d f16 |         | 16 bytes of codes |     x is about (code - 8) * d
//   q4_1: | d f16 | min f16 | 16 bytes of codes |     x is about code * d + min
//
// Byte j holds the code of value j in its low half and that of value j + 16 in its high half.
//
// q4_0: d = m / -8, where m is the first of the values with the largest magnitude, with its sign; the
// opposite of m is therefore clipped to 7/8. Codes are x * (1 / d) + 8.5 without its fraction, at most
// 15. Zeros have d = -0 and codes of 8. q4_1: d = (max - min) / 15 and codes (x - min) * (1 / d) + 0.5
// without its fraction, at most 15. Both take codes from what is not yet rounded to f16.
//
// Speed. Codes stay f32 until two make a byte: low + 16 * high is exact, and one addition of 1.5 * 2^23
// then moves both into the low bits. Constants stay in registers.

import { INVALID_INPUT, OK } from "../../generated/abi.as";
import {
  f16Bits,
  f16Value,
  firstOf,
  fitsF16,
  greatestIn,
  inverseOf,
  isF16Beyond,
  largestIn,
  leastIn,
} from "./block";
import { highHalves, lowHalves, moved16, scaled16 } from "./codes";
import { unpackHalves0, unpackHalves1 } from "./half-codes";
import { narrowBlock, widenBlock } from "./half-rows";
import {
  packQ40Plainly,
  packQ41Plainly,
  unpackQ40Plainly,
  unpackQ41Plainly,
} from "./scalar/blocks";

/** Bytes of a packed block. */
// @ts-ignore: decorator
@inline
export const Q4_0: u32 = 18;
// @ts-ignore: decorator
@inline
export const Q4_1: u32 = 20;

const MAGIC = memory.data<f32>([12582912]); // 1.5 * 2^23.
const FIFTEEN = memory.data<f32>([15]);
const SIXTEEN = memory.data<f32>([16]);

/** Where the 32 values at `x` lie as f32. */
// @ts-ignore: decorator
@inline
export function wideBlock<T>(x: usize, wide: usize): usize {
  if (sizeof<T>() != 2) return x;
  widenBlock(wide, x);
  return wide;
}

/** Packs blocks as Q4_0, from `x` to `end`, which are not the same. */
export function packAll0<T>(x: usize, end: usize, packed: usize, wide: usize): i32 {
  if (!ASC_FEATURE_SIMD) return packPlainly<T>(x, end, packed, wide, Q4_0);
  const sixteen = v128.load32_splat(SIXTEEN);
  const fifteen = v128.load32_splat(FIFTEEN);
  const magic = v128.load32_splat(MAGIC);
  const bias = f32x4.splat(8.5);
  const none = f32x4.splat(0);
  do {
    const block = wideBlock<T>(x, wide);
    const largest = largestIn(block);
    if (!fitsF16(largest / 8)) return INVALID_INPUT;
    const d: f32 = (firstOf(block, largest) + 0) / -8; // Adding 0 leaves no -0.
    store<u16>(packed, <u16>f16Bits(d));
    v128.store(packed, codes(block, none, inverseOf(d), bias, fifteen, sixteen, magic), 2);
    x += 32 * sizeof<T>();
    packed += Q4_0;
  } while (x != end);
  return OK;
}

/** Packs blocks as Q4_1, from `x` to `end`, which are not the same. */
export function packAll1<T>(x: usize, end: usize, packed: usize, wide: usize): i32 {
  if (!ASC_FEATURE_SIMD) return packPlainly<T>(x, end, packed, wide, Q4_1);
  const sixteen = v128.load32_splat(SIXTEEN);
  const fifteen = v128.load32_splat(FIFTEEN);
  const magic = v128.load32_splat(MAGIC);
  const bias = f32x4.splat(0.5);
  do {
    const block = wideBlock<T>(x, wide);
    if (!(largestIn(block) < Infinity)) return INVALID_INPUT;
    let least = leastIn(block);
    const d: f32 = abs(greatestIn(block) - least) / 15;
    if (least == 0) least = firstOf(block, 0); // Which of the zeros, f16 can tell.
    if (!fitsF16(d) || !fitsF16(least)) return INVALID_INPUT;
    store<u16>(packed, <u16>f16Bits(d));
    store<u16>(packed, <u16>f16Bits(least), 2);
    const bytes = codes(block, f32x4.splat(least), inverseOf(d), bias, fifteen, sixteen, magic);
    v128.store(packed, bytes, 4);
    x += 32 * sizeof<T>();
    packed += Q4_1;
  } while (x != end);
  return OK;
}

function packPlainly<T>(x: usize, end: usize, packed: usize, wide: usize, bytes: u32): i32 {
  do {
    const block = wideBlock<T>(x, wide);
    const isPacked = bytes == Q4_0 ? packQ40Plainly(packed, block) : packQ41Plainly(packed, block);
    if (!isPacked) return INVALID_INPUT;
    x += 32 * sizeof<T>();
    packed += bytes;
  } while (x != end);
  return OK;
}

/** The 16 bytes of a block's codes: (x - from) * inverse + bias without its fraction, at most 15. */
// @ts-ignore: decorator
@inline
function codes(
  x: usize,
  from: v128,
  inverse: v128,
  bias: v128,
  fifteen: v128,
  sixteen: v128,
  magic: v128,
): v128 {
  const a = fourBytes(x, from, inverse, bias, fifteen, sixteen, magic);
  const b = fourBytes(x + 16, from, inverse, bias, fifteen, sixteen, magic);
  const c = fourBytes(x + 32, from, inverse, bias, fifteen, sixteen, magic);
  const d = fourBytes(x + 48, from, inverse, bias, fifteen, sixteen, magic);
  return i8x16.narrow_i16x8_u(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d));
}

/** The codes of four values and of the four that lie 16 further, in the low byte of each lane. */
// @ts-ignore: decorator
@inline
function fourBytes(
  x: usize,
  from: v128,
  inverse: v128,
  bias: v128,
  fifteen: v128,
  sixteen: v128,
  magic: v128,
): v128 {
  const low = fourCodes(x, from, inverse, bias, fifteen);
  const high = fourCodes(x + 64, from, inverse, bias, fifteen);
  const both = f32x4.add(low, f32x4.mul(high, sixteen));
  return i32x4.sub(f32x4.add(both, magic), magic);
}

// @ts-ignore: decorator
@inline
function fourCodes(x: usize, from: v128, inverse: v128, bias: v128, fifteen: v128): v128 {
  const scaled = f32x4.mul(f32x4.sub(v128.load(x), from), inverse);
  return f32x4.pmin(f32x4.trunc(f32x4.add(scaled, bias)), fifteen);
}

/** Unpacks blocks of Q4_0, two per turn. */
export function unpackAll0<T>(packed: usize, x: usize, blocks: usize, wide: usize): i32 {
  const end = packed + (blocks & ~1) * Q4_0;
  while (packed != end) {
    if (!unpackTo0<T>(packed, x, wide)) return INVALID_INPUT;
    if (!unpackTo0<T>(packed + Q4_0, x + 32 * sizeof<T>(), wide)) return INVALID_INPUT;
    packed += 2 * Q4_0;
    x += 64 * sizeof<T>();
  }
  return blocks & 1 && !unpackTo0<T>(packed, x, wide) ? INVALID_INPUT : OK;
}

/** Unpacks blocks of Q4_1, two per turn. */
export function unpackAll1<T>(packed: usize, x: usize, blocks: usize, wide: usize): i32 {
  const end = packed + (blocks & ~1) * Q4_1;
  while (packed != end) {
    if (!unpackTo1<T>(packed, x, wide)) return INVALID_INPUT;
    if (!unpackTo1<T>(packed + Q4_1, x + 32 * sizeof<T>(), wide)) return INVALID_INPUT;
    packed += 2 * Q4_1;
    x += 64 * sizeof<T>();
  }
  return blocks & 1 && !unpackTo1<T>(packed, x, wide) ? INVALID_INPUT : OK;
}

// @ts-ignore: decorator
@inline
function unpackTo0<T>(packed: usize, x: usize, wide: usize): bool {
  if (sizeof<T>() != 2) return unpackOne0(packed, x);
  if (ASC_FEATURE_SIMD) return unpackHalves0(packed, x);
  if (!unpackOne0(packed, wide)) return false;
  narrowBlock(x, wide);
  return true;
}

// @ts-ignore: decorator
@inline
function unpackTo1<T>(packed: usize, x: usize, wide: usize): bool {
  if (sizeof<T>() != 2) return unpackOne1(packed, x);
  if (ASC_FEATURE_SIMD) return unpackHalves1(packed, x);
  if (!unpackOne1(packed, wide)) return false;
  narrowBlock(x, wide);
  return true;
}

/** False when the block's scale is no number. */
// @ts-ignore: decorator
@inline
function unpackOne0(packed: usize, x: usize): bool {
  if (!ASC_FEATURE_SIMD) return unpackQ40Plainly(packed, x);
  const scale = <u32>load<u16>(packed);
  if (isF16Beyond(scale)) return false;
  const d = f32x4.splat(f16Value(scale));
  const codes = v128.load(packed, 2);
  const eight = i8x16.splat(8);
  scaled16(i8x16.sub(lowHalves(codes), eight), x, d);
  scaled16(i8x16.sub(highHalves(codes), eight), x + 64, d);
  return true;
}

/** False when the block's scale or least value is no number. */
// @ts-ignore: decorator
@inline
function unpackOne1(packed: usize, x: usize): bool {
  if (!ASC_FEATURE_SIMD) return unpackQ41Plainly(packed, x);
  const scale = <u32>load<u16>(packed);
  const least = <u32>load<u16>(packed, 2);
  if (isF16Beyond(scale) || isF16Beyond(least)) return false;
  const d = f32x4.splat(f16Value(scale));
  const from = f32x4.splat(f16Value(least));
  const codes = v128.load(packed, 4);
  moved16(lowHalves(codes), x, d, from);
  moved16(highHalves(codes), x + 64, d, from);
  return true;
}
