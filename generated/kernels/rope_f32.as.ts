// Printed by `npm run generate` from kernels/rope_f32/manifest.ts. Do not edit.

import { OK, writeKernelInfo } from "../abi.as";

/** Bytes of the parameter block of rope_f32. */
// @ts-ignore: decorator
@inline
export const PARAMS_BYTES: i32 = 32;
/** The param "layout" set to "unspecified". */
// @ts-ignore: decorator
@inline
export const LAYOUT_UNSPECIFIED: u32 = 0;
/** The param "layout" set to "interleaved". */
// @ts-ignore: decorator
@inline
export const LAYOUT_INTERLEAVED: u32 = 1;
/** The param "layout" set to "half_split". */
// @ts-ignore: decorator
@inline
export const LAYOUT_HALF_SPLIT: u32 = 2;

/** Which two values turn together; must be chosen, since a wrong guess goes unseen. */
// @ts-ignore: decorator
@inline
export function layout(params: usize): u32 {
  return load<u32>(params, 0);
}

/** Turn back by the same angles. */
// @ts-ignore: decorator
@inline
export function inverse(params: usize): bool {
  return load<u32>(params, 4) != 0;
}

/** What cosines and sines are multiplied by: the attention factor of a scaling rule. */
// @ts-ignore: decorator
@inline
export function scale(params: usize): f32 {
  return load<f32>(params, 8);
}

/** The dimension "batch". */
// @ts-ignore: decorator
@inline
export function dimBatch(params: usize): u32 {
  return load<u32>(params, 12);
}

/** The dimension "seq". */
// @ts-ignore: decorator
@inline
export function dimSeq(params: usize): u32 {
  return load<u32>(params, 16);
}

/** The dimension "heads". */
// @ts-ignore: decorator
@inline
export function dimHeads(params: usize): u32 {
  return load<u32>(params, 20);
}

/** The dimension "dim". */
// @ts-ignore: decorator
@inline
export function dimDim(params: usize): u32 {
  return load<u32>(params, 24);
}

/** The dimension "dim_half". */
// @ts-ignore: decorator
@inline
export function dimDimHalf(params: usize): u32 {
  return load<u32>(params, 28);
}

const NAME = memory.data<u8>([114, 111, 112, 101, 95, 102, 51, 50]);

/** Says who this is: rope_f32 0.1.0, with gradients. */
export function kernel_info(info: usize): i32 {
  writeKernelInfo(info, <u32>NAME, 8, 0, 1, 0, 1);
  return OK;
}
