// Values of every field type, for property tests.

import * as fc from "fast-check";
import { Failure } from "../base/mod.ts";
import { type Field, f32, f64, i32, u16, u32, u64, u8 } from "./field.ts";
import type { Fields } from "./schema.ts";

export const SCALARS = [u8, u16, i32, u32, f32, f64, u64] as const;

const NUMBERS = {
  u8: fc.nat(255),
  u16: fc.nat(65_535),
  i32: fc.integer(),
  u32: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  f32: fc.float(),
  f64: fc.double(),
  u64: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
};
const ARRAYS = {
  u8: Uint8Array,
  u16: Uint16Array,
  i32: Int32Array,
  u32: Uint32Array,
  f32: Float32Array,
  f64: Float64Array,
  u64: BigUint64Array,
};

/** What such a field reads as. Texts are well formed and begin with no mark. */
export function fieldValue({ kind, scalar, count }: Field): fc.Arbitrary<unknown> {
  if (kind === "bool") return fc.boolean();
  if (kind === "text")
    return fc
      .string({ unit: "binary" })
      .map((value) => value.toWellFormed().replace(/^\uFEFF+/, ""));
  const element = NUMBERS[scalar] as fc.Arbitrary<never>;
  if (kind === "scalar") return element;
  const length = kind === "array" ? { minLength: count, maxLength: count } : { maxLength: 20 };
  return fc.array(element, length).map((values) => new ARRAYS[scalar](values as never));
}

export function valueOf(fields: Fields): fc.Arbitrary<Readonly<Record<string, unknown>>> {
  return fc.record(
    Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, fieldValue(field)])),
    { noNullPrototype: true },
  );
}

export function codeOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    return error instanceof Failure ? error.code : String(error);
  }
  return "ok";
}
