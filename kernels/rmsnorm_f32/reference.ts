// rmsnorm, plainly and in f64: the judge of every faster version.

/** y = x / sqrt(mean(x²) + eps) * weight for each row of `weight.length` values. */
export function rmsnorm(x: Float32Array, weight: Float32Array, eps: number): Float64Array {
  const dim = weight.length;
  const y = new Float64Array(x.length);
  for (let row = 0; row < x.length; row += dim) {
    let squares = 0;
    for (let i = 0; i < dim; i++) squares += x[row + i]! ** 2;
    const rms = Math.sqrt(squares / dim + Math.fround(eps));
    for (let i = 0; i < dim; i++) y[row + i] = (x[row + i]! / rms) * weight[i]!;
  }
  return y;
}
