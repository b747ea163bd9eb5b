// Params: the values of a kernel's params that a corpus tries: every named one, both bounds, the
// default, and some between.

import type { ParamField, ParamValue } from "../layout/mod.ts";
import type { Chance } from "./chance.ts";

/** The values that every corpus long enough holds, first those that a caller would use. */
export function choicesOf(field: ParamField): readonly ParamValue[] {
  if (field.type === "bool") return [false, true];
  const { default: usual, min, max, values } = field;
  const bounds = [usual, min, max].filter((value) => value !== undefined);
  const choices = new Set<ParamValue>([...values.values(), ...bounds]);
  if (min === undefined && max === undefined)
    for (const value of unbounded(field)) choices.add(value);
  return [...choices];
}

/** What a param takes that declares no bounds. Large factors are left to the fuzzer. */
function unbounded({ type }: ParamField): readonly ParamValue[] {
  if (type === "i64" || type === "u64") return [0n, 1n];
  if (type === "u32") return [0, 1];
  return type === "i32" ? [-1, 0, 1] : [0, 1, -1, 0.7310585];
}

/** One of the choices, or any value between the bounds. */
export function drawParam(field: ParamField, chance: Chance): ParamValue {
  const { type, min, max, values } = field;
  const choices = choicesOf(field);
  const isOpen = typeof min === "number" && typeof max === "number" && values.size === 0;
  if (!isOpen || chance.oneIn(2)) return chance.pick(choices);
  if (type === "i32" || type === "u32") return chance.between(min, max);
  const value =
    min > 0 && max / min > 1000 ? between(min, max, chance) : min + (max - min) * chance.unit();
  return Math.min(max, Math.max(min, value));
}

/** A number of a magnitude between those of `min` and `max`, each magnitude as likely as another. */
function between(min: number, max: number, chance: Chance): number {
  let [doublings, size] = [0, min];
  for (; size < max; size *= 2) doublings++;
  return min * 2 ** chance.below(doublings) * (1 + chance.unit());
}

/** A value as a kernel's block holds it: what references take. */
export function asNumber(field: ParamField, value: ParamValue): number | bigint {
  if (typeof value === "boolean") return value ? 1 : 0;
  return field.type === "f32" ? Math.fround(value as number) : value;
}
