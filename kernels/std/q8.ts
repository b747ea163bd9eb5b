// Q8: one Q8_0 block, unpacked to 32 f32 and packed from them, byte for byte as GGML does it. How it
// rounds, and why, stands in kv_pack_q8, which packs whole tensors.

import { f16Bits, f16Value, fitsF16, inverseOf, isF16Beyond, largestIn } from "./block";
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
  const d: f32 = largestIn(values) / 127;
  if (!fitsF16(d)) return false;
  const inverse = inverseOf(d);
  store<u16>(block, <u16>f16Bits(d));
  v128.store(block, sixteenCodes(values, inverse), 2);
  v128.store(block, sixteenCodes(values + 64, inverse), 18);
  return true;
}

// @ts-ignore: decorator
@inline
function sixteenCodes(values: usize, inverse: v128): v128 {
  const low = i16x8.narrow_i32x4_s(fourCodes(values, inverse), fourCodes(values + 16, inverse));
  const high = i16x8.narrow_i32x4_s(fourCodes(values + 32, inverse), fourCodes(values + 48, inverse));
  return i8x16.narrow_i16x8_s(low, high);
}

// @ts-ignore: decorator
@inline
function fourCodes(values: usize, inverse: v128): v128 {
  const value = f32x4.mul(v128.load(values), inverse);
  const away = v128.or(v128.and(value, v128.load32_splat(SIGN)), v128.load32_splat(NEARLY_HALF));
  const magic = v128.load32_splat(MAGIC);
  return i32x4.sub(f32x4.add(f32x4.trunc(f32x4.add(value, away)), magic), magic);
}
