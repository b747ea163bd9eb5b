// rmsnorm_f16: y = x / sqrt(mean(x²) + eps) * weight, for each row, in f32 but for what is stored.
// In x f16[rows, dim], weight f16[dim]; out y f16[rows, dim]. Judge: src/reference, one unit in the last
// place, two with `cast_before_weight`.
//
// With `plus_one` the row is multiplied by weight + 1, in f32. With `cast_before_weight` the normalised
// values are rounded to f16 before they are multiplied, as Llama's model code does; without it there is
// one rounding, at the end, as Gemma's has it. Both are the caller's to choose.
// Versions: 1 row and weights widened into scratch; 2 only the row, which then stays in the nearest cache
// (this one). Times: bench/results.

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
  castBeforeWeight,
  dimDim,
  dimRows,
  eps,
  PARAMS_BYTES,
  plusOne,
} from "../../generated/kernels/rmsnorm_f16.as";
import { widenTo } from "../std/half-rows";
import { f16Bytes2, f32Bytes2 } from "../std/region";
import { isEpsilon } from "../std/rms";
import { normaliseTo } from "../std/rms-half";

export { kernel_info } from "../../generated/kernels/rmsnorm_f16.as";
export { kernel_backward, kernel_cleanup, kernel_init } from "../std/stateless";
export { forward as kernel_forward, forward as rmsnorm_forward };

function forward(desc: usize): i32 {
  if (paramsSize(desc) != PARAMS_BYTES) return INVALID_PARAMS;
  const params: usize = paramsOffset(desc);
  if (!isEpsilon(eps(params))) return INVALID_PARAMS;

  const size = f16Bytes2(dimRows(params), dimDim(params));
  const rowSize = f16Bytes2(1, dimDim(params));
  if (<u64>inputASize(desc) != size || <u64>inputBSize(desc) != rowSize) return INVALID_INPUT;
  if (<u64>outputSize(desc) != size) return INVALID_OUTPUT;
  if (<u64>scratchSize(desc) < f32Bytes2(1, dimDim(params))) return OUT_OF_MEMORY;
  if (size != 0) normalise(desc, params, <usize>size, <usize>rowSize);
  return OK;
}

/** Normalises every row. All sizes are known to fit. */
// @ts-ignore: decorator
@inline
function normalise(desc: usize, params: usize, size: usize, rowBytes: usize): void {
  const bytes = 2 * rowBytes;
  const row: usize = scratchOffset(desc);
  const more = plusOne(params);
  const cast = castBeforeWeight(params);
  const weight: usize = inputBOffset(desc);
  let x: usize = inputAOffset(desc);
  let y: usize = outputOffset(desc);
  const end = x + size;
  do {
    widenTo(row, x, bytes);
    normaliseTo(y, row, weight, bytes, <f64>eps(params), more, cast);
    x += rowBytes;
    y += rowBytes;
  } while (x != end);
}
