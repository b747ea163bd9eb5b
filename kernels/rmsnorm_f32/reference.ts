// rmsnorm, plainly and in f64: the judge of every faster version.

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
