// swiglu_f32 as the pack's manifest declares it.

import type { KernelSource } from "../../src/pack/mod.ts";
import { ACTIVATION, LIMITS, PLATFORMS } from "../defaults.ts";

export const manifest = {
  id: "swiglu_f32",
  name: "Gated activation, SwiGLU or GeGLU (f32)",
  category: "activation",
  path: "swiglu/swiglu_f32.wasm",
  source: "swiglu_f32/kernel.ts",
  entry_point: "swiglu_forward",
  inputs: [
    { name: "gate", dtype: "f32", shape: ["tokens", "ffn"] },
    { name: "up", dtype: "f32", shape: ["tokens", "ffn"] },
  ],
  outputs: [{ name: "y", dtype: "f32", shape: ["tokens", "ffn"] }],
  gradients: ["gate", "up"],
  params: { act: ACTIVATION },
  accuracy: { max_rel: 2e-6, max_abs: 1e-38 },
  resource_limits: LIMITS,
  platforms: PLATFORMS,
} as const satisfies KernelSource;
