// Kernel ABI v1: the structures and codes that a host and a kernel exchange, little-endian.
//
// A kernel's entry point takes one pointer, to a DESCRIPTOR, and returns one of KERNEL_CODES.
// `kernel_info` fills a KERNEL_INFO. Tensors and parameters lie wherever the descriptor says.

import { layout } from "./layout.ts";

export const DESCRIPTOR = layout("Descriptor", {
  input_a_offset: ["u32", "first input tensor: byte offset in linear memory; read only"],
  input_a_size: ["u32", "first input tensor: bytes"],
  input_b_offset: ["u32", "every further input, each 16-byte aligned; 0 when there is none"],
  input_b_size: ["u32", "further inputs: bytes from the first to the end of the last"],
  output_offset: ["u32", "output tensors, each 16-byte aligned; write only"],
  output_size: ["u32", "output tensors: bytes"],
  scratch_offset: ["u32", "working memory: read and write, contents undefined at entry"],
  scratch_size: ["u32", "working memory: bytes"],
  params_offset: ["u32", "parameter block, laid out from the manifest; read only"],
  params_size: ["u32", "parameter block: bytes"],
});

export const KERNEL_INFO = layout("KernelInfo", {
  name_ptr: ["u32", "UTF-8 name: byte offset in linear memory"],
  name_len: ["u32", "UTF-8 name: bytes"],
  major: ["u16", "version, first part"],
  minor: ["u16", "version, second part"],
  patch: ["u16", "version, third part"],
  supports_backward: ["u8", "1 when kernel_backward computes, else 0"],
  pad: ["pad", "zero"],
});

/** What an entry point returns. Any other value counts as INTERNAL_ERROR; none of them is a trap. */
export const KERNEL_CODES = {
  OK: 0,
  INVALID_INPUT: 1,
  INVALID_OUTPUT: 2,
  INVALID_PARAMS: 3,
  OUT_OF_MEMORY: 4,
  NOT_IMPLEMENTED: 5,
  INTERNAL_ERROR: 6,
} as const;

export type KernelCode = keyof typeof KERNEL_CODES;

/** One line per code, for the printed tables and for failures. */
export const KERNEL_CODE_NOTES: Readonly<Record<KernelCode, string>> = {
  OK: "the output is complete",
  INVALID_INPUT: "an input tensor does not fit the kernel",
  INVALID_OUTPUT: "the output region does not fit the result",
  INVALID_PARAMS: "a parameter is outside what the kernel accepts",
  OUT_OF_MEMORY: "the scratch region is too small",
  NOT_IMPLEMENTED: "the kernel lacks what was asked for",
  INTERNAL_ERROR: "the kernel failed for a reason of its own",
};
