// Printed by `npm run generate` from kernels/rmsnorm_f32/manifest.ts. Do not edit.

import { OK, writeKernelInfo } from "../abi.as";

/** Bytes of the parameter block of rmsnorm_f32. */
// @ts-ignore: decorator
@inline
export const PARAMS_BYTES: i32 = 16;

/** Added to the mean of the squares, inside the root. */
// @ts-ignore: decorator
@inline
export function eps(params: usize): f32 {
  return load<f32>(params, 0);
}

/** Multiply by weight + 1, as unconverted checkpoints of the Gemma family need. */
// @ts-ignore: decorator
@inline
export function plusOne(params: usize): bool {
  return load<u32>(params, 4) != 0;
}

/** The dimension "rows". */
// @ts-ignore: decorator
@inline
export function dimRows(params: usize): u32 {
  return load<u32>(params, 8);
}

/** The dimension "dim". */
// @ts-ignore: decorator
@inline
export function dimDim(params: usize): u32 {
  return load<u32>(params, 12);
}

const NAME = memory.data<u8>([114, 109, 115, 110, 111, 114, 109, 95, 102, 51, 50]);

/** Says who this is: rmsnorm_f32 0.1.0, with gradients. */
export function kernel_info(info: usize): i32 {
  writeKernelInfo(info, <u32>NAME, 11, 0, 1, 0, 1);
  return OK;
}
