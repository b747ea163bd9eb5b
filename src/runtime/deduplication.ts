// Deduplication: remembers the ids of messages, and says which came before.
//
//       #first                    the next one
//         v                          v
//   | - | id | id | id | id | id | id | - | - |        places: a circle, oldest first
//               ^----------+                           a place links to the older one of its bucket
//   | . | . | newest | . | . |                         buckets: the newest place of each
//
// Everything is made at the start, some 32 bytes for each id, so a message allocates nothing. Ids come in
// order of time, so the oldest is the first to expire, and always the last of its bucket's links.

import { unsupported } from "./unsupported.ts";

export interface DeduplicationOptions {
  /** Ids remembered: 100,000. The next one forgets the oldest. */
  readonly max?: number;
  /** An id is forgotten this long after it passed, in milliseconds: 300,000. Repeats do not prolong it. */
  readonly ttlMs?: number;
  /** Picks the buckets: 0. A random one keeps senders from choosing ids that share a bucket. */
  readonly seed?: number;
  /** The clock, in milliseconds. Set back, it only makes memories longer. */
  readonly now: () => number;
}

export interface DeduplicationMetrics {
  /** Messages asked about. */
  readonly seen: number;
  /** Those of them that came before. */
  readonly duplicates: number;
  /** Ids that made room before their time: a repeat of theirs would pass. */
  readonly forgotten: number;
  /** Ids whose time was over. */
  readonly expired: number;
}

const MAX = 2 ** 24; // Half a gigabyte of memory.

export class Deduplication {
  readonly #max: number;
  readonly #ttlMs: number;
  readonly #seed: number;
  readonly #now: () => number;
  readonly #sources: Uint32Array;
  readonly #highs: Uint32Array;
  readonly #lows: Uint32Array;
  readonly #times: Float64Array;
  /** Links are places plus one: 0 ends. */
  readonly #older: Int32Array;
  readonly #buckets: Int32Array;
  readonly #counts = { seen: 0, duplicates: 0, forgotten: 0, expired: 0 };
  #first = 0;
  #size = 0;

  constructor({ max = 100_000, ttlMs = 300_000, seed = 0, now }: DeduplicationOptions) {
    if (!Number.isInteger(max) || max < 1 || max > MAX)
      throw unsupported("max", `${max}`, `1 to ${MAX}`);
    if (!(ttlMs > 0)) throw unsupported("ttlMs", `${ttlMs}`, "more than 0 ms");
    this.#max = max;
    this.#ttlMs = ttlMs;
    this.#seed = seed;
    this.#now = now;
    this.#sources = new Uint32Array(max);
    this.#highs = new Uint32Array(max);
    this.#lows = new Uint32Array(max);
    this.#times = new Float64Array(max);
    this.#older = new Int32Array(max);
    this.#buckets = new Int32Array(2 ** Math.ceil(Math.log2(max))); // No fuller than one each.
  }

  /** Ids remembered, as of the last question. */
  get size(): number {
    return this.#size;
  }

  get metrics(): DeduplicationMetrics {
    return { ...this.#counts };
  }

  /** Whether this id of this source came before, which counts as a question only if it did. */
  isKnown(source: number, idHigh: number, idLow: number): boolean {
    this.#expire(this.#now());
    const bucket = this.#bucketOf(source, idHigh, idLow);
    if (!this.#isIn(bucket, source >>> 0, idHigh >>> 0, idLow >>> 0)) return false;
    this.#counts.seen++;
    this.#counts.duplicates++;
    return true;
  }

  /** Whether this id of this source came before. If not, it is remembered. Words of 32 bits, of any sign. */
  isDuplicate(source: number, idHigh: number, idLow: number): boolean {
    const now = this.#now();
    this.#expire(now);
    this.#counts.seen++;
    const bucket = this.#bucketOf(source, idHigh, idLow);
    if (this.#isIn(bucket, source >>> 0, idHigh >>> 0, idLow >>> 0)) {
      this.#counts.duplicates++;
      return true;
    }
    if (this.#size === this.#max) {
      this.#forgetOldest();
      this.#counts.forgotten++;
    }
    this.#remember(bucket, source, idHigh, idLow, now);
    return false;
  }

  #expire(now: number): void {
    while (this.#size > 0 && now - this.#times[this.#first]! >= this.#ttlMs) {
      this.#forgetOldest();
      this.#counts.expired++;
    }
  }

  #isIn(bucket: number, source: number, high: number, low: number): boolean {
    for (let link = this.#buckets[bucket]!; link !== 0; link = this.#older[link - 1]!) {
      if (this.#lows[link - 1] !== low || this.#highs[link - 1] !== high) continue;
      if (this.#sources[link - 1] === source) return true;
    }
    return false;
  }

  #remember(bucket: number, source: number, high: number, low: number, now: number): void {
    const place = (this.#first + this.#size) % this.#max;
    this.#sources[place] = source;
    this.#highs[place] = high;
    this.#lows[place] = low;
    this.#times[place] = now;
    this.#older[place] = this.#buckets[bucket]!;
    this.#buckets[bucket] = place + 1;
    this.#size++;
  }

  #forgetOldest(): void {
    const place = this.#first;
    const bucket = this.#bucketOf(this.#sources[place]!, this.#highs[place]!, this.#lows[place]!);
    let newer = 0;
    for (let link = this.#buckets[bucket]!; link !== place + 1; link = this.#older[link - 1]!)
      newer = link;
    if (newer === 0) this.#buckets[bucket] = 0;
    else this.#older[newer - 1] = 0;
    this.#first = (place + 1) % this.#max;
    this.#size--;
  }

  #bucketOf(source: number, high: number, low: number): number {
    return mix(mix(mix(this.#seed, source), high), low) & (this.#buckets.length - 1);
  }
}

/** An odd multiplier spreads a word upwards, the shift brings it down again to where buckets are picked. */
function mix(hash: number, word: number): number {
  const spread = Math.imul(hash ^ word, 0x9e37_79b1);
  return spread ^ (spread >>> 15);
}
