/* Printed by `npm run generate` from src/layout/descriptor.layout.ts. Do not edit. */
#ifndef ANNULUS_ABI_H
#define ANNULUS_ABI_H

#include <stddef.h>
#include <stdint.h>

/* 40 bytes, little-endian. */
struct annulus_descriptor {
  uint32_t input_a_offset; /* first input tensor: byte offset in linear memory; read only */
  uint32_t input_a_size; /* first input tensor: bytes */
  uint32_t input_b_offset; /* every further input, each 16-byte aligned; 0 when there is none */
  uint32_t input_b_size; /* further inputs: bytes from the first to the end of the last */
  uint32_t output_offset; /* output tensors, each 16-byte aligned; write only */
  uint32_t output_size; /* output tensors: bytes */
  uint32_t scratch_offset; /* working memory: read and write, contents undefined at entry */
  uint32_t scratch_size; /* working memory: bytes */
  uint32_t params_offset; /* parameter block, laid out from the manifest; read only */
  uint32_t params_size; /* parameter block: bytes */
};
_Static_assert(sizeof(struct annulus_descriptor) == 40, "annulus_descriptor is 40 bytes");
_Static_assert(offsetof(struct annulus_descriptor, input_a_offset) == 0, "annulus_descriptor.input_a_offset is at 0");
_Static_assert(offsetof(struct annulus_descriptor, input_a_size) == 4, "annulus_descriptor.input_a_size is at 4");
_Static_assert(offsetof(struct annulus_descriptor, input_b_offset) == 8, "annulus_descriptor.input_b_offset is at 8");
_Static_assert(offsetof(struct annulus_descriptor, input_b_size) == 12, "annulus_descriptor.input_b_size is at 12");
_Static_assert(offsetof(struct annulus_descriptor, output_offset) == 16, "annulus_descriptor.output_offset is at 16");
_Static_assert(offsetof(struct annulus_descriptor, output_size) == 20, "annulus_descriptor.output_size is at 20");
_Static_assert(offsetof(struct annulus_descriptor, scratch_offset) == 24, "annulus_descriptor.scratch_offset is at 24");
_Static_assert(offsetof(struct annulus_descriptor, scratch_size) == 28, "annulus_descriptor.scratch_size is at 28");
_Static_assert(offsetof(struct annulus_descriptor, params_offset) == 32, "annulus_descriptor.params_offset is at 32");
_Static_assert(offsetof(struct annulus_descriptor, params_size) == 36, "annulus_descriptor.params_size is at 36");

/* 16 bytes, little-endian. */
struct annulus_kernel_info {
  uint32_t name_ptr; /* UTF-8 name: byte offset in linear memory */
  uint32_t name_len; /* UTF-8 name: bytes */
  uint16_t major; /* version, first part */
  uint16_t minor; /* version, second part */
  uint16_t patch; /* version, third part */
  uint8_t supports_backward; /* 1 when kernel_backward computes, else 0 */
  uint8_t pad[1]; /* zero */
};
_Static_assert(sizeof(struct annulus_kernel_info) == 16, "annulus_kernel_info is 16 bytes");
_Static_assert(offsetof(struct annulus_kernel_info, name_ptr) == 0, "annulus_kernel_info.name_ptr is at 0");
_Static_assert(offsetof(struct annulus_kernel_info, name_len) == 4, "annulus_kernel_info.name_len is at 4");
_Static_assert(offsetof(struct annulus_kernel_info, major) == 8, "annulus_kernel_info.major is at 8");
_Static_assert(offsetof(struct annulus_kernel_info, minor) == 10, "annulus_kernel_info.minor is at 10");
_Static_assert(offsetof(struct annulus_kernel_info, patch) == 12, "annulus_kernel_info.patch is at 12");
_Static_assert(offsetof(struct annulus_kernel_info, supports_backward) == 14, "annulus_kernel_info.supports_backward is at 14");
_Static_assert(offsetof(struct annulus_kernel_info, pad) == 15, "annulus_kernel_info.pad is at 15");

enum annulus_code {
  ANNULUS_OK = 0, /* the output is complete */
  ANNULUS_INVALID_INPUT = 1, /* an input tensor does not fit the kernel */
  ANNULUS_INVALID_OUTPUT = 2, /* the output region does not fit the result */
  ANNULUS_INVALID_PARAMS = 3, /* a parameter is outside what the kernel accepts */
  ANNULUS_OUT_OF_MEMORY = 4, /* the scratch region is too small */
  ANNULUS_NOT_IMPLEMENTED = 5, /* the kernel lacks what was asked for */
  ANNULUS_INTERNAL_ERROR = 6, /* the kernel failed for a reason of its own */
};

#endif
