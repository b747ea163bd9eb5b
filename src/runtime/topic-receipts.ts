// Topic receipts: what became of the publications of late, one by one. Older ones are forgotten, and counted.

/** How a publication ends for one of its subscribers. */
export type Fate = "handled" | "failed" | "dropped" | "lost" | "expired";

export interface ReceiptState {
  readonly id: number;
  readonly topic: string;
  /** Subscribers that it was for, those included that came later and got what was retained. */
  readonly matched: number;
  /** Handlers that returned. */
  readonly handled: number;
  /** Handlers that threw, or that are not there, as often as was allowed. */
  readonly failed: number;
  /** Subscribers that had no room, or were not there. */
  readonly dropped: number;
  /** Threads that ended with it in hand, where it was not to be repeated. */
  readonly lost: number;
  /** Subscribers that it waited for in vain. */
  readonly expired: number;
}

export type OpenReceipt = { -readonly [Name in keyof ReceiptState]: ReceiptState[Name] };

export class Receipts {
  forgotten = 0;
  readonly #max: number;
  readonly #states = new Map<number, OpenReceipt>(); // Oldest first.
  #last = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#states.size;
  }

  open(topic: string): OpenReceipt {
    this.#last = (this.#last + 1) >>> 0 || 1; // 0 is none.
    const counts = { matched: 0, handled: 0, failed: 0, dropped: 0, lost: 0, expired: 0 };
    const state = { id: this.#last, topic, ...counts };
    this.#states.set(state.id, state);
    if (this.#states.size > this.#max) this.#forgetOldest();
    return state;
  }

  get(id: number): ReceiptState | undefined {
    return this.#states.get(id);
  }

  #forgetOldest(): void {
    for (const id of this.#states.keys()) {
      this.#states.delete(id);
      this.forgotten++;
      return;
    }
  }
}
