// rope_q8: turns pairs of values by the angles of their position, as rope_f32, in Q8_0 blocks.
// In x u8[batch, seq, heads, blocks, 34], blocks of 32 values; freqs f32[seq, dim_half]: angles in
// radians; out y like x. Judge: src/reference, half a code and the rounding of the scale.
//
// A block that holds a value which turns is unpacked, turned in f32, and packed anew with a scale of its
// own, byte for byte as GGML packs. Blocks beyond are copied. A scale that is no number is INVALID_INPUT,
// and so is what f16 cannot scale once turned; what is in the output then means nothing.
//
// Layouts, `inverse` and `scale` are those of rope_f32.
// Versions: 1 heads unpacked into scratch (this one). Times: bench/results.

import {
  inputAOffset,
  inputASize,
  inputBOffset,
  inputBSize,
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
import {
  dimBatch,
  dimBlocks,
  dimDimHalf,
  dimHeads,
  dimSeq,
  inverse,
  layout,
  LAYOUT_HALF_SPLIT,
  LAYOUT_INTERLEAVED,
  PARAMS_BYTES,
  scale,
} from "../../generated/kernels/rope_q8.as";
import { BLOCK_BYTES, packQ8, unpackQ8 } from "../std/q8";
import { aligned, f32Bytes2, f32Bytes4 } from "../std/region";
import { fillTable, scaleTable, turnHalfSplit, turnInterleaved } from "../std/rope";

export { kernel_info } from "../../generated/kernels/rope_q8.as";
export { kernel_backward, kernel_cleanup, kernel_init } from "../std/stateless";
export { forward as kernel_forward, forward as rope_forward };

function forward(desc: usize): i32 {
  if (paramsSize(desc) != PARAMS_BYTES) return INVALID_PARAMS;
  const params: usize = paramsOffset(desc);
  const interleaved = layout(params) == LAYOUT_INTERLEAVED;
  if (!interleaved && layout(params) != LAYOUT_HALF_SPLIT) return INVALID_PARAMS;
  if (!(abs(scale(params)) < Infinity)) return INVALID_PARAMS;

  const half = dimDimHalf(params);
  if (<u64>half > 16 * <u64>dimBlocks(params)) return INVALID_INPUT;
  const words = f32Bytes4(dimBatch(params), dimSeq(params), dimHeads(params), dimBlocks(params));
  const size = (words / sizeof<f32>()) * BLOCK_BYTES;
  const angleSize = f32Bytes2(dimSeq(params), half);
  if (<u64>inputASize(desc) != size || <u64>inputBSize(desc) != angleSize) return INVALID_INPUT;
  if (<u64>outputSize(desc) != size) return INVALID_OUTPUT;
  if (<u64>scratchSize(desc) < aligned(f32Bytes2(2, half)) + f32Bytes2(dimBlocks(params), 32)) {
    return OUT_OF_MEMORY;
  }
  return size == 0 || turnAll(desc, params, interleaved) ? OK : INVALID_INPUT;
}

/** Turns every head of every batch, position by position. False where a block cannot be scaled. */
// @ts-ignore: decorator
@inline
function turnAll(desc: usize, params: usize, interleaved: bool): bool {
  const half: usize = dimDimHalf(params) * sizeof<f32>();
  const headBytes: usize = dimBlocks(params) * BLOCK_BYTES;
  const turning: usize = ((2 * dimDimHalf(params) + 31) / 32) * BLOCK_BYTES; // Bytes of a head.
  const tokenBytes = <usize>dimHeads(params) * headBytes;
  const batchBytes = <usize>dimSeq(params) * tokenBytes;
  const table: usize = scratchOffset(desc);
  const wide = table + <usize>aligned(2 * half);
  let angles: usize = inputBOffset(desc);
  let token: usize = inputAOffset(desc);
  const toOutput = <usize>outputOffset(desc) - token;
  const end = token + batchBytes;
  do {
    fillTable(angles, half, inverse(params), table);
    if (scale(params) != 1) scaleTable(table, 2 * half, scale(params));
    let head = token;
    let left = dimBatch(params);
    do {
      const headsEnd = head + tokenBytes;
      do {
        if (!unpackAll(wide, head, turning)) return false;
        if (interleaved) turnInterleaved(wide, wide, table, half);
        else turnHalfSplit(wide, wide, table, half);
        if (!packAll(head + toOutput, wide, turning)) return false;
        copyBlocks(head + toOutput, head, turning, headBytes);
        head += headBytes;
      } while (head != headsEnd);
      head += batchBytes - tokenBytes; // The same position of the next batch.
    } while (--left != 0);
    angles += half;
    token += tokenBytes;
  } while (token != end);
  return true;
}

/** Unpacks `bytes` bytes of blocks to `values`. */
// @ts-ignore: decorator
@inline
function unpackAll(values: usize, blocks: usize, bytes: usize): bool {
  const end = blocks + bytes;
  while (blocks != end) {
    if (!unpackQ8(values, blocks)) return false;
    blocks += BLOCK_BYTES;
    values += 128;
  }
  return true;
}

/** Packs values into `bytes` bytes of blocks. */
// @ts-ignore: decorator
@inline
function packAll(blocks: usize, values: usize, bytes: usize): bool {
  const end = blocks + bytes;
  while (blocks != end) {
    if (!packQ8(blocks, values)) return false;
    blocks += BLOCK_BYTES;
    values += 128;
  }
  return true;
}

/** Copies the blocks of a head that do not turn: bytes `at` to `end`. */
// @ts-ignore: decorator
@inline
function copyBlocks(to: usize, from: usize, at: usize, end: usize): void {
  while (at != end) {
    store<u64>(to + at, load<u64>(from + at));
    store<u64>(to + at, load<u64>(from + at, 8), 8);
    store<u64>(to + at, load<u64>(from + at, 16), 16);
    store<u64>(to + at, load<u64>(from + at, 24), 24);
    store<u16>(to + at, load<u16>(from + at, 32), 32);
    at += BLOCK_BYTES;
  }
}
