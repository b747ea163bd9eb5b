// rmsnorm, plainly and in f64: the judge of every faster version.

import type { Reference, ReferenceCall } from "../base/mod.ts";
import { KERNEL_CODES } from "../layout/mod.ts";
import { flag, floatsIn, floatsOut, param } from "./tensors.ts";

export interface RmsnormOptions {
  /** Multiplies by weight + 1. */
  readonly plusOne?: boolean;
  /** Rounds the normalised values to f16 before they are multiplied by the weight. */
  readonly castBeforeWeight?: boolean;
}

/** y = x / sqrt(mean(x²) + eps) * weight for each row of `weight.length` values. */
export function rmsnorm(
  x: ArrayLike<number>,
  weight: ArrayLike<number>,
  eps: number,
  { plusOne = false, castBeforeWeight = false }: RmsnormOptions = {},
): Float64Array {
  const dim = weight.length;
  const y = new Float64Array(x.length);
  for (let row = 0; row < x.length; row += dim) {
    let squares = 0;
    for (let i = 0; i < dim; i++) squares += x[row + i]! ** 2;
    const rms = Math.sqrt(squares / dim + Math.fround(eps));
    for (let i = 0; i < dim; i++) {
      const normalised = castBeforeWeight ? Math.f16round(x[row + i]! / rms) : x[row + i]! / rms;
      y[row + i] = normalised * (plusOne ? Math.fround(weight[i]! + 1) : weight[i]!);
    }
  }
  return y;
}

export const rmsnormReference: Reference = (call) => {
  const eps = epsilonOf(call);
  if (eps === undefined) return KERNEL_CODES.INVALID_PARAMS;
  const x = floatsIn(call, "x", "rows", "dim");
  const weight = floatsIn(call, "weight", "dim");
  if (x === undefined || weight === undefined) return KERNEL_CODES.INVALID_INPUT;
  const y = floatsOut(call, "y", "rows", "dim");
  if (y === undefined) return KERNEL_CODES.INVALID_OUTPUT;
  y.set(rmsnorm(x, weight, eps, rmsnormOptions(call)));
  return KERNEL_CODES.OK;
};

/** The call's eps; undefined where it is no number above 0. */
export function epsilonOf(call: ReferenceCall): number | undefined {
  const eps = param(call, "eps");
  return eps > 0 && eps < Infinity ? eps : undefined;
}

export function rmsnormOptions(call: ReferenceCall): RmsnormOptions {
  return {
    plusOne: flag(call, "plus_one"),
    castBeforeWeight: flag(call, "cast_before_weight"),
  };
}
