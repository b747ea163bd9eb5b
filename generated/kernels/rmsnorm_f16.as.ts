// Printed by `npm run generate` from kernels/rmsnorm_f16/manifest.ts. Do not edit.

import { OK, writeKernelInfo } from "../abi.as";

/** Bytes of the parameter block of rmsnorm_f16. */
// @ts-ignore: decorator
@inline
export const PARAMS_BYTES: i32 = 20;

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

/** Round to f16 before multiplying by the weight, as Llama's model code does. */
// @ts-ignore: decorator
@inline
export function castBeforeWeight(params: usize): bool {
  return load<u32>(params, 8) != 0;
}

/** The dimension "rows". */
// @ts-ignore: decorator
@inline
export function dimRows(params: usize): u32 {
  return load<u32>(params, 12);
}

/** The dimension "dim". */
// @ts-ignore: decorator
@inline
export function dimDim(params: usize): u32 {
  return load<u32>(params, 16);
}

const NAME = memory.data<u8>([114, 109, 115, 110, 111, 114, 109, 95, 102, 49, 54]);

/** Says who this is: rmsnorm_f16 0.1.0, without gradients. */
export function kernel_info(info: usize): i32 {
  writeKernelInfo(info, <u32>NAME, 11, 0, 1, 0, 0);
  return OK;
}
