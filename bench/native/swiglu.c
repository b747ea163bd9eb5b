/* SwiGLU: tokens x ffn, y = gate / (1 + e^-gate) * up, from two tensors or from one that holds both. */

#include <math.h>

#include "half.h"
#include "kernel.h"

enum { CHUNK = 512 }; /* f16 values that are wide at a time, so that they stay in the nearest cache. */

INLINE void activate(const float *restrict gate, const float *restrict up, size_t count,
                            float *restrict y) {
  for (size_t i = 0; i < count; i++) y[i] = gate[i] / (1 + expf(-gate[i])) * up[i];
}

INLINE void activate_f16(const uint16_t *gate, const uint16_t *up, size_t count,
                                uint16_t *y) {
  float wide_gate[CHUNK], wide_up[CHUNK], wide[CHUNK];
  for (size_t at = 0; at < count; at += CHUNK) {
    const size_t some = count - at < CHUNK ? count - at : CHUNK;
    widen(gate + at, some, wide_gate);
    widen(up + at, some, wide_up);
    activate(wide_gate, wide_up, some, wide);
    narrow(wide, some, y + at);
  }
}

static void swiglu_f32(const struct call *call) {
  activate(call->in[0], call->in[1], call->dims[0] * call->dims[1], call->out[0]);
}

static void swiglu_f16(const struct call *call) {
  activate_f16(call->in[0], call->in[1], call->dims[0] * call->dims[1], call->out[0]);
}

static void swiglu_packed_f32_halves(const struct call *call) {
  const size_t tokens = call->dims[0], ffn = call->dims[1];
  const float *x = call->in[0];
  float *y = call->out[0];
  for (size_t i = 0; i < tokens; i++, x += 2 * ffn) activate(x, x + ffn, ffn, y + i * ffn);
}

static void swiglu_packed_f16_halves(const struct call *call) {
  const size_t tokens = call->dims[0], ffn = call->dims[1];
  const uint16_t *x = call->in[0];
  uint16_t *y = call->out[0];
  for (size_t i = 0; i < tokens; i++, x += 2 * ffn) activate_f16(x, x + ffn, ffn, y + i * ffn);
}

INLINE void activate_pairs(const float *restrict x, size_t count, float *restrict y) {
  for (size_t i = 0; i < count; i++) y[i] = x[2 * i] / (1 + expf(-x[2 * i])) * x[2 * i + 1];
}

static void swiglu_packed_f32_interleaved(const struct call *call) {
  activate_pairs(call->in[0], call->dims[0] * call->dims[1], call->out[0]);
}

static void swiglu_packed_f16_interleaved(const struct call *call) {
  const uint16_t *x = call->in[0];
  uint16_t *y = call->out[0];
  const size_t count = call->dims[0] * call->dims[1];
  float pairs[2 * CHUNK], wide[CHUNK];
  for (size_t at = 0; at < count; at += CHUNK) {
    const size_t some = count - at < CHUNK ? count - at : CHUNK;
    widen(x + 2 * at, 2 * some, pairs);
    activate_pairs(pairs, some, wide);
    narrow(wide, some, y + at);
  }
}

const struct kernel SWIGLU[] = {
    {"swiglu_f32", 2, swiglu_f32},
    {"swiglu_f16", 2, swiglu_f16},
    {"swiglu_packed_f32_halves", 2, swiglu_packed_f32_halves},
    {"swiglu_packed_f16_halves", 2, swiglu_packed_f16_halves},
    {"swiglu_packed_f32_interleaved", 2, swiglu_packed_f32_interleaved},
    {"swiglu_packed_f16_interleaved", 2, swiglu_packed_f16_interleaved},
    {0},
};
