// lora_apply_f32 as the pack's manifest declares it. Its first input is region A, the others region B.

import type { KernelSource } from "../../src/pack/mod.ts";
import { LIMITS, PLATFORMS } from "../defaults.ts";

export const manifest = {
  id: "lora_apply_f32",
  name: "Low-rank adapters (f32)",
  category: "adapter",
  path: "adapter/lora_apply_f32.wasm",
  source: "lora_apply_f32/kernel.ts",
  entry_point: "lora_apply_forward",
  inputs: [
    { name: "x", dtype: "f32", shape: ["tokens", "in"] },
    { name: "a", dtype: "f32", shape: ["adapters", "rank", "in"] },
    { name: "b", dtype: "f32", shape: ["adapters", "out", "rank"] },
    { name: "scales", dtype: "f32", shape: ["adapters"] },
    { name: "base", dtype: "f32", shape: ["tokens", "out"] },
    { name: "adapter", dtype: "i32", shape: ["tokens"] },
  ],
  outputs: [{ name: "y", dtype: "f32", shape: ["tokens", "out"] }],
  scratch: [{ name: "t", dtype: "f32", shape: ["rank"] }],
  params: {},
  accuracy: { max_row: 1e-5 },
  resource_limits: LIMITS,
  platforms: PLATFORMS,
} as const satisfies KernelSource;
