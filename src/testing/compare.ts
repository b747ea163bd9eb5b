// Compare: how far a kernel's tensor lies from the reference's, number by number.
//
//   absolute   |actual - expected|
//   relative   the same over |expected|, or over the smallest normal number where that is larger
//   ulp        the same over the distance of the type's numbers at `expected`: 0.5 is well rounded
//   row        the same over the largest magnitude that is expected in the row, where terms that cancel
//              count as if they did not: see `terms`
//
// NaN meets NaN and nothing else. An infinity that is expected meets itself and nothing else. A finite
// number that is too large for the type is expected as the infinity it rounds to, and counts as the
// first power of two beyond the type; so does an infinity where a number was expected. 0 and -0 are
// equal. Calls whose inputs are not finite are compared with `notFinite: "alike"`: NaN and infinity
// then meet each other too, since it takes one underflow on the way to make one of the other.

import { type DType, Failure, type ReferenceOutput, type TensorView } from "../base/mod.ts";
import type { Accuracy } from "../pack/mod.ts";
import { type Format, formatOf, numbersOf, ulpAt } from "./format.ts";

/** Errors in every measure. Infinity where no distance can be told, as from NaN to a number. */
export interface Errors {
  readonly maxAbs: number;
  readonly maxRel: number;
  readonly maxUlp: number;
  readonly maxRow: number;
}

export interface Comparison extends Errors {
  /** Numbers compared. */
  readonly counted: number;
  /** The largest error as a share of what the contract allows: more than 1 breaks it. */
  readonly share: number;
  /** Where the share, or without a contract the ULP error, is largest; undefined where all is 0. */
  readonly worst: WorstElement | undefined;
  /** How many errors in ULP lie within each of `ULP_BOUNDS`, and beyond them all. */
  readonly ulps: readonly number[];
}

export interface WorstElement {
  readonly index: number;
  readonly actual: number;
  readonly expected: number;
}

export interface CompareOptions {
  /** What the kernel's manifest allows. Without it every error is reported and none is too large. */
  readonly accuracy?: Accuracy | undefined;
  /** Numbers in a row, for the row measure. Default: all. */
  readonly rowLength?: number | undefined;
  /**
   * What the reference gives for the magnitudes of the inputs. A sum whose terms cancel is as uncertain
   * as its terms are large, so the row measure takes the larger of both.
   */
  readonly terms?: ArrayLike<number> | undefined;
  /** Whether NaN and the infinities are told apart. Default: "apart". */
  readonly notFinite?: "apart" | "alike" | undefined;
}

export const ULP_BOUNDS = [0, 0.5, 0.75, 1, 2, 4, 16, 256, 65536, 2 ** 32] as const;

/**
 * Compares `actual` with `expected`, both of `dtype`; the latter may be f64, rounded by nobody. Fails
 * with TENSOR_INVALID where they are not equally long.
 */
export function compareTensors(
  actual: TensorView,
  expected: ReferenceOutput,
  dtype: DType,
  { accuracy, rowLength = expected.length, terms = [], notFinite = "apart" }: CompareOptions = {},
): Comparison {
  if (actual.length !== expected.length) throw otherLength(actual.length, expected.length);
  const format = formatOf(dtype);
  const [found, wanted] = [numbersOf(actual, dtype), numbersOf(expected, dtype)];
  const total = { ...NO_ERRORS, share: 0, most: 0 };
  const ulps = [...ULP_BOUNDS.map(() => 0), 0];
  const step = Math.max(1, rowLength);
  let worst: WorstElement | undefined;
  for (let row = 0; row < wanted.length; row += step) {
    const end = Math.min(row + step, wanted.length);
    const largest = Math.max(largestOf(wanted, row, end), largestOf(terms, row, end));
    for (let index = row; index < end; index++) {
      const abs = distance(found[index]!, wanted[index]!, format, notFinite);
      if (abs === 0) ulps[0]!++;
      if (abs === 0) continue;
      const value = within(wanted[index]!, format);
      const errors = errorsOf(abs, value, largest, format);
      const share = shareOf(accuracy, abs, value, largest, format);
      const size = accuracy === undefined ? errors.maxUlp : share;
      if (size > total.most) worst = { index, actual: found[index]!, expected: wanted[index]! };
      ulps[bucketOf(errors.maxUlp)]!++;
      grow(total, errors, share, size);
    }
  }
  const { maxAbs, maxRel, maxUlp, maxRow, share } = total;
  return { maxAbs, maxRel, maxUlp, maxRow, share, counted: wanted.length, worst, ulps };
}

