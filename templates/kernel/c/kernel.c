// my_kernel: y = gain * x / (1 + |x| / limit), row by row. Small values pass as they are, large ones
// approach the limit, and each row has a gain of its own.
// In x f32[rows, width], gain f32[rows]; out y f32[rows, width]. Judge: reference.ts, within 4 ULP.
//
// The inner loop has no call and no branch, and `restrict` says that y overlaps nothing, which the host
// guarantees. So clang computes four values at a time without being told how.

#include "generated/my_kernel.h"

#define EXPORT(name) __attribute__((export_name(#name)))

typedef struct annulus_my_kernel_params params_t;

/* Where an offset of the descriptor lies. */
static void *at(uint32_t offset) { return (void *)(uintptr_t)offset; }

/* Whether a region holds exactly this many f32. Two u32 dimensions never overflow 64 bits. */
static int holds(uint32_t bytes, uint64_t count) { return bytes % 4 == 0 && bytes / 4 == count; }

static void limit_row(float *restrict y, const float *restrict x, uint32_t width, float gain,
                      float inverse) {
  for (uint32_t i = 0; i < width; i++) y[i] = x[i] / (1 + __builtin_fabsf(x[i]) * inverse) * gain;
}

EXPORT(my_kernel_forward) int32_t my_kernel_forward(const struct annulus_descriptor *desc) {
  if (desc->params_size != ANNULUS_MY_KERNEL_PARAMS_BYTES) return ANNULUS_INVALID_PARAMS;
  const params_t *params = at(desc->params_offset);
  if (!(params->limit >= 1 && params->limit <= 65504)) return ANNULUS_INVALID_PARAMS; // Nor NaN.

  uint32_t rows = params->dim_rows, width = params->dim_width;
  if (!holds(desc->input_a_size, (uint64_t)rows * width)) return ANNULUS_INVALID_INPUT;
  if (!holds(desc->input_b_size, rows)) return ANNULUS_INVALID_INPUT;
  if (desc->output_size != desc->input_a_size) return ANNULUS_INVALID_OUTPUT;
  if (desc->input_a_size == 0) return ANNULUS_OK; // Nothing of the descriptor but its sizes counts.

  const float *x = at(desc->input_a_offset), *gain = at(desc->input_b_offset);
  float *y = at(desc->output_offset);
  for (uint32_t row = 0; row < rows; row++, x += width, y += width)
    limit_row(y, x, width, gain[row], 1 / params->limit);
  return ANNULUS_OK;
}

/* Once per instance, before its first call. This kernel keeps nothing between calls. */
EXPORT(kernel_init) int32_t kernel_init(const void *params, uint32_t bytes) {
  (void)params, (void)bytes;
  return ANNULUS_OK;
}

EXPORT(kernel_info) int32_t kernel_info(struct annulus_kernel_info *info) {
  return annulus_my_kernel_info(info);
}

EXPORT(kernel_cleanup) int32_t kernel_cleanup(void) { return ANNULUS_OK; }
