// Tally: control words that count claims and operations, added up on this side and stored in one go.
//
// Up to 32 words of each kind; a bit for each says which moved. They are telemetry: an executor that is
// killed takes with it what it had not stored.

import { CONTROL, PRIORITY } from "../layout/mod.ts";
import type { Ring } from "../ring/mod.ts";

/** Words of a kind, and so bits that say which moved. Opcodes below this have a counter. */
const WORDS = 32;

export class Tally {
  readonly #claims: Counters;
  readonly #priorities: Counters;
  readonly #metrics: Counters;

  constructor({ words, geometry }: Ring) {
    const at = (field: keyof typeof CONTROL.fields): number =>
      (geometry.controlAt + CONTROL.fields[field].at) / 4;
    this.#claims = new Counters(words, at("tenant_claims"));
    this.#priorities = new Counters(words, at("priority_claims"));
    this.#metrics = new Counters(words, at("metrics"));
  }

  /** A claimed slot's tenant, and its priority. */
  claim(tenant: number, priority: number): void {
    this.#claims.add(tenant);
    this.unknown(priority);
  }

  /** An id that is no tenant's is counted nowhere: it would be counted as another's. */
  unknown(priority: number): void {
    this.#priorities.add(priority < PRIORITY.IDLE ? priority : PRIORITY.IDLE);
  }

  operation(opcode: number): void {
    if (opcode < WORDS) this.#metrics.add(opcode);
  }

  /** Stores what was added up. */
  store(): void {
    this.#claims.store();
    this.#priorities.store();
    this.#metrics.store();
  }
}

/** Up to 32 words from `first` on. */
class Counters {
  readonly #words: Int32Array;
  readonly #first: number;
  readonly #counts = new Int32Array(WORDS);
  #moved = 0;

  constructor(words: Int32Array, first: number) {
    this.#words = words;
    this.#first = first;
  }

  add(index: number): void {
    this.#counts[index]!++;
    this.#moved |= 1 << index;
  }

  store(): void {
    for (let left = this.#moved; left !== 0; left &= left - 1) {
      const index = 31 - Math.clz32(left & -left);
      Atomics.add(this.#words, this.#first + index, this.#counts[index]!);
      this.#counts[index] = 0;
    }
    this.#moved = 0;
  }
}
