// Statistics: the few numbers that a benchmark may quote. Pure functions; times are in nanoseconds.

import { assert } from "../../src/base/mod.ts";

/** The value below which a share `q` of `values` lies, interpolated between neighbours. */
export function quantile(values: readonly number[], q: number): number {
  assert(values.length > 0, "a quantile needs at least one value");
  assert(q >= 0 && q <= 1, "a quantile is a share from 0 to 1");
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * q;
  const below = Math.floor(at);
  const low = sorted[below]!;
  const high = sorted[Math.min(below + 1, sorted.length - 1)]!;
  return low + (high - low) * (at - below);
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

export function p99(values: readonly number[]): number {
  return quantile(values, 0.99);
}

/** The geometric mean: the right one for ratios, since it treats 2x and 0.5x as opposites. */
export function geometricMean(ratios: readonly number[]): number {
  assert(ratios.length > 0, "a mean needs at least one value");
  assert(
    ratios.every((ratio) => ratio > 0),
    "a geometric mean needs positive values",
  );
  return Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length);
}

/** The median of `ours[i] / theirs[i]`: both were measured at about the same moment, pair by pair. */
export function pairedRatio(ours: readonly number[], theirs: readonly number[]): number {
  assert(ours.length === theirs.length, "pairs need two of each");
  return median(ours.map((value, i) => value / theirs[i]!));
}
