// my_kernel: y = gain * x / (1 + |x| / limit), row by row. Small values pass as they are, large ones
// approach the limit, and each row has a gain of its own.
// In x f32[rows, width], gain f32[rows]; out y f32[rows, width]. Judge: reference.ts, within 4 ULP.
//
// Four values at a time, and one by one what is left of a row. A function with @inline costs no call,
// and a loop without calls is checked against the deadline once per turn and nowhere else.

import {
  inputAOffset,
  inputASize,
  inputBOffset,
  inputBSize,
  INVALID_INPUT,
  INVALID_OUTPUT,
  INVALID_PARAMS,
  OK,
  outputOffset,
  outputSize,
  paramsOffset,
  paramsSize,
} from "./generated/abi.as";
import { dimRows, dimWidth, limit, PARAMS_BYTES, writeInfo } from "./generated/my_kernel.as";

const F32: usize = sizeof<f32>();
const V128: usize = 16;

export function my_kernel_forward(desc: usize): i32 {
  if (paramsSize(desc) != PARAMS_BYTES) return INVALID_PARAMS;
  const params: usize = paramsOffset(desc);
  const most = limit(params);
  if (!(most >= 1 && most <= 65504)) return INVALID_PARAMS; // Nor NaN.

  const rows = dimRows(params);
  const width = dimWidth(params);
  if (!holds(inputASize(desc), <u64>rows * <u64>width)) return INVALID_INPUT;
  if (!holds(inputBSize(desc), rows)) return INVALID_INPUT;
  if (outputSize(desc) != inputASize(desc)) return INVALID_OUTPUT;
  if (inputASize(desc) == 0) return OK; // Nothing of the descriptor but its sizes counts.

  let x: usize = inputAOffset(desc);
  let y: usize = outputOffset(desc);
  let gain: usize = inputBOffset(desc);
  const end = gain + <usize>rows * F32;
  const bytes = <usize>width * F32;
  for (; gain != end; gain += F32) {
    limitRow(y, x, bytes, load<f32>(gain), 1 / most);
    x += bytes;
    y += bytes;
  }
  return OK;
}

/** Whether a region holds exactly this many f32. Two u32 dimensions never overflow 64 bits. */
// @ts-ignore: decorator
@inline
function holds(bytes: u32, count: u64): bool {
  return bytes % 4 == 0 && <u64>(bytes / 4) == count;
}

// @ts-ignore: decorator
@inline
function limitRow(y: usize, x: usize, bytes: usize, gain: f32, inverse: f32): void {
  const gains = f32x4.splat(gain);
  const inverses = f32x4.splat(inverse);
  const one = f32x4.splat(1);
  const end = x + bytes;
  const fours = x + (bytes & ~(V128 - 1));
  for (; x != fours; x += V128) {
    const value = v128.load(x);
    const below = f32x4.add(one, f32x4.mul(f32x4.abs(value), inverses));
    v128.store(y, f32x4.mul(f32x4.div(value, below), gains));
    y += V128;
  }
  for (; x != end; x += F32) {
    const value = load<f32>(x);
    store<f32>(y, (value / (1 + abs<f32>(value) * inverse)) * gain);
    y += F32;
  }
}

/** Once per instance, before its first call. This kernel keeps nothing between calls. */
export function kernel_init(_params: usize, _bytes: u32): i32 {
  return OK;
}

export function kernel_info(info: usize): i32 {
  return writeInfo(info);
}

export function kernel_cleanup(): i32 {
  return OK;
}
