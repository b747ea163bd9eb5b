// rmsnorm_residual_f32: h = x + residual, and y = h / sqrt(mean(h²) + eps) * weight, for each row.
// In x f32[rows, dim], residual like x, weight f32[dim]; out y and h like x. Judge: src/reference, h to
// the bit and y relative 1e-5.
//
// With `plus_one` the row is multiplied by weight + 1, as in rmsnorm_f32.
// Versions: 1 a row is added, then normalised while it is near (this one). Times: bench/results.

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
  dimDim,
  dimRows,
  eps,
  PARAMS_BYTES,
  plusOne,
} from "../../generated/kernels/rmsnorm_residual_f32.as";
import { aligned, f32Bytes2 } from "../std/region";
import { factorOf, isEpsilon, plusOneTo, scale, sumSquares } from "../std/rms";
import { addPlainly } from "../std/scalar/rms";

export { kernel_info } from "../../generated/kernels/rmsnorm_residual_f32.as";
export { kernel_backward, kernel_cleanup, kernel_init } from "../std/stateless";
export { forward as kernel_forward, forward as rmsnorm_residual_forward };

const WIDE: usize = 128; // Bytes that one turn of the wide loop takes: 32 values.
const VECTOR: usize = 16; // Bytes of one v128: 4 values.

function forward(desc: usize): i32 {
  if (paramsSize(desc) != PARAMS_BYTES) return INVALID_PARAMS;
  const params: usize = paramsOffset(desc);
  if (!isEpsilon(eps(params))) return INVALID_PARAMS;

  const size = f32Bytes2(dimRows(params), dimDim(params));
  const rowSize = f32Bytes2(1, dimDim(params));
  if (<u64>inputASize(desc) != size) return INVALID_INPUT;
  if (<u64>inputBSize(desc) != aligned(size) + rowSize) return INVALID_INPUT;
  if (<u64>outputSize(desc) != aligned(size) + size) return INVALID_OUTPUT;
  if (plusOne(params) && <u64>scratchSize(desc) < rowSize) return OUT_OF_MEMORY;
  if (size != 0) addAndNormalise(desc, params, <usize>size, <usize>rowSize);
  return OK;
}

/** Adds and normalises every row. All sizes are known to fit. */
// @ts-ignore: decorator
@inline
function addAndNormalise(desc: usize, params: usize, size: usize, bytes: usize): void {
  let x: usize = inputAOffset(desc);
  let residual: usize = inputBOffset(desc);
  let y: usize = outputOffset(desc);
  let h = y + <usize>aligned(size);
  let weight = residual + <usize>aligned(size);
  if (plusOne(params)) {
    plusOneTo(scratchOffset(desc), weight, bytes);
    weight = scratchOffset(desc);
  }
  const end = x + size;
  do {
    add(h, x, residual, bytes);
    const factor = factorOf(sumSquares(h, bytes), h, bytes, <f64>eps(params));
    scale(h, weight, y, bytes, factor);
    x += bytes;
    residual += bytes;
    y += bytes;
    h += bytes;
  } while (x != end);
}

/** h = x + residual, for one row. */
// @ts-ignore: decorator
@inline
function add(h: usize, x: usize, residual: usize, bytes: usize): void {
  if (!ASC_FEATURE_SIMD) {
    addPlainly(h, x, residual, bytes);
    return;
  }
  const wide = x + (bytes & ~(WIDE - 1));
  const vectors = x + (bytes & ~(VECTOR - 1));
  const end = x + bytes;
  while (x != wide) {
    addFour(h, x, residual);
    addFour(h + 64, x + 64, residual + 64);
    x += WIDE;
    residual += WIDE;
    h += WIDE;
  }
  while (x != vectors) {
    addOne(h, x, residual);
    x += VECTOR;
    residual += VECTOR;
    h += VECTOR;
  }
  while (x != end) {
    store<f32>(h, load<f32>(x) + load<f32>(residual));
    x += sizeof<f32>();
    residual += sizeof<f32>();
    h += sizeof<f32>();
  }
}

// @ts-ignore: decorator
@inline
function addFour(h: usize, x: usize, residual: usize): void {
  addOne(h, x, residual);
  addOne(h + 16, x + 16, residual + 16);
  addOne(h + 32, x + 32, residual + 32);
  addOne(h + 48, x + 48, residual + 48);
}

// @ts-ignore: decorator
@inline
function addOne(h: usize, x: usize, residual: usize): void {
  v128.store(h, f32x4.add(v128.load(x), v128.load(residual)));
}
