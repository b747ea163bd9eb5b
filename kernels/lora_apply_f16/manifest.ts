// lora_apply_f16 as the pack's manifest declares it. Its first input is region A, the others region B.

import type { KernelSource } from "../../src/pack/mod.ts";
import { LIMITS, PLATFORMS } from "../defaults.ts";

export const manifest = {
  id: "lora_apply_f16",
  name: "Low-rank adapters (f16)",
  category: "adapter",
  path: "adapter/lora_apply_f16.wasm",
  source: "lora_apply_f16/kernel.ts",
  entry_point: "lora_apply_forward",
  inputs: [
    { name: "x", dtype: "f16", shape: ["tokens", "in"] },
    { name: "a", dtype: "f16", shape: ["adapters", "rank", "in"] },
    { name: "b", dtype: "f16", shape: ["adapters", "out", "rank"] },
    { name: "scales", dtype: "f32", shape: ["adapters"] },
    { name: "base", dtype: "f16", shape: ["tokens", "out"] },
    { name: "adapter", dtype: "i32", shape: ["tokens"] },
  ],
  outputs: [{ name: "y", dtype: "f16", shape: ["tokens", "out"] }],
  scratch: [
    { name: "t", dtype: "f32", shape: ["rank"] },
    { name: "t_padding", dtype: "f32", shape: [8] },
    { name: "wide_x", dtype: "f32", shape: ["in"] },
    { name: "x_padding", dtype: "f32", shape: [8] },
    { name: "wide_y", dtype: "f32", shape: ["out"] },
    { name: "wide_a", dtype: "f32", shape: ["rank", "in"] },
    { name: "wide_b", dtype: "f32", shape: ["out", "rank"] },
  ],
  params: {},
  accuracy: { max_ulp: 0.51, max_row: 1e-5 },
  resource_limits: LIMITS,
  platforms: PLATFORMS,
} as const satisfies KernelSource;
