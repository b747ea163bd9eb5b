// Param schema: how a manifest declares one parameter of a kernel, one variant per type.
//
// 64-bit values are bigints inside and may be written as numbers or decimal strings. `values` gives
// names to some values, so that people can write `layout=half_split` instead of a number.

import { z } from "zod";
import { PACK_LIMITS } from "../base/mod.ts";
import type { ParamValue } from "../layout/mod.ts";
import { keepingUnknown, nameSchema, realSchema } from "./schema-words.ts";

const f32 = realSchema.refine(
  (value) => Number.isFinite(Math.fround(value)), // After rounding to the nearest.
  "PARAM_F32_INVALID",
);
const wideText = z.string().regex(/^-?\d{1,20}$/, "PARAM_WIDE_INVALID");
const wide = z
  .union([z.int(), z.bigint(), wideText], { error: "PARAM_WIDE_INVALID" })
  .transform((value) => BigInt(value));
const i64 = wide.pipe(z.int64("PARAM_WIDE_INVALID"));
const u64 = wide.pipe(z.uint64("PARAM_WIDE_INVALID"));
const noBound = z.null("PARAM_BOUND_ON_BOOL").optional();
const description = z.string().nullish();

const boolSpec = keepingUnknown({
  type: z.literal("bool"),
  default: z.boolean(),
  min: noBound,
  max: noBound,
  description,
});

export const paramSchema = z
  .discriminatedUnion(
    "type",
    [
      keepingUnknown({ type: z.literal("f32"), ...bounded(f32) }).superRefine(inBounds),
      keepingUnknown({ type: z.literal("f64"), ...bounded(realSchema) }).superRefine(inBounds),
      keepingUnknown({ type: z.literal("i32"), ...bounded(z.int32()) }).superRefine(inBounds),
      keepingUnknown({ type: z.literal("u32"), ...bounded(z.uint32()) }).superRefine(inBounds),
      keepingUnknown({ type: z.literal("i64"), ...bounded(i64) }).superRefine(inBounds),
      keepingUnknown({ type: z.literal("u64"), ...bounded(u64) }).superRefine(inBounds),
      boolSpec,
    ],
    { error: "PARAM_TYPE_UNKNOWN" },
  )
  .readonly();

export type ParamSpec = z.infer<typeof paramSchema>;

/** The keys that a numeric param has beside its type. */
function bounded<Value extends z.ZodType<number | bigint>>(value: Value) {
  return {
    default: value,
    min: value.nullish(),
    max: value.nullish(),
    values: z.record(nameSchema, value).readonly().optional(),
    description,
  };
}

interface Bounded {
  readonly default: number | bigint;
  readonly min?: number | bigint | null | undefined;
  readonly max?: number | bigint | null | undefined;
  readonly values?: Readonly<Record<string, number | bigint>> | undefined;
}

/** min <= default <= max, and the same for each named value, which must all differ. */
function inBounds(spec: Bounded, context: z.core.$RefinementCtx): void {
  const refuse = (message: string, path: string[], input: ParamValue): void => {
    context.addIssue({ code: "custom", message, path, input });
  };
  const low = spec.min ?? -Infinity;
  const high = spec.max ?? Infinity;
  if (spec.default < low || spec.default > high || low > high) {
    refuse("PARAM_DEFAULT_OUT_OF_BOUNDS", ["default"], spec.default);
  }
  const seen = new Set<number | bigint>();
  for (const [name, value] of Object.entries(spec.values ?? {})) {
    if (value < low || value > high) refuse("PARAM_VALUE_OUT_OF_BOUNDS", ["values", name], value);
    if (seen.has(value)) refuse("PARAM_VALUE_DUPLICATE", ["values", name], value);
    seen.add(value);
  }
}

/** The params of a kernel, by name, in the order in which they are declared. */
export const paramsSchema = z
  .record(nameSchema, paramSchema)
  .refine((params) => Object.keys(params).length <= PACK_LIMITS.paramsMax, "TOO_MANY")
  .readonly();
