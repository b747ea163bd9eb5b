// kv_unpack_q4_f16 as the pack's manifest declares it.

import type { KernelSource } from "../../src/pack/mod.ts";
import { LIMITS, PLATFORMS } from "../defaults.ts";

export const manifest = {
  id: "kv_unpack_q4_f16",
  name: "Unpack blocks of 4-bit integers to f16",
  category: "kv_cache",
  path: "kv_cache/kv_unpack_q4_f16.wasm",
  source: "kv_unpack_q4_f16/kernel.ts",
  entry_point: "kv_unpack_q4_f16_forward",
  inputs: [{ name: "packed", dtype: "u8", shape: ["rows", "blocks", "block_bytes"] }],
  outputs: [{ name: "x", dtype: "f16", shape: ["rows", "blocks", 32] }],
  scratch: [{ name: "group", dtype: "f32", shape: [32, 16] }],
  params: {
    format: {
      type: "u32",
      default: 0,
      min: 0,
      max: 6,
      values: { unspecified: 0, q4_0: 1, q4_1: 2, kivi_k: 3, kivi_v: 4, kivi_k2: 5, kivi_v2: 6 },
      description:
        "layout of blocks; must be chosen. block_bytes is 18 for q4_0, 12 for kivi_k2 and kivi_v2, else 20; kivi_k and kivi_k2 need rows in groups of 32",
    },
  },
  accuracy: { max_abs: 0 },
  resource_limits: LIMITS,
  platforms: PLATFORMS,
} as const satisfies KernelSource;
