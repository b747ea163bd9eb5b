// rope, plainly and in f64: the judge of every faster version.

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
  angles: Float32Array,
  shape: RopeShape,
  { layout, inverse = false, scale = 1 }: RopeOptions,
): Float64Array {
  const { batch, seq, heads, dim } = shape;
  const dimHalf = angles.length / seq;
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