const NO_ERRORS = { maxAbs: 0, maxRel: 0, maxUlp: 0, maxRow: 0 } as const;
const ALL_WRONG = {
  maxAbs: Infinity,
  maxRel: Infinity,
  maxUlp: Infinity,
  maxRow: Infinity,
} as const;

type Total = { -readonly [Name in keyof Errors]: number } & { share: number; most: number };

function grow(total: Total, errors: Errors, share: number, size: number): void {
  total.maxAbs = Math.max(total.maxAbs, errors.maxAbs);
  total.maxRel = Math.max(total.maxRel, errors.maxRel);
  total.maxUlp = Math.max(total.maxUlp, errors.maxUlp);
  total.maxRow = Math.max(total.maxRow, errors.maxRow);
  total.share = Math.max(total.share, share);
  total.most = Math.max(total.most, size);
}

/** The absolute error; Infinity where there is no distance. */
function distance(
  actual: number,
  expected: number,
  format: Format,
  notFinite: "apart" | "alike",
): number {
  if (actual === expected) return 0; // Also 0 and -0, and an infinity with itself.
  if (notFinite === "alike" && !Number.isFinite(actual) && !Number.isFinite(expected)) return 0;
  if (Number.isNaN(actual) && Number.isNaN(expected)) return 0;
  if (Number.isNaN(actual) || !Number.isFinite(expected)) return Infinity;
  const wanted = within(expected, format);
  const isBeyond = wanted !== expected || Math.abs(wanted) >= format.overflow;
  if (isBeyond && actual === Math.sign(expected) * Infinity) return 0;
  return Math.abs(within(actual, format) - wanted);
}

/** `value`, or the first power of two beyond the format with its sign for what lies further out. */
function within(value: number, format: Format): number {
  if (Math.abs(value) < format.overflow) return value;
  return Math.sign(value) * 2 * 2 ** format.exponentMax;
}

function errorsOf(abs: number, expected: number, largest: number, format: Format): Errors {
  if (abs === Infinity) return ALL_WRONG;
  return {
    maxAbs: abs,
    maxRel: abs / Math.max(Math.abs(expected), format.smallestNormal),
    maxUlp: abs / ulpAt(format, expected),
    maxRow: abs / Math.max(largest, format.smallestNormal),
  };
}

/** The error as a share of what the contract allows of one number: its measures add up. */
function shareOf(
  contract: Accuracy | undefined,
  abs: number,
  expected: number,
  largest: number,
  format: Format,
): number {
  if (contract === undefined) return 0;
  if (abs === Infinity) return Infinity;
  const { max_abs = 0, max_rel = 0, max_ulp = 0, max_row = 0 } = contract;
  const allowed =
    max_abs +
    max_rel * Math.max(Math.abs(expected), format.smallestNormal) +
    max_ulp * ulpAt(format, expected) +
    max_row * Math.max(largest, format.smallestNormal);
  return abs / allowed; // Infinity where nothing is allowed.
}

/**
 * The largest finite magnitude from `start` to `end`, also beyond the type's own: kernels of halves add
 * up in f32, and are as uncertain as what they add. What f32 cannot hold counts as 2^128.
 */
function largestOf(values: ArrayLike<number>, start: number, end: number): number {
  let largest = 0;
  for (let i = start; i < end; i++) {
    const size = Math.abs(values[i] ?? 0);
    if (size > largest && size < Infinity) largest = size;
  }
  return Math.min(largest, 2 ** 128);
}

function bucketOf(ulp: number): number {
  const found = ULP_BOUNDS.findIndex((bound) => ulp <= bound);
  return found < 0 ? ULP_BOUNDS.length : found;
}

/** The comparison of several tensors as one; `worst` is that of the largest. */
export function merged(one: Comparison, two: Comparison): Comparison {
  const isWorse = sizeOf(two) > sizeOf(one);
  return {
    maxAbs: Math.max(one.maxAbs, two.maxAbs),
    maxRel: Math.max(one.maxRel, two.maxRel),
    maxUlp: Math.max(one.maxUlp, two.maxUlp),
    maxRow: Math.max(one.maxRow, two.maxRow),
    share: Math.max(one.share, two.share),
    counted: one.counted + two.counted,
    worst: isWorse ? two.worst : one.worst,
    ulps: one.ulps.map((count, i) => count + two.ulps[i]!),
  };
}

function sizeOf({ share, maxUlp }: Comparison): number {
  return share > 0 ? share : maxUlp;
}

function otherLength(found: number, expected: number): Failure {
  return new Failure("TENSOR_INVALID", {
    found: `${found} numbers`,
    expected: `${expected}, as the reference has`,
    fix: "Compare tensors of one shape.",
  });
}
