// rope_f16: turns pairs of values by the angles of their position, as rope_f32, in f32 but for what is
// stored. In x f16[batch, seq, heads, dim], freqs f32[seq, dim_half]: angles in radians; out y like x.
// Judge: src/reference, half a unit in the last place of the pair's length.
//
// Layouts, `inverse` and `scale` are those of rope_f32. Angles stay f32: f16 could not tell positions.
// Versions: 1 heads widened into scratch (this one). Times: bench/results.

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
} from "../../generated/kernels/rope_f16.as";
import { narrowTo, widenTo } from "../std/half-rows";
import { aligned, f16Bytes4, f32Bytes2 } from "../std/region";
import { fillTable, scaleTable, turnHalfSplit, turnInterleaved } from "../std/rope";

export { kernel_info } from "../../generated/kernels/rope_f16.as";
export { kernel_backward, kernel_cleanup, kernel_init } from "../std/stateless";
export { forward as kernel_forward, forward as rope_forward };

function forward(desc: usize): i32 {
  if (paramsSize(desc) != PARAMS_BYTES) return INVALID_PARAMS;
  const params: usize = paramsOffset(desc);
  const interleaved = layout(params) == LAYOUT_INTERLEAVED;
  if (!interleaved && layout(params) != LAYOUT_HALF_SPLIT) return INVALID_PARAMS;
  if (!(abs(scale(params)) < Infinity)) return INVALID_PARAMS;

  const half = dimDimHalf(params);
  if (half > dimDim(params) / 2) return INVALID_INPUT;
  const size = f16Bytes4(dimBatch(params), dimSeq(params), dimHeads(params), dimDim(params));
  const angleSize = f32Bytes2(dimSeq(params), half);
  if (<u64>inputASize(desc) != size || <u64>inputBSize(desc) != angleSize) return INVALID_INPUT;
  if (<u64>outputSize(desc) != size) return INVALID_OUTPUT;
  if (<u64>scratchSize(desc) < aligned(f32Bytes2(2, half)) + f32Bytes2(1, dimDim(params))) {
    return OUT_OF_MEMORY;
  }
  if (size != 0) turnAll(desc, params, interleaved);
  return OK;
}

/** Turns every head of every batch, position by position. All sizes are known to fit. */
// @ts-ignore: decorator
@inline
function turnAll(desc: usize, params: usize, interleaved: bool): void {
  const half: usize = dimDimHalf(params) * sizeof<f32>();
  const headBytes: usize = dimDim(params) * 2;
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
        widenTo(wide, head, 2 * headBytes);
        if (interleaved) turnInterleaved(wide, wide, table, half);
        else turnHalfSplit(wide, wide, table, half);
        narrowTo(head + toOutput, wide, 2 * headBytes);
        head += headBytes;
      } while (head != headsEnd);
      head += batchBytes - tokenBytes; // The same position of the next batch.
    } while (--left != 0);
    angles += half;
    token += tokenBytes;
  } while (token != end);
}
