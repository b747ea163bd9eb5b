// kv_unpack_q8_f16 as the pack's manifest declares it.

import type { KernelSource } from "../../src/pack/mod.ts";
import { LIMITS, PLATFORMS } from "../defaults.ts";

export const manifest = {
  id: "kv_unpack_q8_f16",
  name: "Unpack Q8_0 blocks to f16",
  category: "kv_cache",
  path: "kv_cache/kv_unpack_q8_f16.wasm",
  source: "kv_unpack_q8_f16/kernel.ts",
  entry_point: "kv_unpack_q8_f16_forward",
  inputs: [{ name: "packed", dtype: "u8", shape: ["rows", "blocks", 34] }],
  outputs: [{ name: "x", dtype: "f16", shape: ["rows", "blocks", 32] }],
  scratch: [{ name: "block", dtype: "f32", shape: [32] }],
  params: {},
  accuracy: { max_abs: 0 },
  resource_limits: LIMITS,
  platforms: PLATFORMS,
} as const satisfies KernelSource;
