// rmsnorm_residual_f16 as the pack's manifest declares it.

import type { KernelSource } from "../../src/pack/mod.ts";
import { LIMITS, PLATFORMS } from "../defaults.ts";

export const manifest = {
  id: "rmsnorm_residual_f16",
  name: "Residual sum and root mean square normalisation (f16)",
  category: "normalization",
  path: "rmsnorm/rmsnorm_residual_f16.wasm",
  source: "rmsnorm_residual_f16/kernel.ts",
  entry_point: "rmsnorm_residual_forward",
  inputs: [
    { name: "x", dtype: "f16", shape: ["rows", "dim"] },
    { name: "residual", dtype: "f16", shape: ["rows", "dim"] },
    { name: "weight", dtype: "f16", shape: ["dim"] },
  ],
  outputs: [
    { name: "y", dtype: "f16", shape: ["rows", "dim"] },
    { name: "h", dtype: "f16", shape: ["rows", "dim"] },
  ],
  scratch: [{ name: "wide_row", dtype: "f32", shape: ["dim"] }],
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
    cast_before_weight: {
      type: "bool",
      default: false,
      description: "round to f16 before multiplying by the weight, as Llama's model code does",
    },
  },
  accuracy: { max_ulp: 2.51 },
  resource_limits: LIMITS,
  platforms: PLATFORMS,
} as const satisfies KernelSource;
