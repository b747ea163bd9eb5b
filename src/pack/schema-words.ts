// Schema words: the small schemas of which the manifest and the key ring are made.

import { parse } from "semver";
import { z } from "zod";
import { PACK_LIMITS } from "../base/mod.ts";

/**
 * An object that keeps the keys it does not know, so that a newer pack survives an older tool. Its
 * type does not show them: a misspelt access must not compile.
 */
export function keepingUnknown<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.looseObject(shape) as unknown as z.ZodObject<Shape>;
}

/** A name that becomes an identifier in generated code. */
export const nameSchema = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "NAME_INVALID")
  .max(PACK_LIMITS.nameCharactersMax, "NAME_INVALID");

/** A version exactly as semver writes it: no leading "v", no spaces, numbers that doubles can hold. */
export const versionSchema = z
  .string()
  .regex(/^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$/, "VERSION_INVALID")
  .refine((version) => parse(version) !== null, "VERSION_INVALID");

export const timestampSchema = z.iso.datetime({ offset: true, error: "TIMESTAMP_INVALID" });

/** An id of a kernel or a platform: it appears in paths, logs, metrics and on command lines. */
export const idSchema = z
  .string()
  .regex(/^[A-Za-z0-9_][A-Za-z0-9._-]*$/, "KERNEL_ID_INVALID")
  .max(PACK_LIMITS.nameCharactersMax, "KERNEL_ID_INVALID");

/** A pack's name, with the scope that package registries know, such as `@team/kernels`. */
export const packNameSchema = z
  .string()
  .regex(/^(?:@[A-Za-z0-9_][A-Za-z0-9._-]*\/)?[A-Za-z0-9_][A-Za-z0-9._-]*$/, "PACK_NAME_INVALID")
  .max(PACK_LIMITS.nameCharactersMax, "PACK_NAME_INVALID");

/** A number. One written as a whole number beyond 2^53 was read as a bigint; here it is rounded. */
export const realSchema = z
  .union([z.number(), z.bigint()], { error: "NUMBER_INVALID" })
  .transform(Number);
