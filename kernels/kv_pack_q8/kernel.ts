// kv_pack_q8: f32 into blocks of 8-bit integers, byte for byte as GGML's Q8_0.
// In x f32[rows, blocks, 32]; out packed u8[rows, blocks, 34]. Judge: src/reference, every byte.
//
//   block: | d f16 | 32 codes i8 |        x is about d * code
//
// d = the largest magnitude / 127 in f32, stored as f16. Codes come from the d that is not yet rounded:
// x * (1 / d), to the nearest, halves away from 0. A block of zeros has d = 0 and codes of 0.
//
// NaN, infinity, and magnitudes from 127 * 65520 on, whose d is beyond f16, are INVALID_INPUT: one of
// them would spoil its whole block unseen. What is in the output then means nothing.
//
// Rounding. Adding the f32 just below 1/2, with the sign of x, and dropping the fraction rounds halves
// away from 0 and, unlike adding 1/2, leaves 0.49999997 at 0. Adding 1.5 * 2^23 moves the integer into
// the low bits.
//
// Versions: 1 constants loaded where they are used; 2 constants in registers, a third quicker (this one).

import {
  inputAOffset,
  inputASize,
  INVALID_INPUT,
  INVALID_OUTPUT,
  INVALID_PARAMS,
  OK,
  outputOffset,
  outputSize,
  paramsOffset,
  paramsSize,
} from "../../generated/abi.as";
import { dimBlocks, dimRows, PARAMS_BYTES } from "../../generated/kernels/kv_pack_q8.as";
import { BLOCK_F32, blocksIn, f16Bits, fitsF16, inverseOf, largestIn } from "../std/block";
import { packQ8Plainly } from "../std/scalar/blocks";

export { kernel_info } from "../../generated/kernels/kv_pack_q8.as";
export { kernel_backward, kernel_cleanup, kernel_init } from "../std/stateless";
export { forward as kernel_forward, forward as kv_pack_q8_forward };

const BLOCK: usize = 34; // Bytes of a packed block.

const SIGN = memory.data<u32>([0x80000000]);
const NEARLY_HALF = memory.data<f32>([0.49999997]);
const MAGIC = memory.data<f32>([12582912]); // 1.5 * 2^23.

function forward(desc: usize): i32 {
  if (paramsSize(desc) != PARAMS_BYTES) return INVALID_PARAMS;
  const params: usize = paramsOffset(desc);
  const blocks = blocksIn(dimRows(params), dimBlocks(params));
  if (<u64>inputASize(desc) != blocks * BLOCK_F32) return INVALID_INPUT;
  if (<u64>outputSize(desc) != blocks * BLOCK) return INVALID_OUTPUT;
  let x: usize = inputAOffset(desc);
  let packed: usize = outputOffset(desc);
  const end = x + inputASize(desc);
  if (x == end) return OK;
  if (!ASC_FEATURE_SIMD) return packPlainly(x, end, packed);
  const sign = v128.load32_splat(SIGN);
  const half = v128.load32_splat(NEARLY_HALF);
  const magic = v128.load32_splat(MAGIC);
  do {
    const d: f32 = largestIn(x) / 127;
    if (!fitsF16(d)) return INVALID_INPUT;
    const inverse = inverseOf(d);
    store<u16>(packed, <u16>f16Bits(d));
    v128.store(packed, sixteenCodes(x, inverse, sign, half, magic), 2);
    v128.store(packed, sixteenCodes(x + 64, inverse, sign, half, magic), 18);
    x += BLOCK_F32;
    packed += BLOCK;
  } while (x != end);
  return OK;
}

function packPlainly(x: usize, end: usize, packed: usize): i32 {
  do {
    if (!packQ8Plainly(packed, x)) return INVALID_INPUT;
    x += BLOCK_F32;
    packed += BLOCK;
  } while (x != end);
  return OK;
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
