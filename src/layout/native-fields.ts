// Native fields: a table or a parameter block as the fields of a C or Rust structure, padding spelt
// out, and the values of a block that a manifest names.

import { assert } from "../base/mod.ts";
import { type FieldKind, fieldsOf, KIND_BYTES, type Layout } from "./layout.ts";
import { snake, spellAll } from "./names.ts";
import type { ParamType } from "./param-value.ts";
import type { ParamsLayout } from "./params.ts";

/** One field of a printed structure. Padding is an array of `count` bytes. */
export interface NativeField {
  readonly name: string;
  readonly kind: FieldKind;
  readonly count: number;
  readonly at: number;
  readonly note: string;
}

/** The rows of a table, padding included. */
export function tableFields(table: Layout): NativeField[] {
  return fieldsOf(table, true).map(([name, { kind, count, at, note }]) => {
    return { name, kind, count, at, note };
  });
}

/** Params, then dimensions as `dim_<name>`, with a `padN` field wherever the offsets leave a gap. */
export function paramsFields(layout: ParamsLayout, reserved: ReadonlySet<string>): NativeField[] {
  const values = [
    ...layout.params.map(({ name, type, at, note }) => ({ name, kind: kindOf(type), at, note })),
    ...layout.dims.map(({ name, at }) => ({
      name: `dim_${name}`,
      kind: "u32" as const,
      at,
      note: `the dimension "${name}"`,
    })),
  ];
  const names = spellAll(
    values.map(({ name }) => name),
    snake,
    reserved,
  );
  const fields: NativeField[] = [];
  let end = 0;
  const pad = (until: number): void => {
    if (until === end) return;
    const name = `pad${end}`;
    assert(!names.includes(name), `no parameter is called ${name}`);
    fields.push({ name, kind: "pad", count: until - end, at: end, note: "" });
  };
  values.forEach(({ kind, at, note }, index) => {
    pad(at);
    fields.push({ name: names[index]!, kind, count: 1, at, note });
    end = at + KIND_BYTES[kind];
  });
  pad(layout.bytes);
  return fields;
}

/** A value that a manifest names, for a constant such as `LAYOUT_HALF_SPLIT`. */
export interface NamedValue {
  readonly path: readonly [param: string, value: string];
  readonly type: "u32" | "i32";
  readonly value: number;
  readonly note: string;
}

/** The named values of the 32-bit integer params: names for codes, which is what names are used for. */
export function namedValues(layout: ParamsLayout): NamedValue[] {
  return layout.params.flatMap(({ name, type, values }) => {
    if (type !== "u32" && type !== "i32") return [];
    return [...values].map(([key, value]): NamedValue => {
      assert(typeof value === "number", "a 32-bit param has numbers for values");
      return { path: [name, key], type, value, note: `the param "${name}" set to "${key}"` };
    });
  });
}

function kindOf(type: ParamType): FieldKind {
  return type === "bool" ? "u32" : type;
}
