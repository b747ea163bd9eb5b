/* RoPE: batch x seq x heads x dim, pairs turned by the angles of their position. Cosines and sines are
 * worked out once per position. q8 is unpacked, turned and packed anew, head by head. */

#include <math.h>

#include "half.h"
#include "kernel.h"
#include "q8.h"

enum { HEAD_MAX = 1024 };

typedef void turn(const float *restrict, const float *restrict, size_t, float *restrict);

/* How a head is taken from its tensor, turned, and put into the other. `at` counts values. */
typedef void head(const struct call *, size_t at, const float *table, size_t half);

INLINE void turn_table(const float *restrict angles, size_t half, float *restrict table) {
  for (size_t i = 0; i < half; i++) table[i] = cosf(angles[i]);
  for (size_t i = 0; i < half; i++) table[half + i] = sinf(angles[i]);
}

INLINE void turn_interleaved(const float *restrict x, const float *restrict table,
                                    size_t half, float *restrict y) {
  for (size_t i = 0; i < half; i++) {
    const float c = table[i], s = table[half + i], p = x[2 * i], q = x[2 * i + 1];
    y[2 * i] = p * c - q * s;
    y[2 * i + 1] = p * s + q * c;
  }
}

INLINE void turn_half_split(const float *restrict x, const float *restrict table,
                                   size_t half, float *restrict y) {
  for (size_t i = 0; i < half; i++) {
    const float c = table[i], s = table[half + i], p = x[i], q = x[half + i];
    y[i] = p * c - q * s;
    y[half + i] = p * s + q * c;
  }
}

INLINE void head_f32(const struct call *call, size_t at, const float *table, size_t half,
                            turn *turn) {
  turn((const float *)call->in[0] + at, table, half, (float *)call->out[0] + at);
}

INLINE void head_f16(const struct call *call, size_t at, const float *table, size_t half,
                            turn *turn) {
  float x[HEAD_MAX], y[HEAD_MAX];
  widen((const uint16_t *)call->in[0] + at, 2 * half, x);
  turn(x, table, half, y);
  narrow(y, 2 * half, (uint16_t *)call->out[0] + at);
}

INLINE void head_q8(const struct call *call, size_t at, const float *table, size_t half,
                           turn *turn) {
  float x[HEAD_MAX], y[HEAD_MAX];
  const size_t first = at / Q8_VALUES, blocks = 2 * half / Q8_VALUES;
  const struct q8 *from = (const struct q8 *)call->in[0] + first;
  struct q8 *to = (struct q8 *)call->out[0] + first;
  for (size_t i = 0; i < blocks; i++) unpack_q8(from + i, x + i * Q8_VALUES);
  turn(x, table, half, y);
  for (size_t i = 0; i < blocks; i++) pack_q8(y + i * Q8_VALUES, to + i);
}

INLINE void rope(const struct call *call, head *head) {
  const size_t batch = call->dims[0], seq = call->dims[1], heads = call->dims[2],
               dim = call->dims[3], half = dim / 2;
  const float *angles = call->in[1];
  float *table = call->scratch;
  for (size_t position = 0; position < seq; position++) {
    turn_table(angles + position * half, half, table);
    for (size_t entry = 0; entry < batch; entry++) {
      const size_t first = (entry * seq + position) * heads * dim;
      for (size_t i = 0; i < heads; i++) head(call, first + i * dim, table, half);
    }
  }
}

#define ROPE_KERNEL(type, layout)                                                                  \
  INLINE void head_##type##_##layout(const struct call *call, size_t at,                    \
                                            const float *table, size_t half) {                     \
    head_##type(call, at, table, half, turn_##layout);                                             \
  }                                                                                                \
  static void rope_##type##_##layout(const struct call *call) { rope(call, head_##type##_##layout); }

ROPE_KERNEL(f32, interleaved)
ROPE_KERNEL(f32, half_split)
ROPE_KERNEL(f16, interleaved)
ROPE_KERNEL(f16, half_split)
ROPE_KERNEL(q8, interleaved)
ROPE_KERNEL(q8, half_split)

const struct kernel ROPE[] = {
    {"rope_f32_interleaved", 4, rope_f32_interleaved},
    {"rope_f32_half_split", 4, rope_f32_half_split},
    {"rope_f16_interleaved", 4, rope_f16_interleaved},
    {"rope_f16_half_split", 4, rope_f16_half_split},
    {"rope_q8_interleaved", 4, rope_q8_interleaved},
    {"rope_q8_half_split", 4, rope_q8_half_split},
    {0},
};
