// Unknown keys: what a document holds that its schema does not name. Kept, but reported, because an
// unknown key is either a newer format or a spelling mistake that silently does nothing.

import { z } from "zod";
import type { Issue } from "../base/mod.ts";
import { describe, issueOf } from "./rules.ts";

type Path = readonly (string | number)[];

/** One issue for each key of `value`, at any depth, that `schema` does not name. */
export function unknownKeys(schema: unknown, value: unknown, path: Path = []): Issue[] {
  const bare = unwrapped(schema, value);
  if (bare instanceof z.ZodArray && Array.isArray(value)) {
    return value.flatMap((item, index) => unknownKeys(bare.element, item, [...path, index]));
  }
  if (typeof value !== "object" || value === null) return [];
  const entries = Object.entries(value);
  if (bare instanceof z.ZodRecord) {
    return entries.flatMap(([key, item]) => unknownKeys(bare.valueType, item, [...path, key]));
  }
  if (!(bare instanceof z.ZodObject)) return [];
  return entries.flatMap(([key, item]) =>
    Object.hasOwn(bare.shape, key)
      ? unknownKeys(bare.shape[key], item, [...path, key])
      : [issueOf("KEY_UNKNOWN", [...path, key], describe(item))],
  );
}

/** The schema under wrappers such as optional, and of a union the variant that `value` names. */
function unwrapped(schema: unknown, value: unknown): unknown {
  if (
    schema instanceof z.ZodReadonly ||
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodDefault
  ) {
    return unwrapped(schema.unwrap(), value);
  }
  if (!(schema instanceof z.ZodDiscriminatedUnion)) return schema;
  const { discriminator } = schema.def;
  const tag = (value as Readonly<Record<string, unknown>>)[discriminator];
  return schema.options.find(
    (option) => option instanceof z.ZodObject && option.shape[discriminator].safeParse(tag).success,
  );
}
