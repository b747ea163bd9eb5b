// Printed by `npm run generate` from kernels/swiglu_f32/manifest.ts. Do not edit.

import { OK, writeKernelInfo } from "../abi.as";

/** Bytes of the parameter block of swiglu_f32. */
// @ts-ignore: decorator
@inline
export const PARAMS_BYTES: i32 = 8;

/** The dimension "tokens". */
// @ts-ignore: decorator
@inline
export function dimTokens(params: usize): u32 {
  return load<u32>(params, 0);
}

/** The dimension "ffn". */
// @ts-ignore: decorator
@inline
export function dimFfn(params: usize): u32 {
  return load<u32>(params, 4);
}

const NAME = memory.data<u8>([115, 119, 105, 103, 108, 117, 95, 102, 51, 50]);

/** Says who this is: swiglu_f32 0.1.0, without gradients. */
export function kernel_info(info: usize): i32 {
  writeKernelInfo(info, <u32>NAME, 10, 0, 1, 0, 0);
  return OK;
}
