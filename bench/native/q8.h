/* Q8: GGML's Q8_0: 32 values as one f16 step and 32 signed bytes. */

#ifndef ANNULUS_BENCH_Q8_H
#define ANNULUS_BENCH_Q8_H

#include <math.h>

#include "half.h"

enum { Q8_VALUES = 32 };

struct q8 {
  uint16_t step;
  int8_t codes[Q8_VALUES];
};

_Static_assert(sizeof(struct q8) == 34, "blocks lie end to end");

INLINE float inverse_of(float step) { return step == 0 ? 0 : 1 / step; }

INLINE void pack_q8(const float *restrict x, struct q8 *restrict block) {
  float largest = 0;
  for (int i = 0; i < Q8_VALUES; i++) largest = fmaxf(largest, fabsf(x[i]));
  const float step = largest / 127, inverse = inverse_of(step);
  block->step = half_of(step);
  for (int i = 0; i < Q8_VALUES; i++) {
    const float scaled = x[i] * inverse;
    block->codes[i] = (int8_t)(int)(scaled + copysignf(0.5f, scaled)); /* Ties go away from 0. */
  }
}

INLINE void unpack_q8(const struct q8 *restrict block, float *restrict x) {
  const float step = wide_of(block->step);
  for (int i = 0; i < Q8_VALUES; i++) x[i] = (float)block->codes[i] * step;
}

#endif
