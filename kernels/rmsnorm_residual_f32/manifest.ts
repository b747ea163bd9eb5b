// rmsnorm_residual_f32 as the pack's manifest declares it.

import type { KernelSource } from "../../src/pack/mod.ts";
import { LIMITS, PLATFORMS } from "../defaults.ts";

export const manifest = {
  id: "rmsnorm_residual_f32",
  name: "Residual sum and root mean square normalisation (f32)",
  category: "normalization",
  path: "rmsnorm/rmsnorm_residual_f32.wasm",
  source: "rmsnorm_residual_f32/kernel.ts",
  entry_point: "rmsnorm_residual_forward",
  inputs: [
    { name: "x", dtype: "f32", shape: ["rows", "dim"] },
    { name: "residual", dtype: "f32", shape: ["rows", "dim"] },
    { name: "weight", dtype: "f32", shape: ["dim"] },
  ],
  outputs: [
    { name: "y", dtype: "f32", shape: ["rows", "dim"] },
    { name: "h", dtype: "f32", shape: ["rows", "dim"] },
  ],
  scratch: [{ name: "weight_plus_one", dtype: "f32", shape: ["dim"] }],
  params: {
    eps: {
      type: "f32",
      default: 1e-5,
      min: 1e-30,
      max: 1,
      description: "added to the mean of the squares, inside the root",
    },
    plus_one: {
      type: "bool",
      default: false,
      description: "multiply by weight + 1, as unconverted checkpoints of the Gemma family need",
    },
  },
  accuracy: { max_rel: 1e-5, max_abs: 1e-38 },
  resource_limits: LIMITS,
  platforms: PLATFORMS,
} as const satisfies KernelSource;
