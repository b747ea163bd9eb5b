// Rights: what the tenant of the slot that runs may do, read from the control words once for each step.

import { RING_LIMITS } from "../base/mod.ts";
import { CONTROL, CONTROL_WORDS, FAULT_CODES, OPCODE_CLASS } from "../layout/mod.ts";
import type { Ring } from "../ring/mod.ts";

const wordOf = (field: keyof typeof CONTROL.fields): number => CONTROL.fields[field].at / 4;
const TENANT_MASKS = wordOf("tenant_masks");
const QUOTAS = wordOf("quotas");
const TENANT_COUNT = wordOf("tenant_count");
const OBSERVABLE_WORDS = wordOf("observable_words");
const WINDOW_WORDS = wordOf("window_words");
const SYSTEM_BIT = OPCODE_CLASS.SYSTEM;
const TENANTS_MAX = RING_LIMITS.tenantsMax;
const WORD_MAX = 0xffff_ffff;

export class Rights {
  mask = 0;
  /** Whether the id is a tenant's. */
  known = false;
  /** Control words from here, */
  first = 0;
  /** up to, not including, this one. */
  end = 0;
  /** After `admit` or `covers` said no: why. */
  code = 0;
  detail = 0;
  readonly #control: Int32Array;

  constructor({ words, geometry }: Ring) {
    const at = geometry.controlAt / 4;
    this.#control = words.subarray(at, at + geometry.controlWords);
  }

  /** The tenant's as they are now; 0 for an id that is no tenant's. */
  of(tenant: number): void {
    const control = this.#control;
    this.known = tenant < TENANTS_MAX && tenant < control[TENANT_COUNT]! >>> 0;
    this.under(tenant, this.known ? control[TENANT_MASKS + tenant]! >>> 0 : 0);
  }

  /** Those of a tenant that was admitted with this mask, whatever its mask is by now. */
  under(tenant: number, mask: number): void {
    const control = this.#control;
    const declared = CONTROL_WORDS + (control[OBSERVABLE_WORDS]! >>> 0);
    const all = Math.min(declared, control.length);
    this.mask = mask;
    this.first = 0;
    this.end = all;
    if (mask === 0) this.end = 0;
    else if (!this.may(SYSTEM_BIT)) this.#narrow(tenant, all);
  }

  /** Whether the mask has the bit of a class. */
  may(bit: number): boolean {
    return ((this.mask >>> bit) & 1) === 1;
  }

  /** Takes 1 from the tenant's quota. False: nothing is left. */
  takeQuota(tenant: number): boolean {
    const at = QUOTAS + tenant;
    for (;;) {
      const left = this.#control[at]!;
      if (left === 0) return false;
      if (Atomics.compareExchange(this.#control, at, left, (left - 1) | 0) === left) return true;
    }
  }

  /** Whether `words` control words from `from` on are the tenant's. No words are anybody's. */
  covers(from: number, words: number): boolean {
    if (words === 0) return true;
    const inside = from >= this.first && from < this.end;
    if (inside && from + words <= this.end) return true; // Sums have their full width here.
    this.code = FAULT_CODES.OUT_OF_BOUNDS;
    this.detail = Math.min(inside ? this.end : from, WORD_MAX);
    return false;
  }

  #narrow(tenant: number, all: number): void {
    const window = this.#control[WINDOW_WORDS]! >>> 0;
    this.first = Math.min(CONTROL_WORDS + tenant * window, all);
    this.end = Math.min(this.first + window, all);
  }
}
