// rmsnorm_residual_f16: h = x + residual, rounded to f16, and y = h / sqrt(mean(h²) + eps) * weight, for
// each row. In x f16[rows, dim], residual like x, weight f16[dim]; out y and h like x. Judge:
// src/reference, h to the bit and y one unit in the last place, two with `cast_before_weight`.
//
// A sum of two f16 that is first rounded to f32 rounds to the same f16 as the sum itself, since f32 has
// more than twice the digits. The flags are those of rmsnorm_f16.
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
} from "../../generated/kernels/rmsnorm_residual_f16.as";
import { aligned, f16Bytes2, f32Bytes2 } from "../std/region";
import { isEpsilon } from "../std/rms";
import { addTo, normaliseTo } from "../std/rms-half";

export { kernel_info } from "../../generated/kernels/rmsnorm_residual_f16.as";
export { kernel_backward, kernel_cleanup, kernel_init } from "../std/stateless";
export { forward as kernel_forward, forward as rmsnorm_residual_forward };

function forward(desc: usize): i32 {
  if (paramsSize(desc) != PARAMS_BYTES) return INVALID_PARAMS;
  const params: usize = paramsOffset(desc);
  if (!isEpsilon(eps(params))) return INVALID_PARAMS;

  const size = f16Bytes2(dimRows(params), dimDim(params));
  const rowSize = f16Bytes2(1, dimDim(params));
  if (<u64>inputASize(desc) != size) return INVALID_INPUT;
  if (<u64>inputBSize(desc) != aligned(size) + rowSize) return INVALID_INPUT;
  if (<u64>outputSize(desc) != aligned(size) + size) return INVALID_OUTPUT;
  if (<u64>scratchSize(desc) < f32Bytes2(1, dimDim(params))) return OUT_OF_MEMORY;
  if (size != 0) addAndNormalise(desc, params, <usize>size, <usize>rowSize);
  return OK;
}

/** Adds and normalises every row. All sizes are known to fit. */
// @ts-ignore: decorator
@inline
function addAndNormalise(desc: usize, params: usize, size: usize, rowBytes: usize): void {
  const bytes = 2 * rowBytes;
  const row: usize = scratchOffset(desc);
  const more = plusOne(params);
  const cast = castBeforeWeight(params);
  let x: usize = inputAOffset(desc);
  let residual: usize = inputBOffset(desc);
  let y: usize = outputOffset(desc);
  let h = y + <usize>aligned(size);
  const weight = residual + <usize>aligned(size);
  const end = x + size;
  do {
    addTo(row, h, x, residual, bytes);
    normaliseTo(y, row, weight, bytes, <f64>eps(params), more, cast);
    x += rowBytes;
    residual += rowBytes;
    y += rowBytes;
    h += rowBytes;
  } while (x != end);
}
