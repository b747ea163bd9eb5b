// rope_q8 as the pack's manifest declares it.

import type { KernelSource } from "../../src/pack/mod.ts";
import { LIMITS, PLATFORMS, ROPE_PARAMS } from "../defaults.ts";

export const manifest = {
  id: "rope_q8",
  name: "Rotary position embedding (Q8_0 blocks)",
  category: "positional_encoding",
  path: "rope/rope_q8.wasm",
  source: "rope_q8/kernel.ts",
  entry_point: "rope_forward",
  inputs: [
    { name: "x", dtype: "u8", shape: ["batch", "seq", "heads", "blocks", 34] },
    { name: "freqs", dtype: "f32", shape: ["seq", "dim_half"] },
  ],
  outputs: [{ name: "y", dtype: "u8", shape: ["batch", "seq", "heads", "blocks", 34] }],
  scratch: [
    { name: "cos_sin", dtype: "f32", shape: [2, "dim_half"] },
    { name: "wide_head", dtype: "f32", shape: ["blocks", 32] },
  ],
  params: ROPE_PARAMS,
  accuracy: { max_row: 8e-3 },
  resource_limits: LIMITS,
  platforms: PLATFORMS,
} as const satisfies KernelSource;
