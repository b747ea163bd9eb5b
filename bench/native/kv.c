/* KV: rows x channels of f32 or f16 into blocks of 32 and back: GGML's Q8_0, Q4_0 and Q4_1, and KIVI's of
 * 4 or 2 bits, whose keys are grouped along 32 rows. */

#include <math.h>
#include <string.h>

#include "half.h"
#include "kernel.h"
#include "q8.h"

enum { VALUES = 32, LANES = 16 };

struct q4_0 {
  uint16_t step;
  uint8_t codes[VALUES / 2];
};

struct q4_1 {
  uint16_t step, least;
  uint8_t codes[VALUES / 2];
};

/* KIVI's, with the first code lowest. */
struct kivi4 {
  uint16_t step, least;
  uint8_t codes[VALUES / 2];
};

struct kivi2 {
  uint16_t step, least;
  uint8_t codes[VALUES / 4];
};

_Static_assert(sizeof(struct q4_0) == 18 && sizeof(struct q4_1) == 20 && sizeof(struct kivi4) == 20 &&
                   sizeof(struct kivi2) == 12,
               "blocks lie end to end");

INLINE size_t blocks_in(const struct call *call) {
  return call->dims[0] * call->dims[1] / VALUES;
}

INLINE void range_of(const float *restrict x, float *least, float *greatest) {
  float low = x[0], high = x[0];
  for (int i = 1; i < VALUES; i++) low = fminf(low, x[i]);
  for (int i = 1; i < VALUES; i++) high = fmaxf(high, x[i]);
  *least = low;
  *greatest = high;
}

/* Truncates to codes of 4 bits and packs value i with value i + 16. */
INLINE void pack_halves(const float *restrict scaled, uint8_t *restrict codes) {
  uint8_t wide[VALUES];
  for (int i = 0; i < VALUES; i++) wide[i] = (uint8_t)(int)fminf(scaled[i], 15);
  for (int i = 0; i < VALUES / 2; i++)
    codes[i] = (uint8_t)(wide[i] | wide[i + VALUES / 2] << 4);
}

/* The value of the largest magnitude, and the first of them where there are several. */
INLINE float largest_of(const float *restrict x) {
  float least, greatest;
  range_of(x, &least, &greatest);
  for (int i = 0; -least == greatest; i++)
    if (fabsf(x[i]) == greatest) return x[i];
  return -least > greatest ? least : greatest;
}

INLINE void pack_q4_0(const float *restrict x, struct q4_0 *restrict block) {
  float scaled[VALUES];
  const float step = largest_of(x) / -8, inverse = inverse_of(step);
  block->step = half_of(step);
  for (int i = 0; i < VALUES; i++) scaled[i] = x[i] * inverse + 8.5f;
  pack_halves(scaled, block->codes);
}

INLINE void pack_q4_1(const float *restrict x, struct q4_1 *restrict block) {
  float least, greatest, scaled[VALUES];
  range_of(x, &least, &greatest);
  const float step = (greatest - least) / 15, inverse = inverse_of(step);
  block->step = half_of(step);
  block->least = half_of(least);
  for (int i = 0; i < VALUES; i++) scaled[i] = (x[i] - least) * inverse + 0.5f;
  pack_halves(scaled, block->codes);
}

/* Codes come from step and least as f16 has them, to the nearest. */
INLINE uint8_t kivi_code(float x, float least, float inverse, int most) {
  return (uint8_t)(int)fminf(fmaxf(rintf((x - least) * inverse), 0), (float)most);
}

