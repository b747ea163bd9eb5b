// Manifest schema: the format of `kernels.json`, written once. The types, the validation and the
// published JSON Schema all come from here.
//
// Required and optional keys are those of the format's first description; `scratch`, `accuracy`,
// `gradients`, `variants` and a param's `values` are additions, optional so that older packs stay valid. Optional
// keys accept null, because writers in other languages print a missing value so.

import { z } from "zod";
import { DTYPES, PACK_LIMITS, SANDBOX_LIMITS } from "../base/mod.ts";
import { relationsOfKernel, relationsOfManifest } from "./manifest-relations.ts";
import { paramsSchema } from "./param-schema.ts";
import { MANIFEST_PATH, PLAIN_PATH, SIGNATURE_PATH } from "./path.ts";
import {
  idSchema,
  keepingUnknown,
  nameSchema,
  packNameSchema,
  realSchema,
  timestampSchema,
  versionSchema,
} from "./schema-words.ts";
import { BASELINE } from "./variants.ts";

export const CATEGORIES = [
  "positional_encoding",
  "normalization",
  "activation",
  "kv_cache",
  "adapter",
  "attention",
  "custom",
] as const;

const U32_MAX = 2 ** 32 - 1;
const u32 = z.int().min(0).max(U32_MAX);

/** Never rounded: a double cannot hold every u64, so what lies beyond 2^53 is a bigint. */
const ticks = z.union(
  [
    z.int().min(0),
    z
      .bigint()
      .min(0n)
      .max(2n ** 64n - 1n),
  ],
  { error: "TICKS_INVALID" },
);

const dimSchema = z.union([nameSchema, u32], { error: "DIM_INVALID" });

export const tensorSchema = keepingUnknown({
  name: nameSchema,
  dtype: z.enum(DTYPES),
  shape: z.array(dimSchema).max(SANDBOX_LIMITS.tensorRankMax, "RANK_TOO_LARGE").readonly(),
}).readonly();

const tensorsSchema = z.array(tensorSchema).max(PACK_LIMITS.tensorsPerListMax).readonly();

export const limitsSchema = keepingUnknown({
  max_memory_pages: u32.describe("WebAssembly pages of 64 KiB"),
  max_epoch_ticks: ticks.describe("epoch ticks, 10 ms each by default, before the call is stopped"),
  max_table_elements: u32,
  max_stack_size: u32.nullish().describe("bytes"),
  max_globals: u32.nullish(),
}).readonly();

const featuresSchema = z.array(z.string().min(1)).readonly().default([]);

const platformSchema = keepingUnknown({
  min_version: versionSchema,
  features: featuresSchema,
  aot_available: z.boolean().default(false),
}).readonly();

const benchmarkSchema = keepingUnknown({
  latency_us: ticks, // Any u64. A claim of the author, never a gate.
  throughput_gflops: realSchema,
}).readonly();

const toleranceSchema = realSchema.refine((value) => value >= 0, "OUT_OF_RANGE");
const accuracySchema = keepingUnknown({
  max_abs: toleranceSchema.optional(),
  max_rel: toleranceSchema.optional(),
  max_ulp: toleranceSchema.optional(),
  max_row: toleranceSchema.optional().describe("relative to the largest magnitude in the row"),
}).readonly();

const pathSchema = z
  .string()
  .regex(PLAIN_PATH, "PATH_INVALID")
  .max(PACK_LIMITS.pathBytesMax, "PATH_INVALID")
  .refine((path) => path !== MANIFEST_PATH && path !== SIGNATURE_PATH, "PATH_TAKEN");

/** Short placeholders can be read; only a whole hash can be verified (`validateForVerify`). */
const hashSchema = z
  .string()
  .regex(/^sha256:/, "HASH_INVALID")
  .toLowerCase();

