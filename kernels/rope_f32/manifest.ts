// rope_f32 as the pack's manifest declares it. The order of `params` is the order in its block.

import type { KernelSource } from "../../src/pack/mod.ts";
import { LIMITS, PLATFORMS, ROPE_PARAMS } from "../defaults.ts";

export const manifest = {
  id: "rope_f32",
  name: "Rotary position embedding (f32)",
  category: "positional_encoding",
  path: "rope/rope_f32.wasm",
  source: "rope_f32/kernel.ts",
  entry_point: "rope_forward",
  inputs: [
    { name: "x", dtype: "f32", shape: ["batch", "seq", "heads", "dim"] },
    { name: "freqs", dtype: "f32", shape: ["seq", "dim_half"] },
  ],
  outputs: [{ name: "y", dtype: "f32", shape: ["batch", "seq", "heads", "dim"] }],
  scratch: [{ name: "cos_sin", dtype: "f32", shape: [2, "dim_half"] }],
  gradients: ["x"],
  params: ROPE_PARAMS,
  accuracy: { max_row: 1e-6 },
  resource_limits: LIMITS,
  platforms: PLATFORMS,
} as const satisfies KernelSource;
