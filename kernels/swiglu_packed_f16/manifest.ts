// swiglu_packed_f16 as the pack's manifest declares it.

import type { KernelSource } from "../../src/pack/mod.ts";
import { ACTIVATION, LIMITS, PACKING, PLATFORMS } from "../defaults.ts";

export const manifest = {
  id: "swiglu_packed_f16",
  name: "Gated activation of one tensor (f16)",
  category: "activation",
  path: "swiglu/swiglu_packed_f16.wasm",
  source: "swiglu_packed_f16/kernel.ts",
  entry_point: "swiglu_packed_forward",
  inputs: [{ name: "gate_up", dtype: "f16", shape: ["tokens", 2, "ffn"] }],
  outputs: [{ name: "y", dtype: "f16", shape: ["tokens", "ffn"] }],
  params: { act: ACTIVATION, packing: PACKING },
  accuracy: { max_ulp: 1 },
  resource_limits: LIMITS,
  platforms: PLATFORMS,
} as const satisfies KernelSource;