#define PACK_KIVI(bits)                                                                            \
  INLINE void pack_kivi_v##bits(const float *restrict x, struct kivi##bits *restrict block) { \
    enum { MOST = (1 << bits) - 1, PER_BYTE = 8 / bits };                                          \
    float least, greatest;                                                                         \
    uint8_t codes[VALUES];                                                                         \
    range_of(x, &least, &greatest);                                                                \
    block->step = half_of((greatest - least) / MOST);                                              \
    block->least = half_of(least);                                                                 \
    const float inverse = inverse_of(wide_of(block->step)), from = wide_of(block->least);          \
    for (int i = 0; i < VALUES; i++) codes[i] = kivi_code(x[i], from, inverse, MOST);              \
    for (int byte = 0; byte < VALUES / PER_BYTE; byte++) {                                         \
      int sum = 0;                                                                                 \
      for (int i = 0; i < PER_BYTE; i++) sum |= codes[byte * PER_BYTE + i] << i * bits;            \
      block->codes[byte] = (uint8_t)sum;                                                           \
    }                                                                                              \
  }                                                                                                \
  /* The blocks of LANES channels over 32 rows: a lane is a channel. */                            \
  INLINE void pack_kivi_k##bits(const float *restrict x, size_t channels,                   \
                                       struct kivi##bits *restrict blocks) {                       \
    enum { MOST = (1 << bits) - 1, PER_BYTE = 8 / bits };                                          \
    float least[LANES], greatest[LANES], inverse[LANES];                                           \
    uint8_t codes[VALUES / PER_BYTE][LANES];                                                       \
    memcpy(least, x, sizeof least);                                                                \
    memcpy(greatest, x, sizeof greatest);                                                          \
    for (size_t row = 1; row < VALUES; row++)                                                      \
      for (int lane = 0; lane < LANES; lane++) {                                                   \
        least[lane] = fminf(least[lane], x[row * channels + lane]);                                \
        greatest[lane] = fmaxf(greatest[lane], x[row * channels + lane]);                          \
      }                                                                                            \
    for (int lane = 0; lane < LANES; lane++) {                                                     \
      blocks[lane].step = half_of((greatest[lane] - least[lane]) / MOST);                          \
      blocks[lane].least = half_of(least[lane]);                                                   \
      inverse[lane] = inverse_of(wide_of(blocks[lane].step));                                      \
      least[lane] = wide_of(blocks[lane].least);                                                   \
    }                                                                                              \
    for (size_t byte = 0; byte < VALUES / PER_BYTE; byte++) {                                      \
      const float *restrict from = x + byte * PER_BYTE * channels;                                 \
      for (int lane = 0; lane < LANES; lane++) {                                                   \
        int sum = 0;                                                                               \
        for (size_t i = 0; i < PER_BYTE; i++)                                                      \
          sum |= kivi_code(from[i * channels + lane], least[lane], inverse[lane], MOST)            \
                 << i * bits;                                                                      \
        codes[byte][lane] = (uint8_t)sum;                                                          \
      }                                                                                            \
    }                                                                                              \
    for (int lane = 0; lane < LANES; lane++)                                                       \
      for (int byte = 0; byte < VALUES / PER_BYTE; byte++)                                         \
        blocks[lane].codes[byte] = codes[byte][lane];                                              \
  }

PACK_KIVI(4)
PACK_KIVI(2)

INLINE void unpack_q4_0(const struct q4_0 *restrict block, float *restrict x) {
  const float step = wide_of(block->step);
  for (int i = 0; i < VALUES / 2; i++) x[i] = (float)((block->codes[i] & 15) - 8) * step;
  for (int i = 0; i < VALUES / 2; i++)
    x[i + VALUES / 2] = (float)((block->codes[i] >> 4) - 8) * step;
}

INLINE void unpack_q4_1(const struct q4_1 *restrict block, float *restrict x) {
  const float step = wide_of(block->step), least = wide_of(block->least);
  for (int i = 0; i < VALUES / 2; i++) x[i] = (float)(block->codes[i] & 15) * step + least;
  for (int i = 0; i < VALUES / 2; i++)
    x[i + VALUES / 2] = (float)(block->codes[i] >> 4) * step + least;
}

