// rope_f32: turns pairs of values by the angles of their position.
// In x f32[batch, seq, heads, dim], freqs f32[seq, dim_half]: angles in radians, not frequencies;
// out y like x. Judge: src/reference, absolute 1e-5 times the largest |x|.
//
// The first 2 * dim_half values of a head turn, the rest is copied. Which two values are a pair must be
// said: interleaved pairs (2i, 2i + 1), as GPT-J and GGUF have them, or half_split pairs
// (i, i + dim_half), as GPT-NeoX and Hugging Face have them. A wrong layout gives wrong text and no
// error, so there is no default. `inverse` turns back by the same angles. Cosines and sines are multiplied
// by `scale`, the attention factor of some scaling rules: to undo that too, turn back by 1 / scale.
//
// Speed. Cosines and sines are worked out once per position, into scratch, and shared by every batch
// and head.
//
// Backward. In dy like y, then x and freqs; out dx like x.
// Versions: 1 a table per position, 32 pairs per turn (this one). Times: bench/results.

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
  dimDim,
  dimDimHalf,
  dimHeads,
  dimSeq,
  inverse,
  layout,
  LAYOUT_HALF_SPLIT,
  LAYOUT_INTERLEAVED,
  PARAMS_BYTES,
  scale,
} from "../../generated/kernels/rope_f32.as";
import { aligned, f32Bytes2, f32Bytes4 } from "../std/region";
import { copy, fillTable, scaleTable, turnHalfSplit, turnInterleaved } from "../std/rope";

export { kernel_info } from "../../generated/kernels/rope_f32.as";
export { kernel_cleanup, kernel_init } from "../std/stateless";
export { backward as kernel_backward, forward as kernel_forward, forward as rope_forward };

function forward(desc: usize): i32 {
  return turn(desc, false);
}

/** A rotation's gradient is turned back, and multiplied by the same scale. Angles take no gradient. */
function backward(desc: usize): i32 {
  return turn(desc, true);
}

/** Backward, the second region begins with x, which a rotation's gradient does not depend on. */
// @ts-ignore: decorator
@inline
function turn(desc: usize, back: bool): i32 {
  if (paramsSize(desc) != PARAMS_BYTES) return INVALID_PARAMS;
  const params: usize = paramsOffset(desc);
  const interleaved = layout(params) == LAYOUT_INTERLEAVED;
  if (!interleaved && layout(params) != LAYOUT_HALF_SPLIT) return INVALID_PARAMS;
  if (!(abs(scale(params)) < Infinity)) return INVALID_PARAMS;

  const half = dimDimHalf(params);
  if (half > dimDim(params) / 2) return INVALID_INPUT;
  const size = f32Bytes4(dimBatch(params), dimSeq(params), dimHeads(params), dimDim(params));
  const before = back ? aligned(size) : 0;
  const angleSize = before + f32Bytes2(dimSeq(params), half);
  if (<u64>inputASize(desc) != size || <u64>inputBSize(desc) != angleSize) return INVALID_INPUT;
  if (<u64>outputSize(desc) != size) return INVALID_OUTPUT;
  if (<u64>scratchSize(desc) < f32Bytes2(2, half)) return OUT_OF_MEMORY;
  if (size == 0) return OK;
  turnAll(desc, params, inputBOffset(desc) + <usize>before, interleaved, inverse(params) != back);
  return OK;
}

/** Turns every head of every batch, position by position. All sizes are known to fit. */
function turnAll(
  desc: usize,
  params: usize,
  angles: usize,
  interleaved: bool,
  inverse: bool,
): void {
  const half: usize = dimDimHalf(params) * sizeof<f32>();
  const headBytes: usize = dimDim(params) * sizeof<f32>();
  const tokenBytes = <usize>dimHeads(params) * headBytes;
  const batchBytes = <usize>dimSeq(params) * tokenBytes;
  const table: usize = scratchOffset(desc);
  let token: usize = inputAOffset(desc);
  const toOutput = <usize>outputOffset(desc) - token;
  const end = token + batchBytes;
  do {
    fillTable(angles, half, inverse, table);
    if (scale(params) != 1) scaleTable(table, 2 * half, scale(params));
    let head = token;
    let left = dimBatch(params);
    do {
      const headsEnd = head + tokenBytes;
      do {
        if (interleaved) turnInterleaved(head, head + toOutput, table, half);
        else turnHalfSplit(head, head + toOutput, table, half);
        if (half * 2 != headBytes) copy(head, head + toOutput, half * 2, headBytes);
        head += headBytes;
      } while (head != headsEnd);
      head += batchBytes - tokenBytes; // The same position of the next batch.
    } while (--left != 0);
    angles += half;
    token += tokenBytes;
  } while (token != end);
}
