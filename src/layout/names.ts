// Names: how a name of a table or a manifest is spelt in each printed language.
//
// Two names that would print alike, and a name that no identifier can be made of, stop the printer:
// a silently renamed accessor would read the wrong bytes.

import { Failure } from "../base/mod.ts";

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

/**
 * Spells every name with `spell`, appending `_` to reserved words. Fails with PARAM_INVALID for two that
 * collide, and for one that is no identifier.
 */
export function spellAll(
  names: readonly string[],
  spell: (name: string) => string,
  reserved: ReadonlySet<string>,
): string[] {
  const spelt = names.map(spell).map((name) => (reserved.has(name) ? `${name}_` : name));
  for (const [index, name] of spelt.entries()) {
    if (!/^[A-Za-z_]\w*$/.test(name)) throw unprintable(names[index]!, `"${name}"`, IDENTIFIER);
    const first = spelt.indexOf(name);
    if (first === index) continue;
    throw unprintable(names[index]!, `"${name}", as "${names[first]}" is spelt`, UNLIKE);
  }
  return spelt;
}

const IDENTIFIER = "a name that begins with a letter";
const UNLIKE = "a name spelt unlike every other name";

/** Names come from manifests, so this is an author's mistake and not one of ours. */
function unprintable(at: string, found: string, expected: string): Failure {
  const fix = "Rename it in the manifest: accessors are named after params and dimensions.";
  return new Failure("PARAM_INVALID", { at, found, expected, fix });
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
