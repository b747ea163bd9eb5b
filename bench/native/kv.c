/* KV: rows x channels of f32 into blocks of 32 and back: GGML's Q8_0, Q4_0 and Q4_1, and KIVI's, whose
 * keys are grouped along 32 rows. */

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

struct q4_1 { /* KIVI's blocks too; the order of codes differs. */
  uint16_t step, least;
  uint8_t codes[VALUES / 2];
};

_Static_assert(sizeof(struct q4_0) == 18 && sizeof(struct q4_1) == 20, "blocks lie end to end");

static inline size_t blocks_in(const struct call *call) {
  return call->dims[0] * call->dims[1] / VALUES;
}

static inline void range_of(const float *restrict x, float *least, float *greatest) {
  float low = x[0], high = x[0];
  for (int i = 1; i < VALUES; i++) low = fminf(low, x[i]);
  for (int i = 1; i < VALUES; i++) high = fmaxf(high, x[i]);
  *least = low;
  *greatest = high;
}

/* Truncates to codes of 4 bits and packs value i with value i + 16. */
static inline void pack_halves(const float *restrict scaled, uint8_t *restrict codes) {
  uint8_t wide[VALUES];
  for (int i = 0; i < VALUES; i++) wide[i] = (uint8_t)(int)fminf(scaled[i], 15);
  for (int i = 0; i < VALUES / 2; i++)
    codes[i] = (uint8_t)(wide[i] | wide[i + VALUES / 2] << 4);
}

static inline void pack_q4_0(const float *restrict x, struct q4_0 *restrict block) {
  float least, greatest, scaled[VALUES];
  range_of(x, &least, &greatest);
  const float step = (-least > greatest ? least : greatest) / -8, inverse = inverse_of(step);
  block->step = half_of(step);
  for (int i = 0; i < VALUES; i++) scaled[i] = x[i] * inverse + 8.5f;
  pack_halves(scaled, block->codes);
}

static inline void pack_q4_1(const float *restrict x, struct q4_1 *restrict block) {
  float least, greatest, scaled[VALUES];
  range_of(x, &least, &greatest);
  const float step = (greatest - least) / 15, inverse = inverse_of(step);
  block->step = half_of(step);
  block->least = half_of(least);
  for (int i = 0; i < VALUES; i++) scaled[i] = (x[i] - least) * inverse + 0.5f;
  pack_halves(scaled, block->codes);
}

/* Codes come from step and least as f16 has them, to the nearest, and neighbours share a byte. */
static inline void pack_kivi_v(const float *restrict x, struct q4_1 *restrict block) {
  float least, greatest;
  uint8_t wide[VALUES];
  range_of(x, &least, &greatest);
  block->step = half_of((greatest - least) / 15);
  block->least = half_of(least);
  const float inverse = inverse_of(wide_of(block->step)), from = wide_of(block->least);
  for (int i = 0; i < VALUES; i++)
    wide[i] = (uint8_t)(int)fminf(fmaxf(rintf((x[i] - from) * inverse), 0), 15);
  for (int i = 0; i < VALUES / 2; i++)
    block->codes[i] = (uint8_t)(wide[2 * i] | wide[2 * i + 1] << 4);
}

/* The blocks of LANES channels over 32 rows: a lane is a channel. */
static inline void pack_kivi_k_lanes(const float *restrict x, size_t channels,
                                     struct q4_1 *restrict blocks) {
  float least[LANES], greatest[LANES], inverse[LANES];
  uint8_t codes[VALUES / 2][LANES];
  memcpy(least, x, sizeof least);
  memcpy(greatest, x, sizeof greatest);
  for (size_t row = 1; row < VALUES; row++) {
    const float *restrict values = x + row * channels;
    for (int lane = 0; lane < LANES; lane++) {
      least[lane] = fminf(least[lane], values[lane]);
      greatest[lane] = fmaxf(greatest[lane], values[lane]);
    }
  }
  for (int lane = 0; lane < LANES; lane++) {
    blocks[lane].step = half_of((greatest[lane] - least[lane]) / 15);
    blocks[lane].least = half_of(least[lane]);
    inverse[lane] = inverse_of(wide_of(blocks[lane].step));
    least[lane] = wide_of(blocks[lane].least);
  }
  for (size_t pair = 0; pair < VALUES / 2; pair++) {
    const float *restrict even = x + 2 * pair * channels, *restrict odd = even + channels;
    for (int lane = 0; lane < LANES; lane++) {
      const float low = rintf((even[lane] - least[lane]) * inverse[lane]);
      const float high = rintf((odd[lane] - least[lane]) * inverse[lane]);
      const int low_code = (int)fminf(fmaxf(low, 0), 15), high_code = (int)fminf(fmaxf(high, 0), 15);
      codes[pair][lane] = (uint8_t)(low_code | high_code << 4);
    }
  }
  for (int lane = 0; lane < LANES; lane++)
    for (int pair = 0; pair < VALUES / 2; pair++) blocks[lane].codes[pair] = codes[pair][lane];
}

