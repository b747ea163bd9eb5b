// Rms, half: the rows of root mean square normalisation in f16. A row is widened into scratch, where the
// f32 loops of std/rms add its squares; then it is scaled, multiplied by its weights and narrowed, once.
// `bytes` are those of the widened row.

import { loadHalf1, loadHalf4, narrow, roundToHalf, storeHalf1, storeHalf8, widen } from "./half";
import { widenTo } from "./half-rows";
import { factorOf, plusOneTo, sumSquares } from "./rms";

const VECTOR: usize = 16; // Bytes of one v128: 4 widened values.
const WIDE: usize = 64; // Bytes that one turn of a wide loop takes: 16 widened values.

/** Widens the weights to `to`, and adds 1 to each where the model means that. */
export function widenWeights(to: usize, weight: usize, bytes: usize, plusOne: bool): void {
  widenTo(to, weight, bytes);
  if (plusOne) plusOneTo(to, to, bytes);
}

/** h = x + residual, each rounded to f16; the widened sums go to `row`. */
export function addTo(row: usize, h: usize, x: usize, residual: usize, bytes: usize): void {
  const vectors = row + (bytes & ~(2 * VECTOR - 1));
  const end = row + bytes;
  while (row != vectors) {
    const low = narrow(f32x4.add(loadHalf4(x), loadHalf4(residual)));
    const high = narrow(f32x4.add(loadHalf4(x + 8), loadHalf4(residual + 8)));
    const sums = i16x8.narrow_i32x4_u(low, high);
    v128.store(h, sums);
    v128.store(row, widen(sums));
    v128.store(row, widen(i64x2.shuffle(sums, sums, 1, 1)), 16);
    row += 2 * VECTOR;
    h += VECTOR;
    x += VECTOR;
    residual += VECTOR;
  }
  while (row != end) {
    storeHalf1(h, f32x4.add(loadHalf1(x), loadHalf1(residual)));
    v128.store32_lane(row, loadHalf1(h), 0);
    row += sizeof<f32>();
    h += 2;
    x += 2;
    residual += 2;
  }
}

/** y = row / sqrt(mean(row²) + eps) * weight, from widened values to f16. */
// @ts-ignore: decorator
@inline
export function normaliseTo(
  y: usize,
  row: usize,
  weight: usize,
  bytes: usize,
  eps: f64,
  castBeforeWeight: bool,
): void {
  let factor = factorOf(sumSquares(row, bytes), row, bytes, eps);
  if (castBeforeWeight) {
    scaleAndCast(row, bytes, factor);
    factor = 1;
  }
  scaleTo(y, row, weight, bytes, factor);
}

/** row = row * factor, each rounded to f16. */
function scaleAndCast(row: usize, bytes: usize, factor: f32): void {
  const factors = f32x4.splat(factor);
  const vectors = row + (bytes & ~(VECTOR - 1));
  const end = row + bytes;
  while (row != vectors) {
    v128.store(row, roundToHalf(f32x4.mul(v128.load(row), factors)));
    row += VECTOR;
  }
  while (row != end) {
    v128.store32_lane(row, roundToHalf(f32x4.mul(v128.load32_zero(row), factors)), 0);
    row += sizeof<f32>();
  }
}

// @ts-ignore: decorator
@inline
function scaleTo(y: usize, row: usize, weight: usize, bytes: usize, factor: f32): void {
  const factors = f32x4.splat(factor);
  const wide = row + (bytes & ~(WIDE - 1));
  const vectors = row + (bytes & ~(2 * VECTOR - 1));
  const end = row + bytes;
  while (row != wide) {
    scaleEight(y, row, weight, factors);
    scaleEight(y + 16, row + 32, weight + 32, factors);
    row += WIDE;
    weight += WIDE;
    y += WIDE / 2;
  }
  while (row != vectors) {
    scaleEight(y, row, weight, factors);
    row += 2 * VECTOR;
    weight += 2 * VECTOR;
    y += VECTOR;
  }
  while (row != end) {
    const value = v128.load32_zero(row);
    storeHalf1(y, scaled(value, v128.load32_zero(weight), factors));
    row += sizeof<f32>();
    weight += sizeof<f32>();
    y += 2;
  }
}

// @ts-ignore: decorator
@inline
function scaleEight(y: usize, row: usize, weight: usize, factors: v128): void {
  const low = scaled(v128.load(row), v128.load(weight), factors);
  const high = scaled(v128.load(row, 16), v128.load(weight, 16), factors);
  storeHalf8(y, low, high);
}

// @ts-ignore: decorator
@inline
function scaled(values: v128, weights: v128, factors: v128): v128 {
  return f32x4.mul(f32x4.mul(values, factors), weights);
}
