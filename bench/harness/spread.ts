// Spread: how often which time was seen, small enough to travel between processes.
//
// Times are counted in 64ths of a nanosecond, since a slot of the ring takes some twenty nanoseconds.

import { Histogram } from "../../src/runtime/histogram.ts";

const PARTS = 64;

/** Pairs of a bucket and its count, one after the other; empty buckets are left out. */
export type Spread = readonly number[];

export function spreadOf(samples: readonly number[]): Spread {
  const words = new Int32Array(Histogram.wordsNeeded);
  const histogram = new Histogram(words);
  for (const sample of samples) histogram.record(sample * PARTS);
  return [...words.entries()].filter(([, count]) => count > 0).flat();
}

/** Quantiles of all of them together, each to within 1.6 %. */
export function quantilesOf(spreads: readonly Spread[]): (q: number) => number {
  const all = new Int32Array(Histogram.wordsNeeded);
  for (const spread of spreads)
    for (let i = 0; i < spread.length; i += 2) all[spread[i]!]! += spread[i + 1]!;
  const histogram = new Histogram(all);
  return (q) => histogram.percentile(q * 100) / PARTS;
}
