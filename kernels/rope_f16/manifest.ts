// rope_f16 as the pack's manifest declares it.

import type { KernelSource } from "../../src/pack/mod.ts";
import { LIMITS, PLATFORMS, ROPE_PARAMS } from "../defaults.ts";

export const manifest = {
  id: "rope_f16",
  name: "Rotary position embedding (f16)",
  category: "positional_encoding",
  path: "rope/rope_f16.wasm",
  source: "rope_f16/kernel.ts",
  entry_point: "rope_forward",
  inputs: [
    { name: "x", dtype: "f16", shape: ["batch", "seq", "heads", "dim"] },
    { name: "freqs", dtype: "f32", shape: ["seq", "dim_half"] },
  ],
  outputs: [{ name: "y", dtype: "f16", shape: ["batch", "seq", "heads", "dim"] }],
  scratch: [
    { name: "cos_sin", dtype: "f32", shape: [2, "dim_half"] },
    { name: "wide_head", dtype: "f32", shape: ["dim"] },
  ],
  params: ROPE_PARAMS,
  accuracy: { max_ulp: 0.51, max_row: 2e-6 },
  resource_limits: LIMITS,
  platforms: PLATFORMS,
} as const satisfies KernelSource;
