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

/** The activation of a gated layer. The two forms of gelu differ in the fourth digit. */
export const ACTIVATION = {
  type: "u32",
  default: 0,
  min: 0,
  max: 2,
  values: { silu: 0, gelu_tanh: 1, gelu_erf: 2 },
  description: "what the gate goes through: silu, or gelu in its tanh or its exact form",
} as const;

/** How gate and up share one tensor. Must be chosen, since a wrong guess goes unseen. */
export const PACKING = {
  type: "u32",
  default: 0,
  min: 0,
  max: 2,
  values: { unspecified: 0, halves: 1, interleaved: 2 },
  description: "a token's values: all gates, then all ups (halves), or pairs of them; no default",
} as const;

/** How to turn, in the order in which the rope kernels have it. */
export const ROPE_PARAMS = {
  layout: {
    type: "u32",
    default: 0,
    min: 0,
    max: 2,
    values: { unspecified: 0, interleaved: 1, half_split: 2 },
    description: "which two values turn together; must be chosen, since a wrong guess goes unseen",
  },
  inverse: {
    type: "bool",
    default: false,
    description: "turn back by the same angles",
  },
  scale: {
    type: "f32",
    default: 1,
    description: "what cosines and sines are multiplied by: the attention factor of a scaling rule",
  },
} as const;
