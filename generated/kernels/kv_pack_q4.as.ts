// Printed by `npm run generate` from kernels/kv_pack_q4/manifest.ts. Do not edit.

import { OK, writeKernelInfo } from "../abi.as";

/** Bytes of the parameter block of kv_pack_q4. */
// @ts-ignore: decorator
@inline
export const PARAMS_BYTES: i32 = 16;
/** The param "format" set to "unspecified". */
// @ts-ignore: decorator
@inline
export const FORMAT_UNSPECIFIED: u32 = 0;
/** The param "format" set to "q4_0". */
// @ts-ignore: decorator
@inline
export const FORMAT_Q4_0: u32 = 1;
/** The param "format" set to "q4_1". */
// @ts-ignore: decorator
@inline
export const FORMAT_Q4_1: u32 = 2;
/** The param "format" set to "kivi_k". */
// @ts-ignore: decorator
@inline
export const FORMAT_KIVI_K: u32 = 3;
/** The param "format" set to "kivi_v". */
// @ts-ignore: decorator
@inline
export const FORMAT_KIVI_V: u32 = 4;
/** The param "format" set to "kivi_k2". */
// @ts-ignore: decorator
@inline
export const FORMAT_KIVI_K2: u32 = 5;
/** The param "format" set to "kivi_v2". */
// @ts-ignore: decorator
@inline
export const FORMAT_KIVI_V2: u32 = 6;

/** Layout of blocks; must be chosen. block_bytes is 18 for q4_0, 12 for kivi_k2 and kivi_v2, else 20; kivi_k and kivi_k2 need rows in groups of 32. */
// @ts-ignore: decorator
@inline
export function format(params: usize): u32 {
  return load<u32>(params, 0);
}

/** The dimension "rows". */
// @ts-ignore: decorator
@inline
export function dimRows(params: usize): u32 {
  return load<u32>(params, 4);
}

/** The dimension "blocks". */
// @ts-ignore: decorator
@inline
export function dimBlocks(params: usize): u32 {
  return load<u32>(params, 8);
}

/** The dimension "block_bytes". */
// @ts-ignore: decorator
@inline
export function dimBlockBytes(params: usize): u32 {
  return load<u32>(params, 12);
}

const NAME = memory.data<u8>([107, 118, 95, 112, 97, 99, 107, 95, 113, 52]);

/** Says who this is: kv_pack_q4 0.1.0, without gradients. */
export function kernel_info(info: usize): i32 {
  writeKernelInfo(info, <u32>NAME, 10, 0, 1, 0, 0);
  return OK;
}
