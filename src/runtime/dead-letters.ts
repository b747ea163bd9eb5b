// Dead letters: messages that nobody handled, kept for a while with the reason, to look at or to replay.
//
// Bounded by count and by age. Each letter is counted when it comes and when it goes, so for each reason
// added = dropped + expired + taken + kept.

import { unsupported } from "./unsupported.ts";

export const DEAD_REASONS = [
  "queue-full",
  "deadline",
  "handler-error",
  "terminated",
  "worker-lost",
  "malformed",
  "retries",
] as const;
export type DeadReason = (typeof DEAD_REASONS)[number];

/** A message as it dies. */
export interface DyingLetter {
  /** The kernel it was for. */
  readonly kernel: string;
  readonly reason: DeadReason;
  readonly type: number;
  readonly typeName: string;
  readonly payload: Uint8Array;
  /** When it died, by the clock of the letters. Now. */
  readonly at?: number;
  /** How often it was tried: 0. A replay passes on one more. */
  readonly attempts?: number;
}

export interface DeadLetter extends Required<DyingLetter> {
  /** 1 and up, in the order they came. */
  readonly id: number;
}

const SOUGHT = ["id", "kernel", "reason", "type"] as const;
/** Letters that have all of these. */
export type LetterFilter = Partial<Pick<DeadLetter, (typeof SOUGHT)[number]>>;

export interface DeadLettersOptions {
  /** Letters kept: 10,000. The next one drops the oldest. */
  readonly max?: number;
  /** A letter of this age, in milliseconds, has expired: 3,600,000. */
  readonly ttlMs?: number;
  /** The clock, in milliseconds. */
  readonly now: () => number;
}

type Fate = "added" | "dropped" | "expired" | "taken";
/** How many letters came and went, by reason. */
export type DeadLetterMetrics = Readonly<Record<Fate, Readonly<Record<DeadReason, number>>>>;

export class DeadLetters {
  readonly #max: number;
  readonly #ttlMs: number;
  readonly #now: () => number;
  readonly #counts = { added: noneYet(), dropped: noneYet(), expired: noneYet(), taken: noneYet() };
  /** A circle once it is full: `#oldest` is where it begins, and 0 until then. */
  #letters: DeadLetter[] = [];
  #oldest = 0;
  #lastId = 0;

  constructor({ max = 10_000, ttlMs = 3_600_000, now }: DeadLettersOptions) {
    if (!Number.isInteger(max) || max < 1) throw unsupported("max", `${max}`, "1 letter or more");
    if (!(ttlMs > 0)) throw unsupported("ttlMs", `${ttlMs}`, "more than 0 ms");
    this.#max = max;
    this.#ttlMs = ttlMs;
    this.#now = now;
  }

  /** Letters kept, those included that have expired and were not looked at since. */
  get size(): number {
    return this.#letters.length;
  }

  get metrics(): DeadLetterMetrics {
    return structuredClone(this.#counts);
  }

  /** Keeps a copy, as the payload's bytes belong to their slot again when it returns. Says its id. */
  add(letter: DyingLetter): number {
    const now = this.#now();
    const { kernel, reason, type, typeName, at = now, attempts = 0 } = letter;
    const payload = new Uint8Array(letter.payload);
    const id = ++this.#lastId;
    this.#counts.added[reason]++;
    this.#keep({ id, kernel, reason, type, typeName, payload, at, attempts }, now);
    return id;
  }

  /** The letters that fit, newest last. They stay. */
  browse(filter: LetterFilter = {}): readonly DeadLetter[] {
    this.expire();
    return this.#inOrder().filter((letter) => fits(letter, filter));
  }

  /** Removes the letters that fit, to replay them, and hands them over, newest last. */
  take(filter: LetterFilter = {}): readonly DeadLetter[] {
    this.expire();
    return this.#remove((letter) => fits(letter, filter), "taken");
  }

  /** Removes what has expired, and says how many. `browse` and `take` do so first. */
  expire(): number {
    const now = this.#now();
    return this.#remove((letter) => this.#hasExpired(letter, now), "expired").length;
  }

  #keep(letter: DeadLetter, now: number): void {
    if (this.#letters.length < this.#max) {
      this.#letters.push(letter);
      return;
    }
    const oldest = this.#letters[this.#oldest]!;
    this.#counts[this.#hasExpired(oldest, now) ? "expired" : "dropped"][oldest.reason]++;
    this.#letters[this.#oldest] = letter;
    this.#oldest = (this.#oldest + 1) % this.#max;
  }

  #remove(goes: (letter: DeadLetter) => boolean, fate: Fate): DeadLetter[] {
    const gone = this.#inOrder().filter(goes);
    if (gone.length === 0) return gone;
    this.#letters = this.#inOrder().filter((letter) => !goes(letter));
    this.#oldest = 0;
    for (const { reason } of gone) this.#counts[fate][reason]++;
    return gone;
  }

  #inOrder(): DeadLetter[] {
    return [...this.#letters.slice(this.#oldest), ...this.#letters.slice(0, this.#oldest)];
  }

  #hasExpired({ at }: DeadLetter, now: number): boolean {
    return now - at >= this.#ttlMs;
  }
}

function fits(letter: DeadLetter, filter: LetterFilter): boolean {
  return SOUGHT.every((key) => filter[key] === undefined || filter[key] === letter[key]);
}

function noneYet(): Record<DeadReason, number> {
  return Object.fromEntries(DEAD_REASONS.map((reason) => [reason, 0])) as Record<
    DeadReason,
    number
  >;
}
