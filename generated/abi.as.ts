// Printed by `npm run generate` from src/layout/descriptor.layout.ts. Do not edit.

/** Bytes of one descriptor. */
// @ts-ignore: decorator
@inline
export const DESCRIPTOR_BYTES: i32 = 40;
/** Bytes of one kernel info. */
// @ts-ignore: decorator
@inline
export const KERNEL_INFO_BYTES: i32 = 16;

/** First input tensor: byte offset in linear memory; read only. */
// @ts-ignore: decorator
@inline
export function inputAOffset(desc: usize): u32 {
  return load<u32>(desc, 0);
}

/** First input tensor: bytes. */
// @ts-ignore: decorator
@inline
export function inputASize(desc: usize): u32 {
  return load<u32>(desc, 4);
}

/** Every further input, each 16-byte aligned; 0 when there is none. */
// @ts-ignore: decorator
@inline
export function inputBOffset(desc: usize): u32 {
  return load<u32>(desc, 8);
}

/** Further inputs: bytes from the first to the end of the last. */
// @ts-ignore: decorator
@inline
export function inputBSize(desc: usize): u32 {
  return load<u32>(desc, 12);
}

/** Output tensors, each 16-byte aligned; write only. */
// @ts-ignore: decorator
@inline
export function outputOffset(desc: usize): u32 {
  return load<u32>(desc, 16);
}

/** Output tensors: bytes. */
// @ts-ignore: decorator
@inline
export function outputSize(desc: usize): u32 {
  return load<u32>(desc, 20);
}

/** Working memory: read and write, contents undefined at entry. */
// @ts-ignore: decorator
@inline
export function scratchOffset(desc: usize): u32 {
  return load<u32>(desc, 24);
}

/** Working memory: bytes. */
// @ts-ignore: decorator
@inline
export function scratchSize(desc: usize): u32 {
  return load<u32>(desc, 28);
}

/** Parameter block, laid out from the manifest; read only. */
// @ts-ignore: decorator
@inline
export function paramsOffset(desc: usize): u32 {
  return load<u32>(desc, 32);
}

/** Parameter block: bytes. */
// @ts-ignore: decorator
@inline
export function paramsSize(desc: usize): u32 {
  return load<u32>(desc, 36);
}

/** Fills the structure that kernel_info is given. */
// @ts-ignore: decorator
@inline
export function writeKernelInfo(
  info: usize,
  namePtr: u32,
  nameLen: u32,
  major: u16,
  minor: u16,
  patch: u16,
  supportsBackward: u8,
): void {
  store<u32>(info, namePtr, 0);
  store<u32>(info, nameLen, 4);
  store<u16>(info, major, 8);
  store<u16>(info, minor, 10);
  store<u16>(info, patch, 12);
  store<u8>(info, supportsBackward, 14);
  store<u8>(info, 0, 15);
}

/** The output is complete. */
// @ts-ignore: decorator
@inline
export const OK: i32 = 0;
/** An input tensor does not fit the kernel. */
// @ts-ignore: decorator
@inline
export const INVALID_INPUT: i32 = 1;
/** The output region does not fit the result. */
// @ts-ignore: decorator
@inline
export const INVALID_OUTPUT: i32 = 2;
/** A parameter is outside what the kernel accepts. */
// @ts-ignore: decorator
@inline
export const INVALID_PARAMS: i32 = 3;
/** The scratch region is too small. */
// @ts-ignore: decorator
@inline
export const OUT_OF_MEMORY: i32 = 4;
/** The kernel lacks what was asked for. */
// @ts-ignore: decorator
@inline
export const NOT_IMPLEMENTED: i32 = 5;
/** The kernel failed for a reason of its own. */
// @ts-ignore: decorator
@inline
export const INTERNAL_ERROR: i32 = 6;
