// Histogram: how long things took, counted in shared memory, to within 1.6 %.
//
// Every power of two is cut into 32 buckets of one width, so a bucket is at most 1/32 of its values wide.
// What is read back is a bucket's middle. Below 64 ns a bucket is one value, and the middle is exact.
//
//   bucket   0 ... 63 | 64 ...  95 | 96 ... 127 | 128 ...  159 | ... 1247
//   from ns  0 ... 63 | 64 ... 126 | 128 .. 252 | 256 ...  504 | ... 2^43 less 2^37
//   width    1        | 2          | 4          | 8            | ... 2^37
//
// Why threads may share it:
//   1. One thread writes: `record` is a plain increment, and no count is lost. Any number may read.
//   2. Nothing but buckets is kept. There is no total that could disagree with them.
//   3. A bucket is 32 bits without a sign, so no count is wrong before 2^32 values were recorded.

import { assert } from "../base/mod.ts";

/** Buckets per power of two, as a power of two. */
const CUT_BITS = 5;
const CUT = 2 ** CUT_BITS;
/** Values from 2^43 ns, which is 2.4 hours, count as just below it. */
const VALUE_BITS = 43;
const LIMIT = 2 ** VALUE_BITS;
const BUCKETS = (VALUE_BITS - CUT_BITS + 1) * CUT;
/** Values from 2^31 lose this many low bits first: shifts know 32 bits only. */
const FAR_BITS = VALUE_BITS - 31;

export interface LatencySnapshot {
  readonly count: number;
  readonly minNs: number;
  readonly meanNs: number;
  readonly p50Ns: number;
  readonly p90Ns: number;
  readonly p99Ns: number;
  readonly p999Ns: number;
  readonly maxNs: number;
}

/** Of an empty histogram every number is 0. */
export class Histogram {
  /** 32-bit words that a histogram takes. All 0 is an empty one. */
  static readonly wordsNeeded = BUCKETS;
  readonly #words: Int32Array;

  /** Counts in `memory`, from word `at` on. */
  constructor(memory: SharedArrayBuffer | Int32Array, at = 0) {
    const words = memory instanceof Int32Array ? memory : new Int32Array(memory);
    assert(at >= 0 && at + BUCKETS <= words.length, "a histogram lies inside its memory");
    this.#words = words.subarray(at, at + BUCKETS);
  }

  /** Counts one value in nanoseconds, less its fraction. Below 0, as when a clock went back, is 0. */
  record(ns: number): void {
    this.#words[bucketOf(ns)]!++;
  }

  get count(): number {
    let sum = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) sum += this.#at(bucket);
    return sum;
  }

  get min(): number {
    return this.percentile(0);
  }

  get max(): number {
    return this.percentile(100);
  }

  get mean(): number {
    let [sum, count] = [0, 0];
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      const values = this.#at(bucket);
      sum += values * middleOf(bucket);
      count += values;
    }
    return count === 0 ? 0 : sum / count;
  }

  /** The least value that `p` percent of all values do not exceed. `p` is from 0 to 100. */
  percentile(p: number): number {
    assert(p >= 0 && p <= 100, "a percentile is from 0 to 100");
    const { count } = this;
    if (count === 0) return 0;
    let left = Math.max(1, Math.ceil((p * count) / 100));
    let bucket = 0;
    // The last bucket needs no look: what is not before it is in it.
    for (; bucket < BUCKETS - 1; bucket++) {
      left -= this.#at(bucket);
      if (left <= 0) break;
    }
    return middleOf(bucket);
  }

  /** Adds what `other` counted, and leaves it as it is. Only the writer of this one may. */
  mergeFrom(other: Histogram): void {
    for (let bucket = 0; bucket < BUCKETS; bucket++) this.#words[bucket]! += other.#at(bucket);
  }

  /** All numbers from one copy, so that they belong together while the writer goes on. */
  snapshot(): LatencySnapshot {
    const still = new Histogram(this.#words.slice());
    return {
      count: still.count,
      minNs: still.min,
      meanNs: still.mean,
      p50Ns: still.percentile(50),
      p90Ns: still.percentile(90),
      p99Ns: still.percentile(99),
      p999Ns: still.percentile(99.9),
      maxNs: still.max,
    };
  }

  #at(bucket: number): number {
    return this.#words[bucket]! >>> 0;
  }
}

function bucketOf(ns: number): number {
  if (!(ns > 0)) return 0; // Not a number counts as 0, too.
  if (ns < 2 ** 31) return nearBucketOf(ns | 0);
  if (ns >= LIMIT) return BUCKETS - 1;
  return nearBucketOf((ns / 2 ** FAR_BITS) | 0) + FAR_BITS * CUT;
}

/** Of a whole number below 2^31. */
function nearBucketOf(ns: number): number {
  if (ns < CUT) return ns;
  const widthBits = 31 - Math.clz32(ns) - CUT_BITS;
  return widthBits * CUT + (ns >>> widthBits); // The top six bits: the highest counts one row of 32.
}

/** The mean of the whole numbers that fall into a bucket. */
function middleOf(bucket: number): number {
  if (bucket < CUT) return bucket;
  const width = 2 ** (Math.floor(bucket / CUT) - 1);
  return ((bucket % CUT) + CUT) * width + (width - 1) / 2;
}
