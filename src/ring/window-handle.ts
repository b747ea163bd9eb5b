// Window handle: how far a published window is, read from its slots alone.
//
// A slot belongs to the window while it carries its ticket and the class that its place has. Once
// somebody published over it, its outcome is unknown: read the handle before the slots are reused.

import { ARGS_PER_SLOT, FAULT_CODE_ARG, FAULT_DETAIL_ARG, SLOT } from "../layout/mod.ts";
import { SLOT_STATUS, SLOT_WORDS, WINDOW_CLASS } from "../layout/mod.ts";

const ARGS = SLOT.fields.args.at / 4;

export interface WindowPlace {
  readonly startSlot: number;
  readonly ticket: number;
  /** Slots of required work. */
  readonly required: number;
  readonly lookahead: number;
}

/** What became of one slot. `gone`: it was published over, or never carried this window. */
export type SlotOutcome =
  | { readonly state: "pending"; readonly status: number }
  | { readonly state: "done"; readonly args: readonly number[] }
  | { readonly state: "fault"; readonly code: number; readonly detail: number }
  | { readonly state: "gone" };

export interface Progress {
  readonly total: number;
  readonly pending: number;
  readonly done: number;
  readonly fault: number;
  readonly gone: number;
}

export class WindowHandle {
  readonly #words: Int32Array;
  readonly #place: WindowPlace;

  constructor(words: Int32Array, place: WindowPlace) {
    this.#words = words;
    this.#place = place;
  }

  /** Whether every required slot is done. A fault among them means that it never will be. */
  get converged(): boolean {
    const { done, total } = this.required;
    return done === total;
  }

  get required(): Progress {
    return this.#progress(0, this.#place.required);
  }

  get lookahead(): Progress {
    return this.#progress(this.#place.required, this.#place.lookahead);
  }

  /** The outcome of item `item`, the required ones counted first. */
  outcome(item: number): SlotOutcome {
    const words = this.#words;
    const at = (this.#place.startSlot + item) * SLOT_WORDS;
    const status = Atomics.load(words, at);
    const args = Array.from(words.subarray(at + ARGS, at + ARGS + ARGS_PER_SLOT), (w) => w >>> 0);
    const itemClass = item < this.#place.required ? WINDOW_CLASS.REQUIRED : WINDOW_CLASS.LOOKAHEAD;
    if (args[0] !== this.#place.ticket || args[1] !== itemClass) return { state: "gone" };
    if (status === SLOT_STATUS.EMPTY) return { state: "gone" };
    if (status === SLOT_STATUS.DONE) return { state: "done", args };
    if (status !== SLOT_STATUS.FAULT) return { state: "pending", status };
    return { state: "fault", code: args[FAULT_CODE_ARG]!, detail: args[FAULT_DETAIL_ARG]! };
  }

  #progress(first: number, total: number): Progress {
    const counts = { pending: 0, done: 0, fault: 0, gone: 0 };
    for (let i = 0; i < total; i++) counts[this.outcome(first + i).state]++;
    return { total, ...counts };
  }
}
