// Layout: one declarative table per structure that two languages share.
//
// A table is laid out as written: offsets are a running sum and padding is a row like any other, so
// that no compiler adds its own. A field that is not naturally aligned, or a structure that does not
// end on its own alignment, is our mistake and stops the program when the table is loaded.

import { assert } from "../base/mod.ts";

/** Bytes of one value of each kind, which is also its natural alignment. `pad` is one unused byte. */
export const KIND_BYTES = {
  u8: 1,
  i8: 1,
  u16: 2,
  i16: 2,
  u32: 4,
  i32: 4,
  u64: 8,
  i64: 8,
  f32: 4,
  f64: 8,
  pad: 1,
} as const;

export type FieldKind = keyof typeof KIND_BYTES;

/** One row of a table: what it holds, what it means, and how many of it (1 when left out). */
export type Row = readonly [kind: FieldKind, note: string, count?: number];

export interface Field {
  /** Byte offset from the start of the structure. */
  readonly at: number;
  readonly bytes: number;
  readonly kind: FieldKind;
  readonly count: number;
  readonly note: string;
}

export interface Layout<Name extends string = string> {
  readonly name: string;
  readonly bytes: number;
  /** The largest alignment of any field; the structure must start on a multiple of it. */
  readonly align: number;
  readonly fields: Readonly<Record<Name, Field>>;
}

/** Lays `rows` end to end. */
export function layout<const Rows extends Readonly<Record<string, Row>>>(
  name: string,
  rows: Rows,
): Layout<keyof Rows & string> {
  let at = 0;
  let align = 1;
  const fields: Record<string, Field> = {};
  for (const [field, [kind, note, count = 1]] of Object.entries<Row>(rows)) {
    const size = KIND_BYTES[kind];
    assert(Number.isInteger(count) && count > 0, `${name}.${field} holds at least one ${kind}`);
    assert(at % size === 0, `${name}.${field} is aligned to ${size} bytes`);
    fields[field] = { at, bytes: size * count, kind, count, note };
    at += size * count;
    align = Math.max(align, size);
  }
  assert(at % align === 0, `${name} ends on a multiple of ${align} bytes`);
  return { name, bytes: at, align, fields: fields as Layout<keyof Rows & string>["fields"] };
}

/** The fields in the order of their offsets, padding left out unless `withPadding`. */
export function fieldsOf(table: Layout, withPadding = false): readonly [string, Field][] {
  return Object.entries<Field>(table.fields).filter(
    ([, field]) => withPadding || field.kind !== "pad",
  );
}