const variantShape = {
  id: idSchema.refine((id) => id !== BASELINE, "VARIANT_ID_TAKEN"),
  path: pathSchema,
  hash: hashSchema,
  features: featuresSchema.describe(
    "all that the module uses; an engine without one never runs it",
  ),
};

const kernelShape = {
  id: idSchema,
  name: z.string(),
  category: z.enum(CATEGORIES),
  path: pathSchema,
  hash: hashSchema,
  entry_point: z.string().min(1, "ENTRY_POINT_INVALID"),
  variants: variantsOf(variantShape).describe(
    "other modules of the kernel, by the features they need",
  ),
  inputs: tensorsSchema,
  outputs: tensorsSchema,
  scratch: tensorsSchema.optional().describe("memory that a call needs beside its tensors"),
  gradients: z
    .array(nameSchema)
    .max(PACK_LIMITS.tensorsPerListMax)
    .readonly()
    .optional()
    .describe("the inputs whose gradients kernel_backward gives, in the order of its outputs"),
  params: paramsSchema.default({}),
  accuracy: accuracySchema.optional().describe("how far results may lie from the reference"),
  resource_limits: limitsSchema,
  platforms: z.record(idSchema, platformSchema).readonly().default({}),
  benchmarks: z.record(z.string(), benchmarkSchema).readonly().default({}),
};

/** A function, because an author's variants have other keys than a reader's. */
function variantsOf<Shape extends z.ZodRawShape>(shape: Shape) {
  return z
    .array(keepingUnknown(shape).readonly())
    .max(PACK_LIMITS.variantsMax)
    .readonly()
    .optional();
}

export const kernelSchema = keepingUnknown(kernelShape).superRefine(relationsOfKernel).readonly();

const authorSchema = keepingUnknown({
  name: z.string(),
  email: z.string(),
  signing_key: z.string(),
}).readonly();

const manifestShape = {
  $schema: z.string().default(""),
  version: versionSchema,
  name: packNameSchema,
  description: z.string(),
  min_runtime_version: versionSchema,
  max_runtime_version: versionSchema,
  created_at: timestampSchema,
  author: authorSchema,
  kernels: z.array(kernelSchema).max(PACK_LIMITS.kernelsMax).readonly(),
  fallbacks: z.record(idSchema, idSchema).readonly().default({}),
};

export const manifestSchema = keepingUnknown(manifestShape)
  .superRefine(relationsOfManifest, { when: () => true }) // Also when an entry is at fault.
  .readonly();

export type Manifest = z.infer<typeof manifestSchema>;
export type KernelEntry = Manifest["kernels"][number];
export type KernelCategory = KernelEntry["category"];
export type TensorSpec = z.infer<typeof tensorSchema>;
export type ResourceLimits = z.infer<typeof limitsSchema>;
export type PlatformSpec = z.infer<typeof platformSchema>;
export type KernelVariant = NonNullable<KernelEntry["variants"]>[number];
export type Accuracy = z.infer<typeof accuracySchema>;
export type { ParamSpec } from "./param-schema.ts";

/** A module that is still to be built, or read and hashed. */
const unbuilt = { hash: hashSchema.optional(), source: z.string().min(1).optional() };

/** What an author writes: a manifest whose hashes, and perhaps key, are still to be filled in. */
export const packSourceSchema = keepingUnknown({
  ...manifestShape,
  author: keepingUnknown({ ...authorSchema.unwrap().shape, signing_key: z.string().optional() }),
  kernels: z
    .array(
      keepingUnknown({
        ...kernelShape,
        ...unbuilt,
        variants: variantsOf({
          ...variantShape,
          ...unbuilt,
          features: variantShape.features.unwrap().optional(),
        }),
      }).readonly(),
    )
    .max(PACK_LIMITS.kernelsMax)
    .readonly(),
}).readonly();

export type PackSource = z.input<typeof packSourceSchema>;
export type KernelSource = PackSource["kernels"][number];
export type VariantSource = NonNullable<KernelSource["variants"]>[number];
