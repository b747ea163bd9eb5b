// Rate limits: a bucket of tokens, which time refills, and credits, which the receiver does.
//
// A refusal is an answer, not a failure: how to wait, and whether, belongs to the caller.

import { unsupported } from "./unsupported.ts";

export interface RateLimitOptions {
  /** Tokens that come each second. */
  readonly perSecond: number;
  /** Tokens the bucket holds, and begins with. */
  readonly burst: number;
  /** The clock, in milliseconds. Set back, it brings no tokens, and counts on from there. */
  readonly now: () => number;
}

/** Of any stretch of time, it lets through at most `burst` and what that time brings. */
export class RateLimit {
  readonly #perMs: number;
  readonly #burst: number;
  readonly #now: () => number;
  readonly #counts = { taken: 0, refused: 0 };
  #tokens: number;
  #at: number;

  constructor({ perSecond, burst, now }: RateLimitOptions) {
    if (!(perSecond > 0 && perSecond < Infinity))
      throw unsupported("perSecond", `${perSecond}`, "a finite rate above 0");
    if (!(burst >= 1 && burst < Infinity))
      throw unsupported("burst", `${burst}`, "a finite number from 1 on");
    this.#perMs = perSecond / 1000;
    this.#burst = burst;
    this.#now = now;
    this.#tokens = burst;
    this.#at = now();
  }

  /** Tokens taken, and attempts refused. */
  get metrics(): Readonly<{ taken: number; refused: number }> {
    return { ...this.#counts };
  }

  /** Takes `count` tokens, or none and says false. */
  tryTake(count = 1): boolean {
    demand(count);
    this.#refill();
    if (!(this.#tokens >= count)) {
      this.#counts.refused++;
      return false;
    }
    this.#tokens -= count;
    this.#counts.taken += count;
    return true;
  }

  /** Whole milliseconds until `count` tokens are there, if nobody takes any. Infinity: more than ever fit. */
  waitMs(count = 1): number {
    demand(count);
    this.#refill();
    if (count > this.#burst) return Infinity;
    const wait = Math.max(0, Math.ceil((count - this.#tokens) / this.#perMs));
    return this.#tokensAfter(wait) < count ? wait + 1 : wait; // Rounding may cost the last token.
  }

  #refill(): void {
    const now = this.#now();
    if (now > this.#at) this.#tokens = this.#tokensAfter(now - this.#at);
    this.#at = now;
  }

  #tokensAfter(ms: number): number {
    return Math.min(this.#burst, this.#tokens + ms * this.#perMs);
  }
}

export interface CreditsOptions {
  /** Credits to begin with: 64. */
  readonly initial?: number;
  /** Credits of one grant: 32. */
  readonly refill?: number;
  /** The most there can be: 192. A grant fills up to here, and the rest of it is lost. */
  readonly high?: number;
  /** Below this, the receiver shall grant more: 64. */
  readonly low?: number;
}

/** Credits lost are those of grants that were above `high`. */
export type CreditsMetrics = Readonly<Record<"taken" | "refused" | "granted" | "lost", number>>;

/** What a sender may still send: one credit a message, granted as the receiver gets on with its work. */
export class Credits {
  readonly #refill: number;
  readonly #high: number;
  readonly #low: number;
  readonly #counts = { taken: 0, refused: 0, granted: 0, lost: 0 };
  #available: number;

  constructor({ initial = 64, refill = 32, high = 192, low = 64 }: CreditsOptions = {}) {
    within("high", high, 1, Number.MAX_SAFE_INTEGER);
    within("initial", initial, 0, high);
    within("refill", refill, 1, high);
    within("low", low, 0, high);
    this.#refill = refill;
    this.#high = high;
    this.#low = low;
    this.#available = initial;
  }

  get available(): number {
    return this.#available;
  }

  get isLow(): boolean {
    return this.#available < this.#low;
  }

  get metrics(): CreditsMetrics {
    return { ...this.#counts };
  }

  /** Takes one credit. False when there is none. */
  take(): boolean {
    const isThere = this.#available > 0;
    if (isThere) this.#available--;
    this.#counts[isThere ? "taken" : "refused"]++;
    return isThere;
  }

  /** Gives `count` credits, or as many as fit, and says how many that were. */
  grant(count = this.#refill): number {
    within("count", count, 0, Number.MAX_SAFE_INTEGER);
    const granted = Math.min(count, this.#high - this.#available);
    this.#available += granted;
    this.#counts.granted += granted;
    this.#counts.lost += count - granted;
    return granted;
  }
}

/** Less than nothing would fill the bucket. */
function demand(count: number): void {
  if (!(count >= 0)) throw unsupported("count", `${count}`, "0 or more");
}

function within(name: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw unsupported(name, `${value}`, `a whole number from ${least} to ${most}`);
}
