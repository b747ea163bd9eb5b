// The core pack: what its manifest says, entry by entry. One folder beside this file per kernel.

import type { PackSource } from "../src/pack/mod.ts";
import { manifest as kvPackQ4 } from "./kv_pack_q4/manifest.ts";
import { manifest as kvPackQ4F16 } from "./kv_pack_q4_f16/manifest.ts";
import { manifest as kvPackQ8 } from "./kv_pack_q8/manifest.ts";
import { manifest as kvPackQ8F16 } from "./kv_pack_q8_f16/manifest.ts";
import { manifest as kvUnpackQ4 } from "./kv_unpack_q4/manifest.ts";
import { manifest as kvUnpackQ4F16 } from "./kv_unpack_q4_f16/manifest.ts";
import { manifest as kvUnpackQ8 } from "./kv_unpack_q8/manifest.ts";
import { manifest as kvUnpackQ8F16 } from "./kv_unpack_q8_f16/manifest.ts";
import { manifest as loraApplyF16 } from "./lora_apply_f16/manifest.ts";
import { manifest as loraApplyF32 } from "./lora_apply_f32/manifest.ts";
import { manifest as rmsnormF16 } from "./rmsnorm_f16/manifest.ts";
import { manifest as rmsnormF32 } from "./rmsnorm_f32/manifest.ts";
import { manifest as rmsnormResidualF16 } from "./rmsnorm_residual_f16/manifest.ts";
import { manifest as rmsnormResidualF32 } from "./rmsnorm_residual_f32/manifest.ts";
import { manifest as ropeF16 } from "./rope_f16/manifest.ts";
import { manifest as ropeF32 } from "./rope_f32/manifest.ts";
import { manifest as ropeQ8 } from "./rope_q8/manifest.ts";
import { manifest as swigluF16 } from "./swiglu_f16/manifest.ts";
import { manifest as swigluF32 } from "./swiglu_f32/manifest.ts";
import { manifest as swigluPackedF16 } from "./swiglu_packed_f16/manifest.ts";
import { manifest as swigluPackedF32 } from "./swiglu_packed_f32/manifest.ts";
import { withVariants } from "./variants.ts";

export const pack = {
  name: "annulus-core",
  version: "0.1.0",
  description: "Rotary embeddings, norms and activations of Llama-like models",
  min_runtime_version: "0.1.0",
  max_runtime_version: "1.0.0",
  created_at: "2026-01-18T00:00:00Z", // Fixed: the same sources give the same bytes.
  author: { name: "The Annulus authors", email: "annulus@example.invalid" },
  kernels: withVariants([
    ropeF32,
    ropeF16,
    ropeQ8,
    rmsnormF32,
    rmsnormF16,
    rmsnormResidualF32,
    rmsnormResidualF16,
    swigluF32,
    swigluF16,
    swigluPackedF32,
    swigluPackedF16,
    kvPackQ8,
    kvPackQ8F16,
    kvUnpackQ8,
    kvUnpackQ8F16,
    kvPackQ4,
    kvPackQ4F16,
    kvUnpackQ4,
    kvUnpackQ4F16,
    loraApplyF32,
    loraApplyF16,
  ]),
  // Each is one of src/reference, which every host that has this runtime has.
  fallbacks: {
    rope_f32: "rope_reference",
    rope_f16: "rope_reference",
    rope_q8: "rope_q8_reference",
    rmsnorm_f32: "rmsnorm_reference",
    rmsnorm_f16: "rmsnorm_reference",
    rmsnorm_residual_f32: "rmsnorm_residual_reference",
    rmsnorm_residual_f16: "rmsnorm_residual_reference",
    swiglu_f32: "swiglu_reference",
    swiglu_f16: "swiglu_reference",
    swiglu_packed_f32: "swiglu_packed_reference",
    swiglu_packed_f16: "swiglu_packed_reference",
    kv_pack_q8: "kv_pack_q8_reference",
    kv_pack_q8_f16: "kv_pack_q8_reference",
    kv_unpack_q8: "kv_unpack_q8_reference",
    kv_unpack_q8_f16: "kv_unpack_q8_reference",
    kv_pack_q4: "kv_pack_q4_reference",
    kv_pack_q4_f16: "kv_pack_q4_reference",
    kv_unpack_q4: "kv_unpack_q4_reference",
    kv_unpack_q4_f16: "kv_unpack_q4_reference",
    lora_apply_f32: "lora_apply_reference",
    lora_apply_f16: "lora_apply_reference",
  },
} as const satisfies PackSource;

/** The kernels whose `kernel_backward` computes gradients, as their `kernel_info` says. */
export const WITH_GRADIENTS: ReadonlySet<string> = new Set(
  pack.kernels.filter((kernel) => "gradients" in kernel).map(({ id }) => id),
);
