// Printed by `npm run generate` from kernels/swiglu_packed_f16/manifest.ts. Do not edit.

import { OK, writeKernelInfo } from "../abi.as";

/** Bytes of the parameter block of swiglu_packed_f16. */
// @ts-ignore: decorator
@inline
export const PARAMS_BYTES: i32 = 16;
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
/** The param "packing" set to "unspecified". */
// @ts-ignore: decorator
@inline
export const PACKING_UNSPECIFIED: u32 = 0;
/** The param "packing" set to "halves". */
// @ts-ignore: decorator
@inline
export const PACKING_HALVES: u32 = 1;
/** The param "packing" set to "interleaved". */
// @ts-ignore: decorator
@inline
export const PACKING_INTERLEAVED: u32 = 2;

/** What the gate goes through: silu, or gelu in its tanh or its exact form. */
// @ts-ignore: decorator
@inline
export function act(params: usize): u32 {
  return load<u32>(params, 0);
}

/** A token's values: all gates, then all ups (halves), or pairs of them; no default. */
// @ts-ignore: decorator
@inline
export function packing(params: usize): u32 {
  return load<u32>(params, 4);
}

/** The dimension "tokens". */
// @ts-ignore: decorator
@inline
export function dimTokens(params: usize): u32 {
  return load<u32>(params, 8);
}

/** The dimension "ffn". */
// @ts-ignore: decorator
@inline
export function dimFfn(params: usize): u32 {
  return load<u32>(params, 12);
}

const NAME = memory.data<u8>([115, 119, 105, 103, 108, 117, 95, 112, 97, 99, 107, 101, 100, 95, 102, 49, 54]);

/** Says who this is: swiglu_packed_f16 0.1.0, without gradients. */
export function kernel_info(info: usize): i32 {
  writeKernelInfo(info, <u32>NAME, 17, 0, 1, 0, 0);
  return OK;
}
