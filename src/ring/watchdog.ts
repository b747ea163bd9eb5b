// Watchdog: notices a ring on which slots wait and nothing is completed.
//
// It looks when it is told to and reads no clock. An idle ring never stalls, however long it idles.

import { CONTROL, SLOT } from "../layout/mod.ts";
import type { Ring } from "./ring.ts";
import { isActive, occupancy } from "./telemetry.ts";

/** Slots that a report names, those that were published first. */
const NAMED = 8;

/** A slot that did not settle. */
export interface StalledSlot {
  readonly slot: number;
  readonly status: number;
  readonly opcode: number;
  readonly tenant: number;
  /** The executor that holds it; 0 when nobody has claimed it. */
  readonly owner: number;
  /** Ticks of the ring's clock since it was published. */
  readonly waited: number;
}

export interface Stall {
  /** How long nothing has been completed, in the unit of `look`. */
  readonly since: number;
  /** Slots that are out and not settled. */
  readonly active: number;
  readonly oldest: readonly StalledSlot[];
}

export class Watchdog {
  readonly #ring: Ring;
  readonly #stallAfter: number;
  readonly #doneAt: number;
  #done: number;
  #moved: number | undefined;

  /** `stallAfter` is how long nothing may complete while slots wait, in the unit of `look`. */
  constructor(ring: Ring, stallAfter: number) {
    this.#ring = ring;
    this.#stallAfter = stallAfter;
    this.#doneAt = (ring.geometry.controlAt + CONTROL.fields.done_count.at) / 4;
    this.#done = Atomics.load(ring.words, this.#doneAt);
  }

  /** What stalls at `now`; undefined when all is well. Call it a few times within `stallAfter`. */
  look(now: number): Stall | undefined {
    const done = Atomics.load(this.#ring.words, this.#doneAt); // Wraps: only a difference counts.
    const { active } = occupancy(this.#ring);
    if (done !== this.#done || active === 0 || this.#moved === undefined) this.#moved = now;
    this.#done = done;
    const quiet = now - this.#moved;
    if (quiet < this.#stallAfter || active === 0) return undefined;
    return { since: quiet, active, oldest: oldestOf(this.#ring) };
  }
}

function oldestOf(ring: Ring): readonly StalledSlot[] {
  const { words, geometry } = ring;
  const { opcode, tenant } = SLOT.fields;
  const clock = words[(geometry.controlAt + CONTROL.fields.clock.at) / 4]!;
  const slots = Array.from({ length: geometry.slots }, (_, slot) => slot);
  const stalled = slots.filter((slot) => ring.isOut(slot) && isActive(ring.status(slot)));
  return stalled
    .map((slot) => ({
      ...{ slot, status: ring.status(slot), owner: ring.owner(slot) },
      opcode: words[ring.at(slot) + opcode.at / 4]! >>> 0,
      tenant: words[ring.at(slot) + tenant.at / 4]! >>> 0,
      waited: (clock - words[geometry.sides.published_at / 4 + slot]!) | 0,
    }))
    .toSorted((a, b) => b.waited - a.waited)
    .slice(0, NAMED);
}
