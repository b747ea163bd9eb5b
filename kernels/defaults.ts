// Defaults: what the manifest entries of the core pack have in common.

/** A call may use 256 MiB of memory and 10 s of 10 ms ticks. No kernel has a table or recursion. */
export const LIMITS = {
  max_memory_pages: 4096,
  max_epoch_ticks: 1000,
  max_table_elements: 0,
} as const;

/** The kernels need fixed-width SIMD and nothing newer. Browsers go by the alias `wasmtime`. */
export const PLATFORMS = {
  node: { min_version: "24.0.0", features: ["simd"] },
  wasmtime: { min_version: "15.0.0", features: ["simd"] },
} as const;
