/* Half: f16 to f32 and back, rounded to nearest even, by the processor's own instructions. */

#ifndef ANNULUS_BENCH_HALF_H
#define ANNULUS_BENCH_HALF_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Called from several kernels, and each of them wants a body of its own. */
#define INLINE static inline __attribute__((always_inline))

#if defined(__F16C__)
#include <immintrin.h>

INLINE float wide_of(uint16_t half) { return _cvtsh_ss(half); }

INLINE uint16_t half_of(float wide) { return _cvtss_sh(wide, _MM_FROUND_TO_NEAREST_INT); }

INLINE void widen(const uint16_t *restrict half, size_t count, float *restrict wide) {
  size_t i = 0;
  for (; i + 8 <= count; i += 8)
    _mm256_storeu_ps(wide + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(half + i))));
  for (; i < count; i++) wide[i] = wide_of(half[i]);
}

INLINE void narrow(const float *restrict wide, size_t count, uint16_t *restrict half) {
  size_t i = 0;
  for (; i + 8 <= count; i += 8)
    _mm_storeu_si128((__m128i *)(half + i), _mm256_cvtps_ph(_mm256_loadu_ps(wide + i),
                                                            _MM_FROUND_TO_NEAREST_INT));
  for (; i < count; i++) half[i] = half_of(wide[i]);
}

#elif defined(__ARM_FP16_FORMAT_IEEE)

INLINE float wide_of(uint16_t half) {
  __fp16 value;
  memcpy(&value, &half, sizeof value);
  return (float)value;
}

INLINE uint16_t half_of(float wide) {
  const __fp16 value = (__fp16)wide;
  uint16_t half;
  memcpy(&half, &value, sizeof half);
  return half;
}

INLINE void widen(const uint16_t *restrict half, size_t count, float *restrict wide) {
  for (size_t i = 0; i < count; i++) wide[i] = wide_of(half[i]);
}

INLINE void narrow(const float *restrict wide, size_t count, uint16_t *restrict half) {
  for (size_t i = 0; i < count; i++) half[i] = half_of(wide[i]);
}

#else
#error "this processor converts no f16"
#endif

#endif
