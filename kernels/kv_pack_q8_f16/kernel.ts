// kv_pack_q8_f16: f16 into blocks of 8-bit integers, byte for byte as kv_pack_q8 packs the same values
// widened. In x f16[rows, blocks, 32]; out packed u8[rows, blocks, 34]. Judge: the reference, every byte.
//
// NaN and infinity are INVALID_INPUT. No f16 is so large that its block's scale would not fit.
// Versions: 1 a block widened into scratch (this one).

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
import { dimBlocks, dimRows, PARAMS_BYTES } from "../../generated/kernels/kv_pack_q8_f16.as";
import { BLOCK_F16, BLOCK_F32, blocksIn } from "../std/block";
import { widenBlock } from "../std/half-rows";
import { BLOCK_BYTES, packQ8 } from "../std/q8";

export { kernel_info } from "../../generated/kernels/kv_pack_q8_f16.as";
export { kernel_backward, kernel_cleanup, kernel_init } from "../std/stateless";
export { forward as kernel_forward, forward as kv_pack_q8_f16_forward };

function forward(desc: usize): i32 {
  if (paramsSize(desc) != PARAMS_BYTES) return INVALID_PARAMS;
  const params: usize = paramsOffset(desc);
  const blocks = blocksIn(dimRows(params), dimBlocks(params));
  if (<u64>inputASize(desc) != blocks * BLOCK_F16) return INVALID_INPUT;
  if (<u64>outputSize(desc) != blocks * BLOCK_BYTES) return INVALID_OUTPUT;
  if (scratchSize(desc) < <u32>BLOCK_F32) return OUT_OF_MEMORY;
  const wide: usize = scratchOffset(desc);
  let x: usize = inputAOffset(desc);
  let packed: usize = outputOffset(desc);
  const end = x + inputASize(desc);
  while (x != end) {
    widenBlock(wide, x);
    if (!packQ8(packed, wide)) return INVALID_INPUT;
    x += BLOCK_F16;
    packed += BLOCK_BYTES;
  }
  return OK;
}
