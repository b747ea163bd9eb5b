// Rights: what a tenant may do, from the control words alone. Executors and hosts ask here, so that
// neither is laxer than the other.

import { RING_LIMITS } from "../base/mod.ts";
import { CONTROL_WORDS, OPCODE_CLASS, type OpcodeClass } from "../layout/mod.ts";
import { controlWord } from "./effects.ts";

/** Control words from `first` up to, not including, `end`, for the classes in `mask`. */
export interface Rights {
  readonly mask: number;
  readonly first: number;
  readonly end: number;
}

const NOBODY: Rights = { mask: 0, first: 0, end: 0 };

/** Tenants that exist. What the control words declare is never believed beyond the protocol's limit. */
export function tenantCount(control: Int32Array): number {
  return Math.min(control[controlWord("tenant_count")]! >>> 0, RING_LIMITS.tenantsMax);
}

/** Nobody's, for an id that is not below the number of tenants: no other word is ever read as a mask. */
export function rightsOf(control: Int32Array, tenant: number): Rights {
  if (tenant >>> 0 !== tenant || tenant >= tenantCount(control)) return NOBODY;
  return rightsUnder(control, tenant, control[controlWord("tenant_masks") + tenant]! >>> 0);
}

/** Those of a tenant that was admitted with this mask, whatever its mask is by now. */
export function rightsUnder(control: Int32Array, tenant: number, mask: number): Rights {
  const all = allWords(control);
  if (mayRun(mask, "SYSTEM")) return { mask, first: 0, end: all };
  const window = control[controlWord("window_words")]! >>> 0;
  const first = Math.min(CONTROL_WORDS + tenant * window, all);
  return { mask, first, end: Math.min(first + window, all) };
}

export function mayRun(mask: number, opcodeClass: OpcodeClass): boolean {
  return ((mask >>> OPCODE_CLASS[opcodeClass]) & 1) === 1;
}

/** A mask of these classes. */
export function maskOf(classes: Iterable<OpcodeClass>): number {
  let mask = 0;
  for (const name of classes) mask |= 1 << OPCODE_CLASS[name];
  return mask >>> 0;
}

/**
 * The first index that `words` words from `from` on touch outside the rights; undefined if none. Sums
 * have their full width, so that none wraps into the window. No words touch nothing.
 */
export function firstOutside(rights: Rights, from: number, words = 1): number | undefined {
  if (words === 0) return undefined;
  if (from < rights.first || from >= rights.end) return from;
  return from + words > rights.end ? rights.end : undefined;
}

/** Words that exist: what is declared, and never more than the memory holds. */
function allWords(control: Int32Array): number {
  const declared = CONTROL_WORDS + (control[controlWord("observable_words")]! >>> 0);
  return Math.min(declared, control.length);
}
