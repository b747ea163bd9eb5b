// swiglu, plainly and in f64: the judge of every faster version.

/** y = silu(gate) * up for every element. */
export function swiglu(gate: Float32Array, up: Float32Array): Float64Array {
  return Float64Array.from(gate, (z, i) => silu(z) * up[i]!);
}

/** z / (1 + e^-z), written so that no part of it overflows; its limit at -infinity is -0. */
export function silu(z: number): number {
  if (z === -Infinity) return -0;
  return z < 0 ? (z * Math.exp(z)) / (1 + Math.exp(z)) : z / (1 + Math.exp(-z));
}
