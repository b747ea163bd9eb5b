// Half codes: blocks of 8- and 4-bit codes unpacked straight to f16.
//
// Code times scale. An f16's magnitude moved up by 13 bits is an f32 that is 2^112 times too small, a
// subnormal one where the f16 is. A code times that is exact: 8 bits times 11. Moved back down by 13 bits
// it is the f16, subnormal or not, after one rounding of integers to nearest, ties to even: a carry runs
// into the exponent, as it should. What is too large saturates and stops at infinity. Signs are apart.
//
// Of 4-bit codes a block has 16 values at most: they are computed once, and looked up byte by byte.

import { f16Value, isF16Beyond } from "./block";
import { highHalves, lowHalves } from "./codes";
import { narrowEight } from "./half";

/** Half of the last kept bit, less one; that bit; infinity of f16 and its sign, in pairs. */
const ROUNDING = memory.data<u32>([0x0fff, 1, 0x7c007c00, 0x80008000]);

/** Magnitudes of the codes -8 to 7, and the codes 0 to 15. */
const OF_EIGHTS = memory.data<f32>([8, 7, 6, 5, 4, 3, 2, 1, 0, 1, 2, 3, 4, 5, 6, 7]);
const CODES = memory.data<f32>([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);

/** Unpacks blocks of Q8_0. False when a block's scale is no number. */
export function unpackHalvesQ8(packed: usize, end: usize, x: usize): bool {
  const half = v128.load32_splat(ROUNDING);
  const one = v128.load32_splat(ROUNDING, 4);
  const most = v128.load32_splat(ROUNDING, 8);
  const signs = v128.load32_splat(ROUNDING, 12);
  for (; packed != end; packed += 34) {
    const scale = <u32>load<u16>(packed);
    if (isF16Beyond(scale)) return false;
    const d = i32x4.splat((scale & 0x7fff) << 13);
    const sign = i16x8.splat(<i16>scale);
    v128.store(x, eight(v128.load8x8_s(packed, 2), d, sign, half, one, most, signs));
    v128.store(x, eight(v128.load8x8_s(packed, 10), d, sign, half, one, most, signs), 16);
    v128.store(x, eight(v128.load8x8_s(packed, 18), d, sign, half, one, most, signs), 32);
    v128.store(x, eight(v128.load8x8_s(packed, 26), d, sign, half, one, most, signs), 48);
    x += 64;
  }
  return true;
}

// @ts-ignore: decorator
@inline
function eight(
  codes: v128,
  d: v128,
  sign: v128,
  half: v128,
  one: v128,
  most: v128,
  signs: v128,
): v128 {
  const plain = i16x8.abs(codes);
  const low = f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(plain)), d);
  const high = f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(plain)), d);
  const bits = i16x8.narrow_i32x4_s(moved(low, half, one), moved(high, half, one));
  return v128.or(i16x8.min_s(bits, most), v128.and(v128.xor(codes, sign), signs));
}

/** Moves magnitudes down by 13 bits, to the nearest. */
// @ts-ignore: decorator
@inline
function moved(rest: v128, half: v128, one: v128): v128 {
  const last = v128.and(i32x4.shr_u(rest, 13), one);
  return i32x4.shr_u(i32x4.add(i32x4.add(rest, half), last), 13);
}

/** Unpacks a block of Q4_0. False when its scale is no number. */
// @ts-ignore: decorator
@inline
export function unpackHalves0(packed: usize, x: usize): bool {
  const scale = <u32>load<u16>(packed);
  if (isF16Beyond(scale)) return false;
  const d = i32x4.splat((scale & 0x7fff) << 13);
  const signs = v128.load32_splat(ROUNDING, 12);
  const sign = v128.and(i16x8.splat(<i16>scale), signs);
  const below = v128.or(timesEights(d, 0), v128.xor(sign, signs)); // Of codes that count below 0.
  const above = v128.or(timesEights(d, 32), sign);
  lookUp(v128.load(packed, 2), x, below, above);
  return true;
}

/** `d` times eight of the magnitudes, from the byte `from` on. */
// @ts-ignore: decorator
@inline
function timesEights(d: v128, from: usize): v128 {
  const half = v128.load32_splat(ROUNDING);
  const one = v128.load32_splat(ROUNDING, 4);
  const low = moved(f32x4.mul(v128.load(OF_EIGHTS + from), d), half, one);
  const high = moved(f32x4.mul(v128.load(OF_EIGHTS + from, 16), d), half, one);
  return i16x8.min_s(i16x8.narrow_i32x4_s(low, high), v128.load32_splat(ROUNDING, 8));
}

/** Unpacks a block of Q4_1. False when its scale or least value is no number. */
// @ts-ignore: decorator
@inline
export function unpackHalves1(packed: usize, x: usize): bool {
  const scale = <u32>load<u16>(packed);
  const least = <u32>load<u16>(packed, 2);
  if (isF16Beyond(scale) || isF16Beyond(least)) return false;
  const d = f32x4.splat(f16Value(scale));
  const from = f32x4.splat(f16Value(least));
  const low = narrowEight(stepsOf(0, d, from), stepsOf(16, d, from));
  const high = narrowEight(stepsOf(32, d, from), stepsOf(48, d, from));
  lookUp(v128.load(packed, 4), x, low, high);
  return true;
}

// @ts-ignore: decorator
@inline
function stepsOf(at: usize, d: v128, from: v128): v128 {
  return f32x4.add(f32x4.mul(v128.load(CODES + at), d), from);
}

/** Stores the 32 values whose codes are in `bytes`, of the 16 that `low` and `high` hold. */
// @ts-ignore: decorator
@inline
function lookUp(bytes: v128, x: usize, low: v128, high: v128): void {
  const lower = i8x16.shuffle(low, high, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  const upper = i8x16.shuffle(low, high, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
  sixteen(lowHalves(bytes), x, lower, upper);
  sixteen(highHalves(bytes), x + 32, lower, upper);
}

// @ts-ignore: decorator
@inline
function sixteen(codes: v128, x: usize, lower: v128, upper: v128): void {
  const a = i8x16.swizzle(lower, codes);
  const b = i8x16.swizzle(upper, codes);
  v128.store(x, i8x16.shuffle(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23));
  v128.store(
    x,
    i8x16.shuffle(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31),
    16,
  );
}
