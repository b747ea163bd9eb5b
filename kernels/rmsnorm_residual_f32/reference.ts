// rmsnorm after a residual sum, plainly: the judge of every faster version.

import { rmsnorm, type RmsnormOptions } from "../rmsnorm_f32/reference.ts";

/** h = x + residual, rounded to its type, and y = rmsnorm(h). */
export function rmsnormResidual<Values extends Float32Array | Float16Array>(
  { x, residual, weight }: Readonly<Record<"x" | "residual" | "weight", Values>>,
  eps: number,
  options: RmsnormOptions = {},
): { readonly y: Float64Array; readonly h: Values } {
  const h = x.map((value, i) => value + residual[i]!) as Values;
  return { y: rmsnorm(h, weight, eps, options), h };
}