#define UNPACK_KIVI(bits)                                                                          \
  INLINE void unpack_kivi_v##bits(const struct kivi##bits *restrict block,                  \
                                         float *restrict x) {                                      \
    enum { MOST = (1 << bits) - 1, PER_BYTE = 8 / bits };                                          \
    const float step = wide_of(block->step), least = wide_of(block->least);                        \
    for (int byte = 0; byte < VALUES / PER_BYTE; byte++)                                           \
      for (int i = 0; i < PER_BYTE; i++)                                                           \
        x[byte * PER_BYTE + i] = (float)(block->codes[byte] >> i * bits & MOST) * step + least;    \
  }                                                                                                \
  INLINE void unpack_kivi_k##bits(const struct kivi##bits *restrict blocks,                 \
                                         size_t channels, float *restrict x) {                     \
    enum { MOST = (1 << bits) - 1, PER_BYTE = 8 / bits };                                          \
    float step[LANES], least[LANES];                                                               \
    uint8_t codes[VALUES / PER_BYTE][LANES];                                                       \
    for (int lane = 0; lane < LANES; lane++) {                                                     \
      step[lane] = wide_of(blocks[lane].step);                                                     \
      least[lane] = wide_of(blocks[lane].least);                                                   \
      for (int byte = 0; byte < VALUES / PER_BYTE; byte++)                                         \
        codes[byte][lane] = blocks[lane].codes[byte];                                              \
    }                                                                                              \
    for (size_t byte = 0; byte < VALUES / PER_BYTE; byte++)                                        \
      for (size_t i = 0; i < PER_BYTE; i++) {                                                      \
        float *restrict to = x + (byte * PER_BYTE + i) * channels;                                 \
        for (int lane = 0; lane < LANES; lane++)                                                   \
          to[lane] = (float)(codes[byte][lane] >> i * bits & MOST) * step[lane] + least[lane];     \
      }                                                                                            \
  }

UNPACK_KIVI(4)
UNPACK_KIVI(2)

/* f16 goes through f32, block by block. */
#define BY_BLOCK(kernel, block, pack, unpack)                                                      \
  static void kv_pack_##kernel##_f32(const struct call *call) {                                    \
    const float *x = call->in[0];                                                                  \
    struct block *blocks = call->out[0];                                                           \
    const size_t count = blocks_in(call);                                                          \
    for (size_t i = 0; i < count; i++) pack(x + i * VALUES, blocks + i);                           \
  }                                                                                                \
  static void kv_unpack_##kernel##_f32(const struct call *call) {                                  \
    const struct block *blocks = call->in[0];                                                      \
    float *x = call->out[0];                                                                       \
    const size_t count = blocks_in(call);                                                          \
    for (size_t i = 0; i < count; i++) unpack(blocks + i, x + i * VALUES);                         \
  }                                                                                                \
  static void kv_pack_##kernel##_f16(const struct call *call) {                                    \
    const uint16_t *x = call->in[0];                                                               \
    struct block *blocks = call->out[0];                                                           \
    const size_t count = blocks_in(call);                                                          \
    float wide[VALUES];                                                                            \
    for (size_t i = 0; i < count; i++) {                                                           \
      widen(x + i * VALUES, VALUES, wide);                                                         \
      pack(wide, blocks + i);                                                                      \
    }                                                                                              \
  }                                                                                                \
  static void kv_unpack_##kernel##_f16(const struct call *call) {                                  \
    const struct block *blocks = call->in[0];                                                      \
    uint16_t *x = call->out[0];                                                                    \
    const size_t count = blocks_in(call);                                                          \
    float wide[VALUES];                                                                            \
    for (size_t i = 0; i < count; i++) {                                                           \
      unpack(blocks + i, wide);                                                                    \
      narrow(wide, VALUES, x + i * VALUES);                                                        \
    }                                                                                              \
  }

