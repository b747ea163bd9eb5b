/* LoRA: tokens x in x out x rank, y = base + scale * B (A x), each token with the adapter it names.
 * A is [rank, in] and B [out, rank], as adapters are stored.
 *
 * Products of a few rows by a few rows, whose sums stay in registers, so that each load serves several
 * of them. Widths and ranks are multiples of 8, as they mostly are. */

#include "half.h"
#include "kernel.h"

enum { RANK_MAX = 64, TOKENS = 4, RANKS = 2, OUTPUTS = 2, LANES = 8 };

/* Eight neighbouring values, wherever they lie: compilers know how to add and multiply them. */
typedef float lanes __attribute__((vector_size(32), aligned(4), may_alias));

INLINE const lanes *at(const float *values) { return (const lanes *)values; }

INLINE lanes load_f32(const float *values) { return *at(values); }

INLINE lanes load_f16(const uint16_t *values) {
#if defined(__F16C__)
  return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)values));
#else
  float wide[LANES];
  widen(values, LANES, wide);
  return *at(wide);
#endif
}

INLINE lanes all(float value) {
  return (lanes){value, value, value, value, value, value, value, value};
}

INLINE float sum_of(lanes v) {
  return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
}

/* The sum of each of eight. */
INLINE lanes sums_of(const lanes v[LANES]) {
#if defined(__F16C__)
  const __m256 low = _mm256_hadd_ps(_mm256_hadd_ps(v[0], v[1]), _mm256_hadd_ps(v[2], v[3]));
  const __m256 high = _mm256_hadd_ps(_mm256_hadd_ps(v[4], v[5]), _mm256_hadd_ps(v[6], v[7]));
  return _mm256_permute2f128_ps(low, high, 0x20) + _mm256_permute2f128_ps(low, high, 0x31);
#else
  lanes sums;
  for (size_t i = 0; i < LANES; i++) sums[i] = sum_of(v[i]);
  return sums;
#endif
}

/* One token: t[r] = scale * A[r] . x with eight sums, or each addition would wait for the last; then
 * eight values of y = base + B t as f32. */
#define LORA_ONE(type, element)                                                                    \
  INLINE void project_one_##type(const element *x, size_t in, size_t rank,                  \
                                        const element *a, float scale, float *t) {                 \
    for (size_t r = 0; r < rank; r += LANES) {                                                     \
      lanes sums[LANES] = {0};                                                                     \
      for (size_t i = 0; i < in; i += LANES) {                                                     \
        const lanes values = load_##type(x + i);                                                   \
        _Pragma("GCC unroll 8") for (size_t row = 0; row < LANES; row++)                           \
            sums[row] += values * load_##type(a + (r + row) * in + i);                             \
      }                                                                                            \
      *(lanes *)(t + r) = sums_of(sums) * all(scale);                                              \
    }                                                                                              \
  }                                                                                                \
  INLINE lanes expand_one_##type(const element *base, const element *b, size_t rank,        \
                                        const float *t) {                                          \
    lanes sums[LANES] = {0};                                                                       \
    for (size_t r = 0; r < rank; r += LANES)                                                       \
      _Pragma("GCC unroll 8") for (size_t i = 0; i < LANES; i++)                                   \
          sums[i] += load_##type(b + i * rank + r) * *at(t + r);                                   \
    return load_##type(base) + sums_of(sums);                                                      \
  }

LORA_ONE(f32, float)
LORA_ONE(f16, uint16_t)

/* t of TOKENS tokens, two ranks at a time. */
INLINE void project(const float *x, size_t in, size_t rank, const float *a, float scale,
                           float t[TOKENS][RANK_MAX]) {
  for (size_t r = 0; r < rank; r += RANKS) {
    const float *a0 = a + r * in, *a1 = a0 + in;
    lanes sums[TOKENS][RANKS] = {0};
    for (size_t i = 0; i < in; i += LANES) {
      const lanes first = *at(a0 + i), second = *at(a1 + i);
#pragma GCC unroll 4
      for (size_t token = 0; token < TOKENS; token++) {
        const lanes values = *at(x + token * in + i);
        sums[token][0] += values * first;
        sums[token][1] += values * second;
      }
    }
    for (size_t token = 0; token < TOKENS; token++)
      for (size_t i = 0; i < RANKS; i++) t[token][r + i] = sum_of(sums[token][i]) * scale;
  }
}

