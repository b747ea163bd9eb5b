// rope, plainly and in f64: the judge of every faster version.

import type { Reference, ReferenceCall } from "../base/mod.ts";
import { KERNEL_CODES } from "../layout/mod.ts";
import { dim, flag, floatsIn, floatsOut, param } from "./tensors.ts";

export interface RopeShape {
  readonly batch: number;
  readonly seq: number;
  readonly heads: number;
  readonly dim: number;
}

export interface RopeOptions {
  readonly layout: "interleaved" | "half_split";
  readonly inverse?: boolean;
  readonly scale?: number;
}

/** Turns x by `angles` [seq, dimHalf], in radians, and copies what lies beyond 2 * dimHalf. */
export function rope(
  x: ArrayLike<number>,
  angles: ArrayLike<number>,
  shape: RopeShape,
  { layout, inverse = false, scale = 1 }: RopeOptions,
): Float64Array {
  const { batch, seq, heads, dim } = shape;
  const dimHalf = seq === 0 ? 0 : angles.length / seq;
  const y = Float64Array.from(x);
  for (let token = 0; token < batch * seq; token++) {
    for (let head = 0; head < heads; head++) {
      const first = (token * heads + head) * dim;
      for (let i = 0; i < dimHalf; i++) {
        const angle = angles[(token % seq) * dimHalf + i]! * (inverse ? -1 : 1);
        const a = first + (layout === "interleaved" ? 2 * i : i);
        const b = layout === "interleaved" ? a + 1 : a + dimHalf;
        const [cos, sin] = [scale * Math.cos(angle), scale * Math.sin(angle)];
        y[a] = x[a]! * cos - x[b]! * sin;
        y[b] = x[a]! * sin + x[b]! * cos;
      }
    }
  }
  return y;
}

/** The angles of plain RoPE: position * theta^(-i / dimHalf), as tables for `freqs` hold them. */
export function ropeAngles(
  positions: readonly number[],
  dimHalf: number,
  theta: number,
): Float32Array {
  return Float32Array.from(
    positions.flatMap((p) =>
      Array.from({ length: dimHalf }, (_, i) => p * theta ** (-i / dimHalf)),
    ),
  );
}

/** The rope kernels, but for that of Q8_0 blocks. */
export const ropeReference: Reference = (call) => {
  const options = ropeOptions(call);
  if (options === undefined) return KERNEL_CODES.INVALID_PARAMS;
  if (dim(call, "dim_half") > Math.floor(dim(call, "dim") / 2)) return KERNEL_CODES.INVALID_INPUT;
  const x = floatsIn(call, "x", "batch", "seq", "heads", "dim");
  const freqs = floatsIn(call, "freqs", "seq", "dim_half");
  if (x === undefined || freqs === undefined) return KERNEL_CODES.INVALID_INPUT;
  const y = floatsOut(call, "y", "batch", "seq", "heads", "dim");
  if (y === undefined) return KERNEL_CODES.INVALID_OUTPUT;
  const [batch, seq, heads] = [dim(call, "batch"), dim(call, "seq"), dim(call, "heads")];
  y.set(rope(x, freqs, { batch, seq, heads, dim: dim(call, "dim") }, options));
  return KERNEL_CODES.OK;
};

const LAYOUTS = [undefined, "interleaved", "half_split"] as const;

/** How a call asks to turn; undefined where it does not say, or not in numbers. */
export function ropeOptions(call: ReferenceCall): RopeOptions | undefined {
  const layout = LAYOUTS[param(call, "layout")];
  const scale = param(call, "scale");
  if (layout === undefined || !Number.isFinite(scale)) return undefined;
  return { layout, inverse: flag(call, "inverse"), scale };
}
