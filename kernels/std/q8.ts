// Q8: Q8_0 blocks, packed from 32 f32 and unpacked to them, byte for byte as GGML does it.
//
//   block: | d f16 | 32 codes i8 |        x is about d * code
//
// d = the largest magnitude / 127 in f32, stored as f16. Codes come from the d that is not yet rounded:
// x * (1 / d), to the nearest, halves away from 0. A block of zeros has d = 0 and codes of 0.
//
// Rounding. Adding the f32 just below 1/2, with the sign of x, and dropping the fraction rounds halves
// away from 0 and, unlike adding 1/2, leaves 0.49999997 at 0. Adding 1.5 * 2^23 moves the integer into
// the low bits.

import { BLOCK_F32, f16Bits, f16Value, fitsF16, inverseOf, isF16Beyond, largestIn } from "./block";
import { packQ8Plainly, unpackQ8Plainly } from "./scalar/blocks";

export const BLOCK_BYTES: u32 = 34;

const SIGN = memory.data<u32>([0x80000000]);
const NEARLY_HALF = memory.data<f32>([0.49999997]);
const MAGIC = memory.data<f32>([12582912]); // 1.5 * 2^23.

/** False when the block's scale is no number. */
// @ts-ignore: decorator
@inline
export function unpackQ8(values: usize, block: usize): bool {
  if (!ASC_FEATURE_SIMD) return unpackQ8Plainly(values, block);
  const scale = <u32>load<u16>(block);
  if (isF16Beyond(scale)) return false;
  const d = f32x4.splat(f16Value(scale));
  eight(values, v128.load8x8_s(block, 2), d);
  eight(values + 32, v128.load8x8_s(block, 10), d);
  eight(values + 64, v128.load8x8_s(block, 18), d);
  eight(values + 96, v128.load8x8_s(block, 26), d);
  return true;
}

// @ts-ignore: decorator
@inline
function eight(values: usize, codes: v128, d: v128): void {
  v128.store(values, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(codes)), d));
  v128.store(values, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(codes)), d), 16);
}

/** False when a value is no number, or f16 cannot hold the scale. */
// @ts-ignore: decorator
@inline
export function packQ8(block: usize, values: usize): bool {
  if (!ASC_FEATURE_SIMD) return packQ8Plainly(block, values);
  const sign = v128.load32_splat(SIGN);
  return packQ8With(block, values, sign, v128.load32_splat(NEARLY_HALF), v128.load32_splat(MAGIC));
}

/** Packs blocks from `x` to `end`, as f32, with its constants in registers. False as `packQ8` is. */
export function packAllQ8(x: usize, end: usize, packed: usize): bool {
  if (!ASC_FEATURE_SIMD) return packAllPlainly(x, end, packed);
  const sign = v128.load32_splat(SIGN);
  const half = v128.load32_splat(NEARLY_HALF);
  const magic = v128.load32_splat(MAGIC);
  for (; x != end; x += BLOCK_F32) {
    if (!packQ8With(packed, x, sign, half, magic)) return false;
    packed += BLOCK_BYTES;
  }
  return true;
}

function packAllPlainly(x: usize, end: usize, packed: usize): bool {
  for (; x != end; x += BLOCK_F32) {
    if (!packQ8Plainly(packed, x)) return false;
    packed += BLOCK_BYTES;
  }
  return true;
}

// @ts-ignore: decorator
@inline
function packQ8With(block: usize, values: usize, sign: v128, half: v128, magic: v128): bool {
  const d: f32 = largestIn(values) / 127;
  if (!fitsF16(d)) return false;
  const inverse = inverseOf(d);
  store<u16>(block, <u16>f16Bits(d));
  v128.store(block, sixteenCodes(values, inverse, sign, half, magic), 2);
  v128.store(block, sixteenCodes(values + 64, inverse, sign, half, magic), 18);
  return true;
}

// @ts-ignore: decorator
@inline
function sixteenCodes(x: usize, inverse: v128, sign: v128, half: v128, magic: v128): v128 {
  const a = fourCodes(x, inverse, sign, half, magic);
  const b = fourCodes(x + 16, inverse, sign, half, magic);
  const c = fourCodes(x + 32, inverse, sign, half, magic);
  const d = fourCodes(x + 48, inverse, sign, half, magic);
  return i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d));
}

// @ts-ignore: decorator
@inline
function fourCodes(x: usize, inverse: v128, sign: v128, half: v128, magic: v128): v128 {
  const value = f32x4.mul(v128.load(x), inverse);
  const away = v128.or(v128.and(value, sign), half);
  return i32x4.sub(f32x4.add(f32x4.trunc(f32x4.add(value, away)), magic), magic);
}
