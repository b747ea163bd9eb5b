/* Native baselines: the core pack's kernels as plain C, for the compiler to vectorise.
 *
 * Usage: kernels KERNEL DIMENSIONS SAMPLES
 *   kernels rmsnorm 512x4096 1000               rows x dim
 *   kernels rope_interleaved 1x512x32x128 200   batch x seq x heads x dim
 *   kernels rope_half_split 1x512x32x128 200
 *   kernels swiglu 128x8192 500                 tokens x ffn
 *
 * Prints one line of JSON: the median and the 99th percentile of the nanoseconds of one call. Short
 * calls are timed in batches of at least 20 microseconds, so that reading the clock costs nothing.
 *
 * What the sandbox must do and C need not (checks of sizes, limits on time) is absent, so this is the
 * speed that the machine offers. Accuracy is whatever -ffast-math gives.
 */

#define _POSIX_C_SOURCE 200809L /* For clock_gettime. */

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CACHE_LINE = 64, PAGE = 4096 };

/* The tensors of one call. Which of them a kernel uses is its own affair. */
struct call {
  size_t dims[4];
  const float *a;
  const float *b;
  float *out;
  float *scratch;
};

static void rmsnorm(const struct call *call) {
  const size_t rows = call->dims[0], dim = call->dims[1];
  const float *restrict weight = call->b;
  for (size_t row = 0; row < rows; row++) {
    const float *restrict x = call->a + row * dim;
    float *restrict y = call->out + row * dim;
    float squares = 0;
    for (size_t i = 0; i < dim; i++) squares += x[i] * x[i];
    const float factor = 1 / sqrtf(squares / (float)dim + 1e-5f);
    for (size_t i = 0; i < dim; i++) y[i] = x[i] * factor * weight[i];
  }
}

/* Cosines and sines of one position, shared by all batches and heads. */
static void turn_table(const float *restrict angles, size_t half, float *restrict table) {
  for (size_t i = 0; i < half; i++) table[i] = cosf(angles[i]);
  for (size_t i = 0; i < half; i++) table[half + i] = sinf(angles[i]);
}

static void turn_interleaved(const float *restrict x, const float *restrict table, size_t half,
                             float *restrict y) {
  for (size_t i = 0; i < half; i++) {
    const float c = table[i], s = table[half + i], p = x[2 * i], q = x[2 * i + 1];
    y[2 * i] = p * c - q * s;
    y[2 * i + 1] = p * s + q * c;
  }
}

static void turn_half_split(const float *restrict x, const float *restrict table, size_t half,
                            float *restrict y) {
  for (size_t i = 0; i < half; i++) {
    const float c = table[i], s = table[half + i], p = x[i], q = x[half + i];
    y[i] = p * c - q * s;
    y[half + i] = p * s + q * c;
  }
}

static inline void rope(const struct call *call,
                        void (*turn)(const float *, const float *, size_t, float *)) {
  const size_t batch = call->dims[0], seq = call->dims[1], heads = call->dims[2],
               dim = call->dims[3], half = dim / 2;
  for (size_t position = 0; position < seq; position++) {
    turn_table(call->b + position * half, half, call->scratch);
    for (size_t entry = 0; entry < batch; entry++) {
      const size_t first = (entry * seq + position) * heads * dim;
      for (size_t head = 0; head < heads; head++) {
        const size_t at = first + head * dim;
        turn(call->a + at, call->scratch, half, call->out + at);
      }
    }
  }
}

static void rope_interleaved(const struct call *call) { rope(call, turn_interleaved); }

static void rope_half_split(const struct call *call) { rope(call, turn_half_split); }

static void swiglu(const struct call *call) {
  const size_t count = call->dims[0] * call->dims[1];
  const float *restrict gate = call->a;
  const float *restrict up = call->b;
  float *restrict y = call->out;
  for (size_t i = 0; i < count; i++) y[i] = gate[i] / (1 + expf(-gate[i])) * up[i];
}

struct kernel {
  const char *name;
  size_t rank;
  void (*run)(const struct call *);
};

static const struct kernel KERNELS[] = {
    {"rmsnorm", 2, rmsnorm},
    {"rope_interleaved", 4, rope_interleaved},
    {"rope_half_split", 4, rope_half_split},
    {"swiglu", 2, swiglu},
};

