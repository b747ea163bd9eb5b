// Printed by `npm run generate` from kernels/kv_unpack_q8_f16/manifest.ts. Do not edit.

import { OK, writeKernelInfo } from "../abi.as";

/** Bytes of the parameter block of kv_unpack_q8_f16. */
// @ts-ignore: decorator
@inline
export const PARAMS_BYTES: i32 = 8;

/** The dimension "rows". */
// @ts-ignore: decorator
@inline
export function dimRows(params: usize): u32 {
  return load<u32>(params, 0);
}

/** The dimension "blocks". */
// @ts-ignore: decorator
@inline
export function dimBlocks(params: usize): u32 {
  return load<u32>(params, 4);
}

const NAME = memory.data<u8>([107, 118, 95, 117, 110, 112, 97, 99, 107, 95, 113, 56, 95, 102, 49, 54]);

/** Says who this is: kv_unpack_q8_f16 0.1.0, without gradients. */
export function kernel_info(info: usize): i32 {
  writeKernelInfo(info, <u32>NAME, 16, 0, 1, 0, 0);
  return OK;
}
