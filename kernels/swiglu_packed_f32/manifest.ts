// swiglu_packed_f32 as the pack's manifest declares it.

import type { KernelSource } from "../../src/pack/mod.ts";
import { ACTIVATION, LIMITS, PACKING, PLATFORMS } from "../defaults.ts";

export const manifest = {
  id: "swiglu_packed_f32",
  name: "Gated activation of one tensor (f32)",
  category: "activation",
  path: "swiglu/swiglu_packed_f32.wasm",
  source: "swiglu_packed_f32/kernel.ts",
  entry_point: "swiglu_packed_forward",
  inputs: [{ name: "gate_up", dtype: "f32", shape: ["tokens", 2, "ffn"] }],
  outputs: [{ name: "y", dtype: "f32", shape: ["tokens", "ffn"] }],
  params: { act: ACTIVATION, packing: PACKING },
  accuracy: { max_rel: 2e-6, max_abs: 1e-38 },
  resource_limits: LIMITS,
  platforms: PLATFORMS,
} as const satisfies KernelSource;
