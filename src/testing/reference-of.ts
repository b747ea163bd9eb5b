// Reference of: finds the reference that judges a kernel of a pack.

import type { Reference, References } from "../base/mod.ts";
import type { VerifiedPack } from "../pack/mod.ts";

export interface FoundReference {
  /** The reference's name, or the kernel's id where it is listed under that. */
  readonly name: string;
  readonly reference: Reference;
}

/**
 * What stands at the end of the kernel's fallback chain; else what is listed under the kernel's own id,
 * so that an author may judge a kernel that falls back to nothing. Undefined where neither is known.
 */
export function referenceOf(
  pack: VerifiedPack,
  id: string,
  references: References,
): FoundReference | undefined {
  let end = id;
  for (let next = pack.fallback(end); next !== undefined; next = pack.fallback(end)) end = next;
  for (const name of [end, id]) {
    const reference = references.get(name);
    if (reference !== undefined) return { name, reference };
  }
  return undefined;
}
