// Dead letter office: what a runtime shows of its dead letters, and how it sends them once more.

import type { DeadLetter, DeadLetterMetrics, DeadLetters, LetterFilter } from "./dead-letters.ts";
import type { KernelHandle } from "./kernel-handle.ts";

/** A letter that was sent this often is kept with the reason `retries` instead: it would come back for ever. */
export const ATTEMPTS_MAX = 5;

export interface Replayed {
  readonly sent: number;
  /** Letters that stay: their kernels are not active or have no room, or they were tried too often. */
  readonly kept: number;
}

export class DeadLetterOffice {
  readonly #letters: DeadLetters;
  readonly #kernels: ReadonlyMap<string, KernelHandle | undefined>;

  constructor(letters: DeadLetters, kernels: ReadonlyMap<string, KernelHandle | undefined>) {
    this.#letters = letters;
    this.#kernels = kernels;
  }

  get size(): number {
    this.#collect();
    return this.#letters.size;
  }

  /** How many letters came and went, by reason. */
  get metrics(): DeadLetterMetrics {
    this.#collect();
    return this.#letters.metrics;
  }

  /** The letters that fit, newest last. They stay. */
  browse(filter?: LetterFilter): readonly DeadLetter[] {
    this.#collect();
    return this.#letters.browse(filter);
  }

  /** Removes the letters that fit and hands them over, newest last. */
  take(filter?: LetterFilter): readonly DeadLetter[] {
    this.#collect();
    return this.#letters.take(filter);
  }

  /** Sends the letters that fit to their kernels again, oldest first. What cannot be sent stays. */
  replay(filter?: LetterFilter): Replayed {
    let sent = 0;
    const letters = this.take(filter);
    for (const letter of letters) if (this.#send(letter)) sent++;
    return { sent, kept: letters.length - sent };
  }

  #send(letter: DeadLetter): boolean {
    const kernel = this.#kernels.get(letter.kernel);
    const attempts = letter.attempts + 1;
    const isTired = attempts >= ATTEMPTS_MAX;
    const isSent = !isTired && (kernel?.resend(letter.type, letter.payload, attempts) ?? false);
    if (!isSent) this.#letters.add(isTired ? { ...letter, reason: "retries" } : letter);
    return isSent;
  }

  #collect(): void {
    for (const kernel of this.#kernels.values()) kernel?.collectDeadLetters();
  }
}
