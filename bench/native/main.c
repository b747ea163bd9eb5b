/* Main: runs one native baseline on the tensors of a folder, and then times it as often as it is asked.
 *
 * Usage: kernels KERNEL SHAPE FOLDER BYTES...
 *   kernels rmsnorm_f32 512x4096 /tmp/x 8388608
 *
 * Reads the inputs FOLDER/in0, in1 and so on, makes an output of each number of BYTES, calls the kernel,
 * writes FOLDER/out0 and so on, and prints a line. Then, for each line on standard input, which says
 * how many samples to take, it prints a line of JSON: the nanoseconds of one call. Short calls are
 * timed in batches of at least 20 microseconds, so that reading the clock costs nothing.
 *
 * What the sandbox must do and C need not (checks of sizes, limits on time) is absent, so this is the
 * speed that the machine offers. Accuracy is whatever -ffast-math gives.
 */

#define _POSIX_C_SOURCE 200809L /* For clock_gettime. */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernel.h"

enum { CACHE_LINE = 64, PAGE = 4096, PATH_BYTES = 4096 };

static const struct kernel *const ROOMS[] = {RMSNORM, ROPE, SWIGLU, KV, LORA};

static void fail(const char *what) {
  fprintf(stderr, "kernels: %s\n", what);
  exit(1);
}

static const struct kernel *find(const char *name) {
  for (size_t i = 0; i < sizeof ROOMS / sizeof ROOMS[0]; i++)
    for (const struct kernel *kernel = ROOMS[i]; kernel->name != NULL; kernel++)
      if (strcmp(kernel->name, name) == 0) return kernel;
  fail("no kernel of that name");
  return NULL;
}

static void parse_shape(const char *text, size_t rank, size_t *dims) {
  for (size_t i = 0; i < rank; i++) {
    char *end;
    dims[i] = strtoul(text, &end, 10);
    if (dims[i] == 0 || *end != (i + 1 == rank ? '\0' : 'x')) fail("the shape does not fit");
    text = end + 1;
  }
}

/* Each tensor starts on its own cache line and at its own place within a page: tensors that all start
 * at the same place run a third slower on some processors. */
static void *tensor(size_t bytes) {
  static size_t lines = 0;
  char *page = aligned_alloc(PAGE, (bytes + 2 * PAGE) / PAGE * PAGE);
  if (page == NULL) fail("out of memory");
  memset(page, 0, bytes + PAGE);
  lines = (lines + 5) % (PAGE / CACHE_LINE);
  return page + lines * CACHE_LINE;
}

static FILE *open_tensor(const char *folder, const char *kind, int index, const char *mode) {
  char path[PATH_BYTES];
  snprintf(path, sizeof path, "%s/%s%d", folder, kind, index);
  return fopen(path, mode);
}

static void read_inputs(const char *folder, struct call *call) {
  for (int i = 0; i < INPUTS_MAX; i++) {
    FILE *file = open_tensor(folder, "in", i, "rb");
    if (file == NULL) return;
    fseek(file, 0, SEEK_END);
    const size_t bytes = (size_t)ftell(file);
    rewind(file);
    void *values = tensor(bytes);
    if (fread(values, 1, bytes, file) != bytes) fail("an input cannot be read");
    fclose(file);
    call->in[i] = values;
  }
}

static void write_outputs(const char *folder, const struct call *call, const size_t *bytes) {
  for (int i = 0; i < OUTPUTS_MAX && bytes[i] > 0; i++) {
    FILE *file = open_tensor(folder, "out", i, "wb");
    if (file == NULL || fwrite(call->out[i], 1, bytes[i], file) != bytes[i])
      fail("an output cannot be written");
    fclose(file);
  }
}

static double time_batch(const struct kernel *kernel, const struct call *call, size_t calls) {
  struct timespec start, end;
  clock_gettime(CLOCK_MONOTONIC, &start);
  for (size_t i = 0; i < calls; i++) kernel->run(call);
  clock_gettime(CLOCK_MONOTONIC, &end);
  return (double)(end.tv_sec - start.tv_sec) * 1e9 + (double)(end.tv_nsec - start.tv_nsec);
}

/* The least of a few, so that neither a cold cache nor an interruption passes for a long call. */
static double quickest_batch(const struct kernel *kernel, const struct call *call, size_t calls) {
  double least = time_batch(kernel, call, calls);
  for (int i = 0; i < 2; i++) least = fmin(least, time_batch(kernel, call, calls));
  return least;
}

static int by_value(const void *left, const void *right) {
  const double a = *(const double *)left, b = *(const double *)right;
  return (a > b) - (a < b);
}

static void measure(const struct kernel *kernel, const struct call *call, size_t batch,
                    size_t samples) {
  double *times = malloc(samples * sizeof *times);
  if (times == NULL) fail("out of memory");
  time_batch(kernel, call, batch); /* So that caches are as the kernel's own calls leave them. */
  for (size_t i = 0; i < samples; i++) times[i] = time_batch(kernel, call, batch) / (double)batch;
  qsort(times, samples, sizeof *times, by_value);
  printf("{\"samples\":%zu,\"batch\":%zu,\"median_ns\":%.1f,\"p99_ns\":%.1f,\"least_ns\":%.1f}\n",
         samples, batch, times[samples / 2], times[samples * 99 / 100], times[0]);
  fflush(stdout);
  free(times);
}

int main(int argc, char **argv) {
  if (argc < 5 || argc > 4 + OUTPUTS_MAX) fail("usage: kernels KERNEL SHAPE FOLDER BYTES...");
  const struct kernel *kernel = find(argv[1]);
  struct call call = {.scratch = tensor(SCRATCH_BYTES)};
  size_t bytes[OUTPUTS_MAX] = {0};
  parse_shape(argv[2], kernel->rank, call.dims);
  read_inputs(argv[3], &call);
  for (int i = 4; i < argc; i++) call.out[i - 4] = tensor(bytes[i - 4] = strtoul(argv[i], NULL, 10));
  kernel->run(&call);
  write_outputs(argv[3], &call, bytes);

  size_t batch = 1;
  while (quickest_batch(kernel, &call, batch) < 20000) batch *= 2;
  printf("{\"batch\":%zu}\n", batch);
  fflush(stdout);
  char line[32];
  while (fgets(line, sizeof line, stdin) != NULL) {
    const size_t samples = strtoul(line, NULL, 10);
    if (samples == 0) fail("how many samples?");
    measure(kernel, &call, batch, samples);
  }
  return 0;
}