/* B with its ranks as rows, so that neighbouring outputs are neighbours. */
static void transpose(const float *restrict b, size_t out, size_t rank, float *restrict turned) {
  for (size_t o = 0; o < out; o++)
    for (size_t r = 0; r < rank; r++) turned[r * out + o] = b[o * rank + r];
}

/* y = base + t B for TOKENS tokens, by a turned B: 16 outputs of each at a time. */
INLINE void expand_many(const float *base, const float *turned, size_t out, size_t rank,
                               float t[TOKENS][RANK_MAX], float *y) {
  for (size_t o = 0; o < out; o += OUTPUTS * LANES) {
    lanes sums[TOKENS][OUTPUTS];
#pragma GCC unroll 4
    for (size_t token = 0; token < TOKENS; token++)
      for (size_t i = 0; i < OUTPUTS; i++) sums[token][i] = *at(base + token * out + o + i * LANES);
    for (size_t r = 0; r < rank; r++) {
      const float *row = turned + r * out + o;
      const lanes first = *at(row), second = *at(row + LANES);
#pragma GCC unroll 4
      for (size_t token = 0; token < TOKENS; token++) {
        sums[token][0] += first * all(t[token][r]);
        sums[token][1] += second * all(t[token][r]);
      }
    }
#pragma GCC unroll 4
    for (size_t token = 0; token < TOKENS; token++)
      for (size_t i = 0; i < OUTPUTS; i++)
        *(lanes *)(y + token * out + o + i * LANES) = sums[token][i];
  }
}

/* Whether the next TOKENS tokens name the same adapter. */
INLINE int are_alike(const int32_t *adapter, size_t left) {
  if (left < TOKENS) return 0;
  return adapter[0] == adapter[1] && adapter[0] == adapter[2] && adapter[0] == adapter[3];
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
    const int32_t index = adapter[token];
    const float *its_a = a + (size_t)index * rank * in, *its_b = b + (size_t)index * out * rank;
    const size_t first = token * out;
    some = are_alike(adapter + token, tokens - token) ? TOKENS : 1;
    if (some == 1) {
      project_one_f32(x + token * in, in, rank, its_a, scales[index], t[0]);
      for (size_t o = 0; o < out; o += LANES)
        *(lanes *)(y + first + o) = expand_one_f32(base + first + o, its_b + o * rank, rank, t[0]);
      continue;
    }
    if (held != index) transpose(its_b, out, rank, turned), held = index;
    project(x + token * in, in, rank, its_a, scales[index], t);
    expand_many(base + first, turned, out, rank, t, y + first);
  }
}

/* As f32, and rounded once. For some tokens at a time the matrices are widened, once per adapter. */
static void lora_apply_f16(const struct call *call) {
  const size_t tokens = call->dims[0], in = call->dims[1], out = call->dims[2],
               rank = call->dims[3];
  const uint16_t *x = call->in[0], *a = call->in[1], *b = call->in[2], *base = call->in[4];
  const float *scales = call->in[3];
  const int32_t *adapter = call->in[5];
  uint16_t *y = call->out[0];
  float *wide_a = call->scratch, *wide_b = wide_a + rank * in, *turned = wide_b + rank * out,
        *rows = turned + rank * out, *sums = rows + TOKENS * in;
  int32_t held = -1;
  float t[TOKENS][RANK_MAX];
  for (size_t token = 0, some; token < tokens; token += some) {
    const int32_t index = adapter[token];
    const uint16_t *its_a = a + (size_t)index * rank * in, *its_b = b + (size_t)index * out * rank;
    const size_t first = token * out;
    some = are_alike(adapter + token, tokens - token) ? TOKENS : 1;
    if (some == 1) {
      project_one_f16(x + token * in, in, rank, its_a, scales[index], t[0]);
      for (size_t o = 0; o < out; o += LANES)
        *(lanes *)(sums + o) = expand_one_f16(base + first + o, its_b + o * rank, rank, t[0]);
      narrow(sums, out, y + first);
      continue;
    }
    if (held != index) {
      widen(its_a, rank * in, wide_a);
      widen(its_b, rank * out, wide_b);
      transpose(wide_b, out, rank, turned);
      held = index;
    }
    widen(x + token * in, TOKENS * in, rows);
    widen(base + first, TOKENS * out, sums);
    project(rows, in, rank, wide_a, scales[index], t);
    expand_many(sums, turned, out, rank, t, sums);
    narrow(sums, TOKENS * out, y + first);
  }
}

const struct kernel LORA[] = {
    {"lora_apply_f32", 4, lora_apply_f32},
    {"lora_apply_f16", 4, lora_apply_f16},
    {0},
};
