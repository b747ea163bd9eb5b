/* RMSNorm: rows x dim, y = x / sqrt(mean(x^2) + eps) * weight; the residual form adds first and gives
 * back the sum as well. f16 is computed as f32 and rounded once. */

#include <math.h>

#include "half.h"
#include "kernel.h"

static const float EPS = 1e-5f;

INLINE float factor_of(const float *restrict x, size_t dim) {
  float squares = 0;
  for (size_t i = 0; i < dim; i++) squares += x[i] * x[i];
  return 1 / sqrtf(squares / (float)dim + EPS);
}

INLINE void scale(const float *restrict x, float factor, const float *restrict weight,
                         size_t dim, float *restrict y) {
  for (size_t i = 0; i < dim; i++) y[i] = x[i] * factor * weight[i];
}

INLINE void add(const float *restrict a, const float *restrict b, size_t count,
                       float *restrict sum) {
  for (size_t i = 0; i < count; i++) sum[i] = a[i] + b[i];
}

static void rmsnorm_f32(const struct call *call) {
  const size_t rows = call->dims[0], dim = call->dims[1];
  const float *x = call->in[0], *weight = call->in[1];
  float *y = call->out[0];
  for (size_t at = 0; at < rows * dim; at += dim)
    scale(x + at, factor_of(x + at, dim), weight, dim, y + at);
}

static void rmsnorm_residual_f32(const struct call *call) {
  const size_t rows = call->dims[0], dim = call->dims[1];
  const float *x = call->in[0], *residual = call->in[1], *weight = call->in[2];
  float *y = call->out[0], *h = call->out[1];
  for (size_t at = 0; at < rows * dim; at += dim) {
    add(x + at, residual + at, dim, h + at);
    scale(h + at, factor_of(h + at, dim), weight, dim, y + at);
  }
}

static void rmsnorm_f16(const struct call *call) {
  const size_t rows = call->dims[0], dim = call->dims[1];
  const uint16_t *x = call->in[0];
  uint16_t *y = call->out[0];
  float *weight = call->scratch, *row = weight + dim, *scaled = row + dim;
  widen(call->in[1], dim, weight);
  for (size_t at = 0; at < rows * dim; at += dim) {
    widen(x + at, dim, row);
    scale(row, factor_of(row, dim), weight, dim, scaled);
    narrow(scaled, dim, y + at);
  }
}

static void rmsnorm_residual_f16(const struct call *call) {
  const size_t rows = call->dims[0], dim = call->dims[1];
  const uint16_t *x = call->in[0], *residual = call->in[1];
  uint16_t *y = call->out[0], *h = call->out[1];
  float *weight = call->scratch, *row = weight + dim, *other = row + dim, *sum = other + dim;
  widen(call->in[2], dim, weight);
  for (size_t at = 0; at < rows * dim; at += dim) {
    widen(x + at, dim, row);
    widen(residual + at, dim, other);
    add(row, other, dim, sum);
    narrow(sum, dim, h + at);
    widen(h + at, dim, row); /* What is normalised is the sum as f16 has it. */
    scale(row, factor_of(row, dim), weight, dim, other);
    narrow(other, dim, y + at);
  }
}

const struct kernel RMSNORM[] = {
    {"rmsnorm_f32", 2, rmsnorm_f32},
    {"rmsnorm_f16", 2, rmsnorm_f16},
    {"rmsnorm_residual_f32", 2, rmsnorm_residual_f32},
    {"rmsnorm_residual_f16", 2, rmsnorm_residual_f16},
    {0},
};
