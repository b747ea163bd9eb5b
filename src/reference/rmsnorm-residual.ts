// rmsnorm after a residual sum, plainly: the judge of every faster version.

import type { Reference } from "../base/mod.ts";
import { KERNEL_CODES } from "../layout/mod.ts";
import { epsilonOf, rmsnorm, rmsnormOptions, type RmsnormOptions } from "./rmsnorm.ts";
import { floatsIn, floatsOut } from "./tensors.ts";

/** h = x + residual, rounded to its type, and y = rmsnorm(h). */
export function rmsnormResidual<Values extends Float32Array | Float16Array>(
  { x, residual, weight }: Readonly<Record<"x" | "residual" | "weight", Values>>,
  eps: number,
  options: RmsnormOptions = {},
): { readonly y: Float64Array; readonly h: Values } {
  const h = x.map((value, i) => value + residual[i]!) as Values;
  return { y: rmsnorm(h, weight, eps, options), h };
}

/** h is rounded to the type of x even for a judge, since y is the norm of what was rounded. */
export const rmsnormResidualReference: Reference = (call) => {
  const eps = epsilonOf(call);
  if (eps === undefined) return KERNEL_CODES.INVALID_PARAMS;
  const x = floatsIn(call, "x", "rows", "dim");
  const residual = floatsIn(call, "residual", "rows", "dim");
  const weight = floatsIn(call, "weight", "dim");
  if (x === undefined || residual === undefined || weight === undefined)
    return KERNEL_CODES.INVALID_INPUT;
  const [y, h] = [floatsOut(call, "y", "rows", "dim"), floatsOut(call, "h", "rows", "dim")];
  if (y === undefined || h === undefined) return KERNEL_CODES.INVALID_OUTPUT;
  const result = rmsnormResidual({ x, residual, weight }, eps, rmsnormOptions(call));
  y.set(result.y);
  h.set(result.h);
  return KERNEL_CODES.OK;
};
