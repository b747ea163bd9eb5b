// References: the host's own implementations, by the names that fallbacks of packs give them.

import type { References } from "../base/mod.ts";
import { packQ4Reference } from "./kv-q4-pack.ts";
import { unpackQ4Reference } from "./kv-q4-unpack.ts";
import { packQ8Reference, unpackQ8Reference } from "./kv-q8.ts";
import { loraReference } from "./lora.ts";
import { rmsnormReference } from "./rmsnorm.ts";
import { rmsnormResidualReference } from "./rmsnorm-residual.ts";
import { ropeReference } from "./rope.ts";
import { ropeQ8Reference } from "./rope-q8.ts";
import { swigluPackedReference, swigluReference } from "./swiglu.ts";

/** One name serves every element type of a kernel: a call's views say which. */
export const REFERENCES: References = new Map([
  ["rope_reference", ropeReference],
  ["rope_q8_reference", ropeQ8Reference],
  ["rmsnorm_reference", rmsnormReference],
  ["rmsnorm_residual_reference", rmsnormResidualReference],
  ["swiglu_reference", swigluReference],
  ["swiglu_packed_reference", swigluPackedReference],
  ["kv_pack_q8_reference", packQ8Reference],
  ["kv_unpack_q8_reference", unpackQ8Reference],
  ["kv_pack_q4_reference", packQ4Reference],
  ["kv_unpack_q4_reference", unpackQ4Reference],
  ["lora_apply_reference", loraReference],
]);
