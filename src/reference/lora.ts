// lora_apply, plainly and in f64: the judge of every faster version.

import type { Reference } from "../base/mod.ts";
import { KERNEL_CODES } from "../layout/mod.ts";
import { dim, floatsIn, floatsOut, integersIn } from "./tensors.ts";

type Floats = Float32Array | Float16Array;

export interface LoraShape {
  readonly tokens: number;
  readonly in: number;
  readonly out: number;
  readonly rank: number;
}

export interface LoraTensors<Values extends Floats = Float32Array> {
  readonly x: Values;
  readonly a: Values;
  readonly b: Values;
  readonly scales: Values;
  readonly base: Values;
  readonly adapter: Int32Array;
}

/**
 * y = base + scale * B (A x) for each token with its adapter, and for each value of y the sum of the
 * magnitudes of everything that was added: errors are judged against it.
 */
export function lora(
  { tokens, in: columns, out, rank }: LoraShape,
  { x, a, b, scales, base, adapter }: LoraTensors<Floats>,
): { readonly y: Float64Array; readonly magnitudes: Float64Array } {
  const y = Float64Array.from<number>(base);
  const magnitudes = y.map(Math.abs);
  for (let token = 0; token < tokens; token++) {
    const index = adapter[token]!;
    if (index === -1) continue;
    for (let r = 0; r < rank; r++) {
      let [t, size] = [0, 0];
      for (let i = 0; i < columns; i++) {
        const term = x[token * columns + i]! * a[(index * rank + r) * columns + i]!;
        t += term;
        size += Math.abs(term);
      }
      for (let o = 0; o < out; o++) {
        const factor = scales[index]! * b[(index * out + o) * rank + r]!;
        y[token * out + o]! += factor * t;
        magnitudes[token * out + o]! += Math.abs(factor) * size;
      }
    }
  }
  return { y, magnitudes };
}

export const loraReference: Reference = (call) => {
  const x = floatsIn(call, "x", "tokens", "in");
  const a = floatsIn(call, "a", "adapters", "rank", "in");
  const b = floatsIn(call, "b", "adapters", "out", "rank");
  const scales = floatsIn(call, "scales", "adapters");
  const base = floatsIn(call, "base", "tokens", "out");
  const adapter = integersIn(call, "adapter", "tokens");
  if (x === undefined || a === undefined || b === undefined) return KERNEL_CODES.INVALID_INPUT;
  if (scales === undefined || base === undefined || adapter === undefined)
    return KERNEL_CODES.INVALID_INPUT;
  const y = floatsOut(call, "y", "tokens", "out");
  if (y === undefined) return KERNEL_CODES.INVALID_OUTPUT;
  const adapters = dim(call, "adapters");
  if (adapter.some((index) => index < -1 || index >= adapters)) return KERNEL_CODES.INVALID_INPUT;
  const [tokens, rank] = [dim(call, "tokens"), dim(call, "rank")];
  const shape = { tokens, in: dim(call, "in"), out: dim(call, "out"), rank };
  y.set(lora(shape, { x, a, b, scales, base, adapter }).y);
  return KERNEL_CODES.OK;
};
