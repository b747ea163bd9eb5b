// Rms, backward: what a row's gradient says of its values and of the weights, in f32.
//
// With f = 1 / sqrt(mean(x²) + eps), n = x * f and p = dy * weight, one row gives
// dx = f * (p - n * mean(p * n)) and adds dy * n to dweight.

import { sumLanes } from "./lanes";
import { backwardRowPlainly } from "./scalar/rms";

const VECTOR: usize = 16; // Bytes of one v128: 4 values.

/** The mean of dy * weight * n over a row. */
export function meanProduct(dy: usize, x: usize, weight: usize, bytes: usize, factor: f32): f32 {
  const vectors = dy + (bytes & ~(VECTOR - 1));
  const end = dy + bytes;
  const factors = f32x4.splat(factor);
  let lanes = f32x4.splat(0);
  while (dy != vectors) {
    const p = f32x4.mul(v128.load(dy), v128.load(weight));
    lanes = f32x4.add(lanes, f32x4.mul(p, f32x4.mul(v128.load(x), factors)));
    dy += VECTOR;
    x += VECTOR;
    weight += VECTOR;
  }
  let sum = sumLanes(lanes);
  while (dy != end) {
    sum += load<f32>(dy) * load<f32>(weight) * (load<f32>(x) * factor);
    dy += sizeof<f32>();
    x += sizeof<f32>();
    weight += sizeof<f32>();
  }
  return sum / (<f32>bytes / <f32>sizeof<f32>());
}

/** Writes dx of a row and adds the row's part to dweight. */
export function backwardRow(
  dx: usize,
  dweight: usize,
  dy: usize,
  x: usize,
  weight: usize,
  bytes: usize,
  factor: f32,
): void {
  if (!ASC_FEATURE_SIMD) {
    backwardRowPlainly(dx, dweight, dy, x, weight, bytes, factor);
    return;
  }
  const mean = meanProduct(dy, x, weight, bytes, factor);
  const vectors = dy + (bytes & ~(VECTOR - 1));
  const end = dy + bytes;
  const factors = f32x4.splat(factor);
  const means = f32x4.splat(mean);
  while (dy != vectors) {
    const gradient = v128.load(dy);
    const n = f32x4.mul(v128.load(x), factors);
    const p = f32x4.mul(gradient, v128.load(weight));
    v128.store(dx, f32x4.mul(factors, f32x4.sub(p, f32x4.mul(n, means))));
    v128.store(dweight, f32x4.add(v128.load(dweight), f32x4.mul(gradient, n)));
    dy += VECTOR;
    x += VECTOR;
    weight += VECTOR;
    dx += VECTOR;
    dweight += VECTOR;
  }
  while (dy != end) {
    const gradient = load<f32>(dy);
    const n = load<f32>(x) * factor;
    store<f32>(dx, factor * (gradient * load<f32>(weight) - n * mean));
    store<f32>(dweight, load<f32>(dweight) + gradient * n);
    dy += sizeof<f32>();
    x += sizeof<f32>();
    weight += sizeof<f32>();
    dx += sizeof<f32>();
    dweight += sizeof<f32>();
  }
}
