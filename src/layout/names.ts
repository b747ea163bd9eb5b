// Names: how a name of a table or a manifest is spelt in each printed language.
//
// Two names that would print alike, and a name that no identifier can be made of, stop the printer:
// a silently renamed accessor would read the wrong bytes.

import { assert } from "../base/mod.ts";

/** `input_a_offset` and `input-a-offset` become `inputAOffset`. */
export function camel(name: string): string {
  const joined = words(name).map((word, index) =>
    index === 0 ? lowerFirst(word) : upperFirst(word),
  );
  return joined.join("");
}

/** `rmsnorm_f32` becomes `RmsnormF32`. */
export function pascal(name: string): string {
  return words(name).map(upperFirst).join("");
}

/** `headDim` and `head-dim` become `head_dim`. */
export function snake(name: string): string {
  const parts = words(name).map((word) => word.replaceAll(/([a-z0-9])([A-Z])/g, "$1_$2"));
  return parts.join("_").toLowerCase();
}

/** `halfSplit` and `half-split` become `HALF_SPLIT`. */
export function constantName(name: string): string {
  return snake(name).toUpperCase();
}

/** Spells every name with `spell`, appending `_` to reserved words, and refuses two that collide. */
export function spellAll(
  names: readonly string[],
  spell: (name: string) => string,
  reserved: ReadonlySet<string>,
): string[] {
  const spelt = names.map(spell).map((name) => (reserved.has(name) ? `${name}_` : name));
  spelt.forEach((name, index) => {
    assert(/^[A-Za-z_]\w*$/.test(name), `"${names[index]}" can be spelt as an identifier`);
    assert(spelt.indexOf(name) === index, `"${names[index]}" is spelt unlike every other name`);
  });
  return spelt;
}

function words(name: string): string[] {
  return name.split(/[^A-Za-z0-9]+/).filter((word) => word !== "");
}

function upperFirst(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

function lowerFirst(word: string): string {
  return word.charAt(0).toLowerCase() + word.slice(1);
}
