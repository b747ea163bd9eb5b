/* Kernel: what every native baseline is: a function over the tensors of one call. */

#ifndef ANNULUS_BENCH_KERNEL_H
#define ANNULUS_BENCH_KERNEL_H

#include <stddef.h>
#include <stdint.h>

enum { DIMS_MAX = 4, INPUTS_MAX = 8, OUTPUTS_MAX = 2, SCRATCH_BYTES = 2 << 20 };

/* Inputs and outputs are in the order in which the kernel of the same name in the core pack has them. */
struct call {
  size_t dims[DIMS_MAX];
  const void *in[INPUTS_MAX];
  void *out[OUTPUTS_MAX];
  void *scratch; /* SCRATCH_BYTES of it. */
};

struct kernel {
  const char *name;
  size_t rank; /* How many numbers its shape has. */
  void (*run)(const struct call *);
};

/* Each ends with an entry without a name. */
extern const struct kernel RMSNORM[], ROPE[], SWIGLU[], KV[], LORA[];

#endif
