// kv_pack_q8 as the pack's manifest declares it.

import type { KernelSource } from "../../src/pack/mod.ts";
import { LIMITS, PLATFORMS } from "../defaults.ts";

export const manifest = {
  id: "kv_pack_q8",
  name: "Pack f32 as Q8_0 blocks",
  category: "kv_cache",
  path: "kv_cache/kv_pack_q8.wasm",
  source: "kv_pack_q8/kernel.ts",
  entry_point: "kv_pack_q8_forward",
  inputs: [{ name: "x", dtype: "f32", shape: ["rows", "blocks", 32] }],
  outputs: [{ name: "packed", dtype: "u8", shape: ["rows", "blocks", 34] }],
  params: {},
  accuracy: { max_abs: 0 },
  resource_limits: LIMITS,
  platforms: PLATFORMS,
} as const satisfies KernelSource;