static uint64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static double time_batch(const struct kernel *kernel, const struct call *call, size_t calls) {
  const uint64_t start = now_ns();
  for (size_t i = 0; i < calls; i++) kernel->run(call);
  return (double)(now_ns() - start);
}

/* The least of a few, so that neither a cold cache nor an interruption passes for a long call. */
static double quickest_batch(const struct kernel *kernel, const struct call *call, size_t calls) {
  double least = time_batch(kernel, call, calls);
  for (int i = 0; i < 4; i++) least = fmin(least, time_batch(kernel, call, calls));
  return least;
}

static int by_value(const void *left, const void *right) {
  const double a = *(const double *)left, b = *(const double *)right;
  return (a > b) - (a < b);
}

static void measure(const struct kernel *kernel, const struct call *call, size_t samples,
                    const char *shape) {
  size_t batch = 1;
  while (quickest_batch(kernel, call, batch) < 20000) batch *= 2;
  double *times = malloc(samples * sizeof *times);
  if (times == NULL) exit(1);
  for (size_t i = 0; i < samples; i++)
    times[i] = time_batch(kernel, call, batch) / (double)batch;
  qsort(times, samples, sizeof *times, by_value);
  printf("{\"kernel\":\"%s\",\"shape\":\"%s\",\"samples\":%zu,\"batch\":%zu,"
         "\"median_ns\":%.1f,\"p99_ns\":%.1f}\n",
         kernel->name, shape, samples, batch, times[samples / 2], times[samples * 99 / 100]);
  free(times);
}

/* Values from -4 to 4 without a pattern. Each tensor starts on its own cache line and at its own place
 * within a page: tensors that all start at the same place run a third slower on some processors. */
static float *tensor(size_t count) {
  static size_t lines = 0;
  char *bytes = aligned_alloc(PAGE, (count * sizeof(float) + 2 * PAGE) / PAGE * PAGE);
  if (bytes == NULL) exit(1);
  lines = (lines + 5) % (PAGE / CACHE_LINE);
  float *values = (float *)(bytes + lines * CACHE_LINE);
  uint32_t state = 1;
  for (size_t i = 0; i < count; i++) {
    state = state * 1664525u + 1013904223u;
    values[i] = (float)(state >> 8) / 2097152.0f - 4;
  }
  return values;
}

static int parse_dims(const char *text, size_t rank, size_t *dims) {
  for (size_t i = 0; i < rank; i++) {
    char *end;
    dims[i] = strtoul(text, &end, 10);
    if (dims[i] == 0 || *end != (i + 1 == rank ? '\0' : 'x')) return 0;
    text = end + 1;
  }
  return 1;
}

/* Angles as Llama has them: position * 10000^(-i / half). */
static void fill_angles(float *angles, size_t seq, size_t half) {
  for (size_t position = 0; position < seq; position++)
    for (size_t i = 0; i < half; i++)
      angles[position * half + i] =
          (float)((double)position * pow(10000, -(double)i / (double)half));
}

static struct call prepare(const struct kernel *kernel, const size_t *dims) {
  struct call call = {.dims = {dims[0], dims[1], dims[2], dims[3]}};
  size_t count = 1;
  for (size_t i = 0; i < kernel->rank; i++) count *= dims[i];
  call.a = tensor(count);
  call.out = tensor(count);
  if (kernel->rank == 2) {
    call.b = tensor(count);
  } else {
    float *angles = tensor(dims[1] * dims[3] / 2);
    fill_angles(angles, dims[1], dims[3] / 2);
    call.b = angles;
    call.scratch = tensor(dims[3]);
  }
  return call;
}

int main(int argc, char **argv) {
  for (size_t i = 0; argc == 4 && i < sizeof KERNELS / sizeof KERNELS[0]; i++) {
    const struct kernel *kernel = &KERNELS[i];
    size_t dims[4] = {0, 0, 0, 0};
    const size_t samples = strtoul(argv[3], NULL, 10);
    if (strcmp(argv[1], kernel->name) != 0) continue;
    if (samples == 0 || !parse_dims(argv[2], kernel->rank, dims)) break;
    const struct call call = prepare(kernel, dims);
    measure(kernel, &call, samples, argv[2]);
    return 0;
  }
  fprintf(stderr, "usage: kernels rmsnorm|rope_interleaved|rope_half_split|swiglu AxB[xCxD] SAMPLES\n");
  return 2;
}
