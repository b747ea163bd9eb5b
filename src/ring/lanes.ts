// Lanes: from which of a ring's five lanes an executor claims next.
//
// A lane's oldest slot stands for it. Waiting raises it, one priority for each age step, up to CRITICAL's,
// and among equals the one that waited longest goes first: so every slot is claimed in bounded time while
// the clock moves. Where it does not, or ages nothing, a guard counts: after `STARVATION_CLAIMS` claims
// above NORMAL in a row, a single slot of NORMAL or below comes first, if there is one.

import { CONTROL, PRIORITY, type RingGeometry, STARVATION_CLAIMS } from "../layout/mod.ts";
import type { Queue } from "./queue.ts";

export class Lanes {
  /** How many slots the chosen lane may give at once. */
  most = 0;
  readonly #words: Int32Array;
  readonly #queues: readonly Queue[];
  readonly #clock: number;
  readonly #ageStep: number;
  readonly #starvation: number;
  readonly #publishedAt: number;

  constructor(words: Int32Array, geometry: RingGeometry, queues: readonly Queue[]) {
    const control = geometry.controlAt / 4;
    this.#words = words;
    this.#queues = queues;
    this.#clock = control + CONTROL.fields.clock.at / 4;
    this.#ageStep = control + CONTROL.fields.age_step.at / 4;
    this.#starvation = control + CONTROL.fields.starvation.at / 4;
    this.#publishedAt = geometry.sides.published_at / 4;
  }

  /** The lane to claim up to `this.most` slots from, or -1 when all are empty. */
  choose(most: number): number {
    this.most = most;
    if (Atomics.load(this.#words, this.#starvation) < STARVATION_CLAIMS) return this.#first(0);
    const lower = this.#first(PRIORITY.NORMAL);
    if (lower < 0) return this.#first(0); // Nobody starves: there is nobody.
    this.most = 1;
    return lower;
  }

  /** Says what became of the choice, so that the guard counts. */
  claimed(lane: number, count: number): void {
    if (lane >= 0 && lane < PRIORITY.NORMAL) Atomics.add(this.#words, this.#starvation, count);
    else Atomics.store(this.#words, this.#starvation, 0);
  }

  /** The most urgent lane from `least` on, or -1. */
  #first(least: number): number {
    const now = Atomics.load(this.#words, this.#clock);
    const ageStep = Atomics.load(this.#words, this.#ageStep) >>> 0;
    let [best, urgency, longest] = [-1, Infinity, -1];
    for (let lane = least; lane < this.#queues.length; lane++) {
      const slot = this.#queues[lane]!.peek();
      if (slot < 0) continue;
      const waited = Math.max(0, (now - this.#words[this.#publishedAt + slot]!) | 0);
      const raised = ageStep === 0 ? lane : Math.max(0, lane - Math.floor(waited / ageStep));
      if (raised > urgency || (raised === urgency && waited <= longest)) continue;
      [best, urgency, longest] = [lane, raised, waited];
    }
    return best;
  }
}