/* The same, LANES channels of 32 rows at a time. */
#define BY_LANES(kernel, block, pack, unpack)                                                      \
  static void kv_pack_##kernel##_f32(const struct call *call) {                                    \
    const size_t rows = call->dims[0], channels = call->dims[1];                                   \
    const float *x = call->in[0];                                                                  \
    struct block *blocks = call->out[0];                                                           \
    for (size_t row = 0; row < rows; row += VALUES)                                                \
      for (size_t at = 0; at < channels; at += LANES)                                              \
        pack(x + row * channels + at, channels, blocks + row / VALUES * channels + at);            \
  }                                                                                                \
  static void kv_unpack_##kernel##_f32(const struct call *call) {                                  \
    const size_t rows = call->dims[0], channels = call->dims[1];                                   \
    const struct block *blocks = call->in[0];                                                      \
    float *x = call->out[0];                                                                       \
    for (size_t row = 0; row < rows; row += VALUES)                                                \
      for (size_t at = 0; at < channels; at += LANES)                                              \
        unpack(blocks + row / VALUES * channels + at, channels, x + row * channels + at);          \
  }                                                                                                \
  static void kv_pack_##kernel##_f16(const struct call *call) {                                    \
    const size_t rows = call->dims[0], channels = call->dims[1];                                   \
    const uint16_t *x = call->in[0];                                                               \
    struct block *blocks = call->out[0];                                                           \
    float wide[VALUES * LANES];                                                                    \
    for (size_t row = 0; row < rows; row += VALUES)                                                \
      for (size_t at = 0; at < channels; at += LANES) {                                            \
        for (size_t i = 0; i < VALUES; i++)                                                        \
          widen(x + (row + i) * channels + at, LANES, wide + i * LANES);                           \
        pack(wide, LANES, blocks + row / VALUES * channels + at);                                  \
      }                                                                                            \
  }                                                                                                \
  static void kv_unpack_##kernel##_f16(const struct call *call) {                                  \
    const size_t rows = call->dims[0], channels = call->dims[1];                                   \
    const struct block *blocks = call->in[0];                                                      \
    uint16_t *x = call->out[0];                                                                    \
    float wide[VALUES * LANES];                                                                    \
    for (size_t row = 0; row < rows; row += VALUES)                                                \
      for (size_t at = 0; at < channels; at += LANES) {                                            \
        unpack(blocks + row / VALUES * channels + at, LANES, wide);                                \
        for (size_t i = 0; i < VALUES; i++)                                                        \
          narrow(wide + i * LANES, LANES, x + (row + i) * channels + at);                          \
      }                                                                                            \
  }

BY_BLOCK(q8, q8, pack_q8, unpack_q8)
BY_BLOCK(q4_0, q4_0, pack_q4_0, unpack_q4_0)
BY_BLOCK(q4_1, q4_1, pack_q4_1, unpack_q4_1)
BY_BLOCK(kivi_v, kivi4, pack_kivi_v4, unpack_kivi_v4)
BY_BLOCK(kivi_v2, kivi2, pack_kivi_v2, unpack_kivi_v2)
BY_LANES(kivi_k, kivi4, pack_kivi_k4, unpack_kivi_k4)
BY_LANES(kivi_k2, kivi2, pack_kivi_k2, unpack_kivi_k2)

#define ENTRIES(kernel)                                                                            \
  {"kv_pack_" #kernel "_f32", 2, kv_pack_##kernel##_f32},                                          \
      {"kv_unpack_" #kernel "_f32", 2, kv_unpack_##kernel##_f32},                                  \
      {"kv_pack_" #kernel "_f16", 2, kv_pack_##kernel##_f16},                                      \
      {"kv_unpack_" #kernel "_f16", 2, kv_unpack_##kernel##_f16}

const struct kernel KV[] = {
    ENTRIES(q8),     ENTRIES(q4_0),    ENTRIES(q4_1),    ENTRIES(kivi_k),
    ENTRIES(kivi_v), ENTRIES(kivi_k2), ENTRIES(kivi_v2), {0},
};
