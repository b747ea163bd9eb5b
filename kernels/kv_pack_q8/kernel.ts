// kv_pack_q8: f32 into blocks of 8-bit integers, byte for byte as GGML's Q8_0.
// In x f32[rows, blocks, 32]; out packed u8[rows, blocks, 34]. Judge: src/reference, every byte.
// The format, and how codes are rounded, stand in std/q8.ts.
//
// NaN, infinity, and magnitudes from 127 * 65520 on, whose d is beyond f16, are INVALID_INPUT: one of
// them would spoil its whole block unseen. What is in the output then means nothing.
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
import { BLOCK_F32, blocksIn } from "../std/block";
import { BLOCK_BYTES, packAllQ8 } from "../std/q8";

export { kernel_info } from "../../generated/kernels/kv_pack_q8.as";
export { kernel_backward, kernel_cleanup, kernel_init } from "../std/stateless";
export { forward as kernel_forward, forward as kv_pack_q8_forward };

function forward(desc: usize): i32 {
  if (paramsSize(desc) != PARAMS_BYTES) return INVALID_PARAMS;
  const params: usize = paramsOffset(desc);
  const blocks = blocksIn(dimRows(params), dimBlocks(params));
  if (<u64>inputASize(desc) != blocks * BLOCK_F32) return INVALID_INPUT;
  if (<u64>outputSize(desc) != blocks * BLOCK_BYTES) return INVALID_OUTPUT;
  const x: usize = inputAOffset(desc);
  const end = x + inputASize(desc);
  return packAllQ8(x, end, outputOffset(desc)) ? OK : INVALID_INPUT;
}
