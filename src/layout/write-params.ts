// Write params: fills a parameter block, checking every value against its declaration.
//
// This runs on every unprepared call, so it allocates nothing but what a failure needs. On failure the
// block is partly written and the call must not happen.

import { Failure } from "../base/mod.ts";
import { type ParamValue, parseParam, show } from "./param-value.ts";
import type { ParamField, ParamsLayout } from "./params.ts";

/**
 * Writes the block of `layout` at `at` of `view`. A param that `values` leaves out takes its default;
 * every dimension must be given. Fails with PARAM_INVALID on an unknown name, a missing value, a wrong
 * type, or a value outside the type's or the declaration's range.
 */
export function writeParams(
  view: DataView,
  at: number,
  layout: ParamsLayout,
  values: Readonly<Record<string, unknown>>,
  dims: Readonly<Record<string, number>>,
): void {
  refuseUnknown(values, layout.paramIndex, "params");
  refuseUnknown(dims, layout.dimIndex, "dims");
  for (const field of layout.params) {
    writeValue(view, at + field.at, field, checkParam(field, own(values, field.name)));
  }
  for (const { name, at: offset } of layout.dims) {
    const value = own(dims, name);
    if (value === undefined) throw missing(`dims/${name}`);
    view.setUint32(at + offset, parseParam("u32", value, `dims/${name}`) as number, true);
  }
}

/**
 * The value that `field` takes for `given`: its default when undefined, the value that a name of the
 * manifest stands for, else `given` itself, parsed. Fails with PARAM_INVALID when it is out of bounds.
 */
export function checkParam(field: ParamField, given: unknown): ParamValue {
  if (given === undefined) {
    if (field.default === undefined) throw missing(`params/${field.name}`);
    return field.default;
  }
  const named = typeof given === "string" ? field.values.get(given) : undefined;
  const value = named ?? parseParam(field.type, given, `params/${field.name}`);
  if (field.min !== undefined && value < field.min) throw outside(field, value, "at least");
  if (field.max !== undefined && value > field.max) throw outside(field, value, "at most");
  return value;
}

function writeValue(view: DataView, at: number, field: ParamField, value: ParamValue): void {
  switch (field.type) {
    case "f32":
      return view.setFloat32(at, value as number, true);
    case "f64":
      return view.setFloat64(at, value as number, true);
    case "i32":
      return view.setInt32(at, value as number, true);
    case "u32":
      return view.setUint32(at, value as number, true);
    case "bool":
      return view.setUint32(at, value ? 1 : 0, true);
    case "i64":
      return view.setBigInt64(at, value as bigint, true);
    case "u64":
      return view.setBigUint64(at, value as bigint, true);
    default:
      return field.type satisfies never;
  }
}

/** A property of the object itself: `toString` is not a param because every object inherits one. */
function own<T>(values: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(values, name) ? values[name] : undefined;
}

function refuseUnknown(
  given: Readonly<Record<string, unknown>>,
  known: ReadonlyMap<string, number>,
  what: "params" | "dims",
): void {
  for (const name in given) {
    if (known.has(name)) continue;
    throw new Failure("PARAM_INVALID", {
      at: `${what}/${name}`,
      found: `an unknown name ${show(name)}`,
      expected: known.size === 0 ? `no ${what}` : `one of ${[...known.keys()].join(", ")}`,
      fix: "Correct the name or leave it out.",
    });
  }
}

function missing(at: string): Failure {
  return new Failure("PARAM_INVALID", {
    at,
    found: "no value",
    expected: "a value, since the manifest declares no default",
    fix: "Pass the value.",
  });
}

function outside(field: ParamField, value: ParamValue, relation: "at least" | "at most"): Failure {
  const bound = relation === "at least" ? field.min : field.max;
  return new Failure("PARAM_INVALID", {
    at: `params/${field.name}`,
    found: show(value),
    expected: `${relation} ${show(bound)}`,
    fix: "Pass a value within the bounds that the kernel's manifest declares.",
  });
}