static void kv_pack_q4_kivi_k(const struct call *call) {
  const size_t rows = call->dims[0], channels = call->dims[1];
  const float *x = call->in[0];
  struct q4_1 *blocks = call->out[0];
  for (size_t row = 0; row < rows; row += VALUES)
    for (size_t at = 0; at < channels; at += LANES)
      pack_kivi_k_lanes(x + row * channels + at, channels, blocks + row / VALUES * channels + at);
}

static inline void unpack_q4_0(const struct q4_0 *restrict block, float *restrict x) {
  const float step = wide_of(block->step);
  for (int i = 0; i < VALUES / 2; i++) x[i] = (float)((block->codes[i] & 15) - 8) * step;
  for (int i = 0; i < VALUES / 2; i++)
    x[i + VALUES / 2] = (float)((block->codes[i] >> 4) - 8) * step;
}

static inline void unpack_q4_1(const struct q4_1 *restrict block, float *restrict x) {
  const float step = wide_of(block->step), least = wide_of(block->least);
  for (int i = 0; i < VALUES / 2; i++) x[i] = (float)(block->codes[i] & 15) * step + least;
  for (int i = 0; i < VALUES / 2; i++)
    x[i + VALUES / 2] = (float)(block->codes[i] >> 4) * step + least;
}

static inline void unpack_kivi_v(const struct q4_1 *restrict block, float *restrict x) {
  const float step = wide_of(block->step), least = wide_of(block->least);
  for (int i = 0; i < VALUES / 2; i++) {
    x[2 * i] = (float)(block->codes[i] & 15) * step + least;
    x[2 * i + 1] = (float)(block->codes[i] >> 4) * step + least;
  }
}

static inline void unpack_kivi_k_lanes(const struct q4_1 *restrict blocks, size_t channels,
                                       float *restrict x) {
  float step[LANES], least[LANES];
  uint8_t codes[VALUES / 2][LANES];
  for (int lane = 0; lane < LANES; lane++) {
    step[lane] = wide_of(blocks[lane].step);
    least[lane] = wide_of(blocks[lane].least);
    for (int pair = 0; pair < VALUES / 2; pair++) codes[pair][lane] = blocks[lane].codes[pair];
  }
  for (size_t pair = 0; pair < VALUES / 2; pair++) {
    float *restrict even = x + 2 * pair * channels, *restrict odd = even + channels;
    for (int lane = 0; lane < LANES; lane++)
      even[lane] = (float)(codes[pair][lane] & 15) * step[lane] + least[lane];
    for (int lane = 0; lane < LANES; lane++)
      odd[lane] = (float)(codes[pair][lane] >> 4) * step[lane] + least[lane];
  }
}

static void kv_unpack_q4_kivi_k(const struct call *call) {
  const size_t rows = call->dims[0], channels = call->dims[1];
  const struct q4_1 *blocks = call->in[0];
  float *x = call->out[0];
  for (size_t row = 0; row < rows; row += VALUES)
    for (size_t at = 0; at < channels; at += LANES)
      unpack_kivi_k_lanes(blocks + row / VALUES * channels + at, channels, x + row * channels + at);
}

#define BY_BLOCK(kernel, block, pack, unpack)                                                      \
  static void kv_pack_##kernel(const struct call *call) {                                          \
    const float *x = call->in[0];                                                                  \
    struct block *blocks = call->out[0];                                                           \
    const size_t count = blocks_in(call);                                                          \
    for (size_t i = 0; i < count; i++) pack(x + i * VALUES, blocks + i);                           \
  }                                                                                                \
  static void kv_unpack_##kernel(const struct call *call) {                                        \
    const struct block *blocks = call->in[0];                                                      \
    float *x = call->out[0];                                                                       \
    const size_t count = blocks_in(call);                                                          \
    for (size_t i = 0; i < count; i++) unpack(blocks + i, x + i * VALUES);                         \
  }

BY_BLOCK(q8, q8, pack_q8, unpack_q8)
BY_BLOCK(q4_q4_0, q4_0, pack_q4_0, unpack_q4_0)
BY_BLOCK(q4_q4_1, q4_1, pack_q4_1, unpack_q4_1)
BY_BLOCK(q4_kivi_v, q4_1, pack_kivi_v, unpack_kivi_v)

const struct kernel KV[] = {
    {"kv_pack_q8", 2, kv_pack_q8},
    {"kv_unpack_q8", 2, kv_unpack_q8},
    {"kv_pack_q4_q4_0", 2, kv_pack_q4_q4_0},
    {"kv_unpack_q4_q4_0", 2, kv_unpack_q4_q4_0},
    {"kv_pack_q4_q4_1", 2, kv_pack_q4_q4_1},
    {"kv_unpack_q4_q4_1", 2, kv_unpack_q4_q4_1},
    {"kv_pack_q4_kivi_k", 2, kv_pack_q4_kivi_k},
    {"kv_unpack_q4_kivi_k", 2, kv_unpack_q4_kivi_k},
    {"kv_pack_q4_kivi_v", 2, kv_pack_q4_kivi_v},
    {"kv_unpack_q4_kivi_v", 2, kv_unpack_q4_kivi_v},
    {0},
};
