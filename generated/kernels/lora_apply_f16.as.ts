// Printed by `npm run generate` from kernels/lora_apply_f16/manifest.ts. Do not edit.

import { OK, writeKernelInfo } from "../abi.as";

/** Bytes of the parameter block of lora_apply_f16. */
// @ts-ignore: decorator
@inline
export const PARAMS_BYTES: i32 = 20;

/** The dimension "tokens". */
// @ts-ignore: decorator
@inline
export function dimTokens(params: usize): u32 {
  return load<u32>(params, 0);
}

/** The dimension "in". */
// @ts-ignore: decorator
@inline
export function dimIn(params: usize): u32 {
  return load<u32>(params, 4);
}

/** The dimension "adapters". */
// @ts-ignore: decorator
@inline
export function dimAdapters(params: usize): u32 {
  return load<u32>(params, 8);
}

/** The dimension "rank". */
// @ts-ignore: decorator
@inline
export function dimRank(params: usize): u32 {
  return load<u32>(params, 12);
}

/** The dimension "out". */
// @ts-ignore: decorator
@inline
export function dimOut(params: usize): u32 {
  return load<u32>(params, 16);
}

const NAME = memory.data<u8>([108, 111, 114, 97, 95, 97, 112, 112, 108, 121, 95, 102, 49, 54]);

/** Says who this is: lora_apply_f16 0.1.0, without gradients. */
export function kernel_info(info: usize): i32 {
  writeKernelInfo(info, <u32>NAME, 14, 0, 1, 0, 0);
  return OK;
}
