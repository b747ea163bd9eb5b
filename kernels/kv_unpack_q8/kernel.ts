// kv_unpack_q8: blocks of 8-bit integers, laid out as GGML's Q8_0, back into f32.
// In packed u8[rows, blocks, 34]; out x f32[rows, blocks, 32]. Judge: src/reference, every bit.
//
//   block: | d f16 | 32 codes i8 |        x = code * d, rounded once
//
// A block whose d is infinity or NaN was packed by nothing that may be trusted: INVALID_INPUT.
// Versions: 1 four blocks per turn, so that loop control costs little (this one).

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
import { dimBlocks, dimRows, PARAMS_BYTES } from "../../generated/kernels/kv_unpack_q8.as";
import { BLOCK_F32, blocksIn } from "../std/block";
import { unpackQ8 } from "../std/q8";

export { kernel_info } from "../../generated/kernels/kv_unpack_q8.as";
export { kernel_backward, kernel_cleanup, kernel_init } from "../std/stateless";
export { forward as kernel_forward, forward as kv_unpack_q8_forward };

const BLOCK: usize = 34; // Bytes of a packed block.
const WIDE: usize = 4; // Blocks that one turn of the wide loop takes.

function forward(desc: usize): i32 {
  if (paramsSize(desc) != PARAMS_BYTES) return INVALID_PARAMS;
  const params: usize = paramsOffset(desc);
  const blocks = blocksIn(dimRows(params), dimBlocks(params));
  if (<u64>inputASize(desc) != blocks * BLOCK) return INVALID_INPUT;
  if (<u64>outputSize(desc) != blocks * BLOCK_F32) return INVALID_OUTPUT;
  return unpack(inputAOffset(desc), outputOffset(desc), <usize>blocks);
}

// @ts-ignore: decorator
@inline
function unpack(packed: usize, x: usize, blocks: usize): i32 {
  const end = packed + blocks * BLOCK;
  const wide = packed + (blocks & ~(WIDE - 1)) * BLOCK;
  if (packed != wide) {
    do {
      if (!unpackQ8(x, packed)) return INVALID_INPUT;
      if (!unpackQ8(x + BLOCK_F32, packed + BLOCK)) return INVALID_INPUT;
      if (!unpackQ8(x + 2 * BLOCK_F32, packed + 2 * BLOCK)) return INVALID_INPUT;
      if (!unpackQ8(x + 3 * BLOCK_F32, packed + 3 * BLOCK)) return INVALID_INPUT;
      packed += WIDE * BLOCK;
      x += WIDE * BLOCK_F32;
    } while (packed != wide);
  }
  if (packed != end) {
    do {
      if (!unpackQ8(x, packed)) return INVALID_INPUT;
      packed += BLOCK;
      x += BLOCK_F32;
    } while (packed != end);
  }
  return OK;
}
