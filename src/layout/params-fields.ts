// Params fields: a parameter block as the fields of a C or Rust structure, padding spelt out.

import { assert } from "../base/mod.ts";
import { type FieldKind, KIND_BYTES } from "./layout.ts";
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

function kindOf(type: ParamType): FieldKind {
  return type === "bool" ? "u32" : type;
}
