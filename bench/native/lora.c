/* LoRA: tokens x in x out x rank, y = base + scale * B (A x), each token with the adapter it names.
 * A is [rank, in] and B [out, rank], as adapters are stored. */

#include "kernel.h"

enum { RANK_MAX = 64, TOKENS = 4, OUTPUTS = 256 };

/* t[token][r] = scale * A[r] · x[token], for some tokens that share the loads of A. */
static inline void project(const float *restrict x, size_t tokens, size_t in, size_t rank,
                           const float *restrict a, float scale, float t[TOKENS][RANK_MAX]) {
  for (size_t r = 0; r < rank; r++) {
    const float *restrict row = a + r * in;
    if (tokens == TOKENS) {
      const float *restrict x1 = x + in, *restrict x2 = x1 + in, *restrict x3 = x2 + in;
      float s0 = 0, s1 = 0, s2 = 0, s3 = 0;
      for (size_t i = 0; i < in; i++) {
        s0 += row[i] * x[i];
        s1 += row[i] * x1[i];
        s2 += row[i] * x2[i];
        s3 += row[i] * x3[i];
      }
      t[0][r] = s0 * scale, t[1][r] = s1 * scale, t[2][r] = s2 * scale, t[3][r] = s3 * scale;
      continue;
    }
    for (size_t token = 0; token < tokens; token++) {
      float sum = 0;
      for (size_t i = 0; i < in; i++) sum += row[i] * x[token * in + i];
      t[token][r] = sum * scale;
    }
  }
}

/* B with its ranks as rows, so that neighbouring outputs are neighbours. */
static inline void transpose(const float *restrict b, size_t out, size_t rank,
                             float *restrict turned) {
  for (size_t o = 0; o < out; o++)
    for (size_t r = 0; r < rank; r++) turned[r * out + o] = b[o * rank + r];
}

/* y = base + t B, by a turned B: worth its while for many tokens. */
static inline void expand_many(const float *restrict base, const float *restrict turned, size_t out,
                               size_t rank, const float *restrict t, float *restrict y) {
  for (size_t at = 0; at < out; at += OUTPUTS) {
    const size_t some = out - at < OUTPUTS ? out - at : OUTPUTS;
    float sums[OUTPUTS];
    for (size_t o = 0; o < some; o++) sums[o] = base[at + o];
    for (size_t r = 0; r < rank; r++)
      for (size_t o = 0; o < some; o++) sums[o] += t[r] * turned[r * out + at + o];
    for (size_t o = 0; o < some; o++) y[at + o] = sums[o];
  }
}

static inline void expand_one(const float *restrict base, const float *restrict b, size_t out,
                              size_t rank, const float *restrict t, float *restrict y) {
  for (size_t o = 0; o < out; o++) {
    float sum = base[o];
    for (size_t r = 0; r < rank; r++) sum += t[r] * b[o * rank + r];
    y[o] = sum;
  }
}

/* Tokens in a row that name the same adapter, `TOKENS` at most. */
static inline size_t alike(const int32_t *adapter, size_t left) {
  size_t count = 1;
  while (count < left && count < TOKENS && adapter[count] == adapter[0]) count++;
  return count;
}

static void lora_apply_f32(const struct call *call) {
  const size_t tokens = call->dims[0], in = call->dims[1], out = call->dims[2],
               rank = call->dims[3];
  const float *x = call->in[0], *a = call->in[1], *b = call->in[2], *scales = call->in[3],
              *base = call->in[4];
  const int32_t *adapter = call->in[5];
  float *y = call->out[0], *turned = call->scratch;
  int32_t held = -1; /* The adapter whose B lies turned. */
  float t[TOKENS][RANK_MAX];
  for (size_t token = 0, some; token < tokens; token += some) {
    some = alike(adapter + token, tokens - token);
    const int32_t index = adapter[token];
    const float *its_b = b + (size_t)index * out * rank;
    project(x + token * in, some, in, rank, a + (size_t)index * rank * in, scales[index], t);
    if (tokens > TOKENS && held != index) transpose(its_b, out, rank, turned), held = index;
    for (size_t i = 0; i < some; i++) {
      const size_t at = (token + i) * out;
      if (held == index) expand_many(base + at, turned, out, rank, t[i], y + at);
      else expand_one(base + at, its_b, out, rank, t[i], y + at);
    }
  }
}

const struct kernel LORA[] = {
    {"lora_apply_f32", 4, lora_apply_f32},
    {0},
};
