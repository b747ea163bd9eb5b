// swiglu_f16 as the pack's manifest declares it.

import type { KernelSource } from "../../src/pack/mod.ts";
import { ACTIVATION, LIMITS, PLATFORMS } from "../defaults.ts";

export const manifest = {
  id: "swiglu_f16",
  name: "Gated activation, SwiGLU or GeGLU (f16)",
  category: "activation",
  path: "swiglu/swiglu_f16.wasm",
  source: "swiglu_f16/kernel.ts",
  entry_point: "swiglu_forward",
  inputs: [
    { name: "gate", dtype: "f16", shape: ["tokens", "ffn"] },
    { name: "up", dtype: "f16", shape: ["tokens", "ffn"] },
  ],
  outputs: [{ name: "y", dtype: "f16", shape: ["tokens", "ffn"] }],
  params: { act: ACTIVATION },
  accuracy: { max_ulp: 1 },
  resource_limits: LIMITS,
  platforms: PLATFORMS,
} as const satisfies KernelSource;
