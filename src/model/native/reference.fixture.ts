// Reference: the products and attention, plainly and in f64: the judge of the SIMD kernels.

export interface ProductShape {
  readonly rows: number;
  readonly inputs: number;
  readonly outputs: number;
}

/** y = x · wᵀ, and for each value the sum of the magnitudes that were added. */
export function product(
  x: ArrayLike<number>,
  w: ArrayLike<number>,
  { rows, inputs, outputs }: ProductShape,
): { readonly y: Float64Array; readonly magnitudes: Float64Array } {
  const y = new Float64Array(rows * outputs);
  const magnitudes = new Float64Array(rows * outputs);
  for (let row = 0; row < rows; row++) {
    for (let output = 0; output < outputs; output++) {
      for (let i = 0; i < inputs; i++) {
        const term = x[row * inputs + i]! * w[output * inputs + i]!;
        y[row * outputs + output]! += term;
        magnitudes[row * outputs + output]! += Math.abs(term);
      }
    }
  }
  return { y, magnitudes };
}

export interface AttentionCase {
  readonly rows: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  /** Position of the first row; keys and values [kvHeads, capacity, headDim] hold all up to the last. */
  readonly position: number;
  readonly capacity: number;
}

/** Causal softmax attention: each row sees the keys up to its own position. */
export function attention(
  queries: ArrayLike<number>,
  keys: ArrayLike<number>,
  values: ArrayLike<number>,
  { rows, heads, kvHeads, headDim, position, capacity }: AttentionCase,
): Float64Array {
  const out = new Float64Array(rows * heads * headDim);
  for (let row = 0; row < rows; row++) {
    for (let head = 0; head < heads; head++) {
      const at = (row * heads + head) * headDim;
      const plane = Math.floor(head / (heads / kvHeads)) * capacity * headDim;
      const scores = Array.from({ length: position + row + 1 }, (_, j) => {
        let dot = 0;
        for (let i = 0; i < headDim; i++) dot += queries[at + i]! * keys[plane + j * headDim + i]!;
        return dot / Math.sqrt(headDim);
      });
      const top = Math.max(...scores);
      const weights = scores.map((score) => Math.exp(score - top));
      const sum = weights.reduce((total, weight) => total + weight, 0);
      weights.forEach((weight, j) => {
        for (let i = 0; i < headDim; i++)
          out[at + i]! += (weight / sum) * values[plane + j * headDim + i]!;
      });
    }
  }
  return out;
}
