// kv_unpack_q8_f16: blocks of 8-bit integers into f16: what kv_unpack_q8 gives, rounded to nearest.
// In packed u8[rows, blocks, 34]; out x f16[rows, blocks, 32]. Judge: the reference, every bit.
//
// A value from 65520 on is infinity, as rounding has it. Of what was packed from f16 that is 65504 alone,
// whose scale was rounded up. A block whose scale is infinity or NaN is INVALID_INPUT.
// Versions: 1 a block unpacked into scratch, as still without SIMD; 2 straight to f16 (this one).

import {
  inputAOffset,
  inputASize,
  INVALID_INPUT,
  INVALID_OUTPUT,
  INVALID_PARAMS,
  OK,
  OUT_OF_MEMORY,
  outputOffset,
  outputSize,
  paramsOffset,
  paramsSize,
  scratchOffset,
  scratchSize,
} from "../../generated/abi.as";
import { dimBlocks, dimRows, PARAMS_BYTES } from "../../generated/kernels/kv_unpack_q8_f16.as";
import { BLOCK_F16, BLOCK_F32, blocksIn } from "../std/block";
import { unpackHalvesQ8 } from "../std/half-codes";
import { narrowBlock } from "../std/half-rows";
import { BLOCK_BYTES, unpackQ8 } from "../std/q8";

export { kernel_info } from "../../generated/kernels/kv_unpack_q8_f16.as";
export { kernel_backward, kernel_cleanup, kernel_init } from "../std/stateless";
export { forward as kernel_forward, forward as kv_unpack_q8_f16_forward };

function forward(desc: usize): i32 {
  if (paramsSize(desc) != PARAMS_BYTES) return INVALID_PARAMS;
  const params: usize = paramsOffset(desc);
  const blocks = blocksIn(dimRows(params), dimBlocks(params));
  if (<u64>inputASize(desc) != blocks * BLOCK_BYTES) return INVALID_INPUT;
  if (<u64>outputSize(desc) != blocks * BLOCK_F16) return INVALID_OUTPUT;
  if (scratchSize(desc) < <u32>BLOCK_F32) return OUT_OF_MEMORY;
  const wide: usize = scratchOffset(desc);
  let packed: usize = inputAOffset(desc);
  let x: usize = outputOffset(desc);
  const end = packed + inputASize(desc);
  if (ASC_FEATURE_SIMD) return unpackHalvesQ8(packed, end, x) ? OK : INVALID_INPUT;
  while (packed != end) {
    if (!unpackQ8(wide, packed)) return INVALID_INPUT;
    narrowBlock(x, wide);
    packed += BLOCK_BYTES;
    x += BLOCK_F16;
  }
  return OK;
}
