// lora_apply, plainly and in f64: the judge of every faster version.

export interface LoraShape {
  readonly tokens: number;
  readonly in: number;
  readonly out: number;
  readonly rank: number;
}

export interface LoraTensors {
  readonly x: Float32Array;
  readonly a: Float32Array;
  readonly b: Float32Array;
  readonly scales: Float32Array;
  readonly base: Float32Array;
  readonly adapter: Int32Array;
}

/**
 * y = base + scale * B (A x) for each token with its adapter, and for each value of y the sum of the
 * magnitudes of everything that was added: errors are judged against it.
 */
export function lora(
  { tokens, in: columns, out, rank }: LoraShape,
  { x, a, b, scales, base, adapter }: LoraTensors,
): { readonly y: Float64Array; readonly magnitudes: Float64Array } {
  const y = Float64Array.from(base);
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
