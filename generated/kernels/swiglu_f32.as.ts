// Printed by `npm run generate` from kernels/swiglu_f32/manifest.ts. Do not edit.

import { OK, writeKernelInfo } from "../abi.as";

/** Bytes of the parameter block of swiglu_f32. */
// @ts-ignore: decorator
@inline
export const PARAMS_BYTES: i32 = 12;
/** The param "act" set to "silu". */
// @ts-ignore: decorator
@inline
export const ACT_SILU: u32 = 0;
/** The param "act" set to "gelu_tanh". */
// @ts-ignore: decorator
@inline
export const ACT_GELU_TANH: u32 = 1;
/** The param "act" set to "gelu_erf". */
// @ts-ignore: decorator
@inline
export const ACT_GELU_ERF: u32 = 2;

/** What the gate goes through: silu, or gelu in its tanh or its exact form. */
// @ts-ignore: decorator
@inline
export function act(params: usize): u32 {
  return load<u32>(params, 0);
}

/** The dimension "tokens". */
// @ts-ignore: decorator
@inline
export function dimTokens(params: usize): u32 {
  return load<u32>(params, 4);
}

/** The dimension "ffn". */
// @ts-ignore: decorator
@inline
export function dimFfn(params: usize): u32 {
  return load<u32>(params, 8);
}

const NAME = memory.data<u8>([115, 119, 105, 103, 108, 117, 95, 102, 51, 50]);

/** Says who this is: swiglu_f32 0.1.0, with gradients. */
export function kernel_info(info: usize): i32 {
  writeKernelInfo(info, <u32>NAME, 10, 0, 1, 0, 1);
  return OK;
}
