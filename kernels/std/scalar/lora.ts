// Lora: one token's way through an adapter, for builds without SIMD. Adapters are f32, or f16 where `T`
// is u16; rows of x, t and y are f32. Sums are f64, so that their order does not matter.

import { loadHalf } from "./half";

const F32: usize = 4; // Bytes of one value.

/** t = scale * A x, for the `rank` rows of A, which are `count` values long. */
export function projectPlainly<T>(
  x: usize,
  count: usize,
  a: usize,
  t: usize,
  rank: usize,
  scale: f32,
): void {
  for (let r: usize = 0; r != rank; r++) {
    store<f32>(t + r * F32, <f32>dot<T>(x, a + r * count * sizeof<T>(), count) * scale);
  }
}

/** y = base + B t, for `count` rows of B that are `rank` values long. y may be the base. */
export function expandPlainly<T>(
  base: usize,
  b: usize,
  t: usize,
  rank: usize,
  y: usize,
  count: usize,
): void {
  for (let at: usize = 0; at != count * F32; at += F32) {
    store<f32>(y + at, load<f32>(base + at) + <f32>dot<T>(t, b, rank));
    b += rank * sizeof<T>();
  }
}

/** The product of `count` values of f32 at `x` with as many of `T` at `row`. */
function dot<T>(x: usize, row: usize, count: usize): f64 {
  let sum: f64 = 0;
  for (let i: usize = 0; i != count; i++) {
    sum += <f64>load<f32>(x + i * F32) * <f64>valueAt<T>(row + i * sizeof<T>());
  }
  return sum;
}

// @ts-ignore: decorator
@inline
function valueAt<T>(at: usize): f32 {
  if (sizeof<T>() == 2) return loadHalf(at);
  return load<f32>(at);
}

/** Copies a row of `bytes` bytes, of values of 2 bytes or more. */
export function copyRowPlainly(from: usize, to: usize, bytes: usize): void {
  for (let at: usize = 0; at != bytes; at += 2) store<u16>(to + at, load<u16>(from + at));
}
