// Posted: a message to another kernel whose fate its sender looks for itself, without a promise.

import { Failure } from "../base/mod.ts";
import type { Calls } from "./calls.ts";

export class Posted {
  readonly #calls: Calls;
  readonly #slot: number;

  constructor(calls: Calls, slot: number) {
    this.#calls = calls;
    this.#slot = slot;
  }

  /** Whether the handler has settled, or nobody will handle the message any more. */
  get isSettled(): boolean {
    return this.#calls.isAnswered(this.#slot);
  }

  /** Frees the slot, once, of what is settled. Returns why it failed; the answer is nobody's. */
  end(): Failure | undefined {
    try {
      this.#calls.take(this.#slot);
      return undefined;
    } catch (error) {
      if (error instanceof Failure) return error;
      throw error;
    }
  }
}
