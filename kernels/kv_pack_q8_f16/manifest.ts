// kv_pack_q8_f16 as the pack's manifest declares it.

import type { KernelSource } from "../../src/pack/mod.ts";
import { LIMITS, PLATFORMS } from "../defaults.ts";

export const manifest = {
  id: "kv_pack_q8_f16",
  name: "Pack f16 as Q8_0 blocks",
  category: "kv_cache",
  path: "kv_cache/kv_pack_q8_f16.wasm",
  source: "kv_pack_q8_f16/kernel.ts",
  entry_point: "kv_pack_q8_f16_forward",
  inputs: [{ name: "x", dtype: "f16", shape: ["rows", "blocks", 32] }],
  outputs: [{ name: "packed", dtype: "u8", shape: ["rows", "blocks", 34] }],
  scratch: [{ name: "block", dtype: "f32", shape: [32] }],
  params: {},
  accuracy: { max_abs: 0 },
  resource_limits: LIMITS,
  platforms: PLATFORMS,
} as const satisfies KernelSource;
