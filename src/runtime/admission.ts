// Admission: what a message must pass before it takes room in a kernel's queue, where its launch asks for it.
//
//   1. Duplicates   an id that was sent before is not sent again.
//   2. Rates        of the kernel, and of all kernels of its tenant.
//   3. Credits      one for each message; the kernel gives them back as it ends messages.
//
// It asks first and counts after the message was sent, so that one which finds no room costs nothing and may
// be sent again under its id. Kernels that send to each other past the host are bound by queues alone.

import type { Deduplication } from "./deduplication.ts";
import type { Credits, RateLimit } from "./rate-limit.ts";

export type Refusal = "duplicate" | "rate" | "credits";

export interface AdmissionParts {
  readonly deduplication: Deduplication | undefined;
  /** The kernel's own, and its tenant's. */
  readonly rates: readonly RateLimit[];
  readonly credits: Credits | undefined;
  /** Messages that the kernel has ended so far, as 32 bits that wrap. */
  readonly ended: () => number;
}

export interface AdmissionMetrics {
  readonly duplicates: number;
  /** Messages refused for the rate's sake. */
  readonly throttled: number;
  /** Messages refused because no credit was left. */
  readonly starved: number;
  /** Credits that are left; Infinity without them. */
  readonly credits: number;
}

export class Admission {
  readonly #parts: AdmissionParts;
  #throttled = 0;
  #starved = 0;
  #ended: number;

  constructor(parts: AdmissionParts) {
    this.#parts = parts;
    this.#ended = parts.ended();
  }

  get metrics(): AdmissionMetrics {
    const { deduplication, credits } = this.#parts;
    if (credits !== undefined) this.#grant(credits);
    return {
      duplicates: deduplication?.metrics.duplicates ?? 0,
      throttled: this.#throttled,
      starved: this.#starved,
      credits: credits?.available ?? Infinity,
    };
  }

  /** Why a message may not be sent now. An id of two words that are 0 is none. */
  refusal(idHigh: number, idLow: number): Refusal | undefined {
    const { deduplication, credits } = this.#parts;
    const isNumbered = (idHigh | idLow) !== 0;
    if (isNumbered && deduplication?.isKnown(0, idHigh, idLow) === true) return "duplicate";
    if (this.waitMs > 0) {
      this.#throttled++;
      return "rate";
    }
    if (credits === undefined) return undefined;
    this.#grant(credits);
    if (credits.available > 0) return undefined;
    this.#starved++;
    return "credits";
  }

  /** Milliseconds until the rates let one more message through. */
  get waitMs(): number {
    let longest = 0;
    for (const rate of this.#parts.rates) longest = Math.max(longest, rate.waitMs());
    return longest;
  }

  /** A message that was not refused has been sent. */
  sent(idHigh: number, idLow: number): void {
    const { deduplication, rates, credits } = this.#parts;
    if ((idHigh | idLow) !== 0) deduplication?.isDuplicate(0, idHigh, idLow);
    for (const rate of rates) rate.tryTake();
    credits?.take();
  }

  /** Gives back a credit for each message that has ended since the last time. */
  #grant(credits: Credits): void {
    const ended = this.#parts.ended();
    credits.grant((ended - this.#ended) >>> 0);
    this.#ended = ended;
  }
}
