// Tickets: promises for held slots, on a host that may not block.
//
// One loop waits on the done bell while anything is pending and asks each pending slot after every move.
// It ends, and lets the event loop end, when nothing is pending any more.

import {
  ARGS_PER_SLOT,
  FAULT_CODE_ARG,
  FAULT_DETAIL_ARG,
  SLOT,
  SLOT_STATUS,
} from "../layout/mod.ts";
import type { Ring } from "./ring.ts";
import type { KeepAlive } from "./waits.ts";
import type { SlotOutcome } from "./window-handle.ts";

/** What became of a slot, read before it was released. */
export type Settled = Extract<SlotOutcome, { state: "done" | "fault" }>;

export class Tickets {
  readonly #ring: Ring;
  readonly #keepAlive: KeepAlive;
  readonly #pending = new Map<number, (outcome: Settled) => void>();
  readonly #moved = { holds: () => this.#settle() || this.#pending.size === 0 };
  #waiting: Promise<void> | undefined;

  constructor(ring: Ring, keepAlive: KeepAlive) {
    this.#ring = ring;
    this.#keepAlive = keepAlive;
  }

  /** Slots whose outcome is awaited. */
  get pending(): number {
    return this.#pending.size;
  }

  /**
   * The outcome of a slot that was offered as held. It is read and the slot released at once when it
   * settles, so ask once for each publication, and release nothing yourself.
   */
  outcome(slot: number): Promise<Settled> {
    const { promise, resolve, reject } = Promise.withResolvers<Settled>();
    this.#pending.set(slot, resolve);
    if (this.#waiting !== undefined && this.#settle()) this.#ring.done.ring(); // The watch sleeps.
    this.#waiting ??= this.#watch();
    this.#waiting.catch(reject);
    return promise;
  }

  async #watch(): Promise<void> {
    try {
      while (this.#pending.size > 0)
        await this.#ring.done.waitAsync(this.#moved, Infinity, this.#keepAlive);
    } finally {
      this.#waiting = undefined;
    }
  }

  /** Resolves what has settled; true when something has. */
  #settle(): boolean {
    const before = this.#pending.size;
    for (const [slot, resolve] of this.#pending) {
      const outcome = outcomeOf(this.#ring, slot);
      if (outcome === undefined) continue;
      this.#pending.delete(slot);
      this.#ring.release(slot);
      resolve(outcome);
    }
    return this.#pending.size < before;
  }
}

function outcomeOf(ring: Ring, slot: number): Settled | undefined {
  const status = ring.status(slot);
  if (status !== SLOT_STATUS.DONE && status !== SLOT_STATUS.FAULT) return undefined;
  const at = ring.at(slot) + SLOT.fields.args.at / 4;
  const args = Array.from(ring.words.subarray(at, at + ARGS_PER_SLOT), (word) => word >>> 0);
  if (status === SLOT_STATUS.DONE) return { state: "done", args };
  return { state: "fault", code: args[FAULT_CODE_ARG]!, detail: args[FAULT_DETAIL_ARG]! };
}
