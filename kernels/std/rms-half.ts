// Rms, half: the rows of root mean square normalisation in f16. A row is widened into scratch, where the
// f32 loops of std/rms add its squares; then it is scaled, multiplied by its weights and narrowed.
// `bytes` are those of the widened row. Weights are widened where they are used, since a second row of
// f32 would push the first out of the nearest cache.

import {
  firstFour,
  lastFour,
  loadHalf1,
  lowerBits,
  narrowEight,
  roundToHalf,
  storeHalf1,
  storeHalf8,
  upperBits,
} from "./half";
import { factorOf, sumSquares } from "./rms";
import { addHalvesPlainly, scaleHalvesPlainly } from "./scalar/rms";

const VECTOR: usize = 16; // Bytes of one v128: 4 widened values.
const WIDE: usize = 64; // Bytes that one turn of a wide loop takes: 16 widened values.

/** h = x + residual, each rounded to f16; the widened sums go to `row`. */
export function addTo(row: usize, h: usize, x: usize, residual: usize, bytes: usize): void {
  if (!ASC_FEATURE_SIMD) {
    addHalvesPlainly(row, h, x, residual, bytes);
    return;
  }
  const wide = row + (bytes & ~(WIDE - 1));
  const end = row + bytes;
  while (row != wide) {
    addEight(row, h, v128.load(x), v128.load(residual));
    addEight(row + 32, h + 16, v128.load(x, 16), v128.load(residual, 16));
    row += WIDE;
    h += WIDE / 2;
    x += WIDE / 2;
    residual += WIDE / 2;
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

// @ts-ignore: decorator
@inline
function addEight(row: usize, h: usize, x: v128, residual: v128): void {
  const xLower = lowerBits(x);
  const xUpper = upperBits(x);
  const lower = lowerBits(residual);
  const upper = upperBits(residual);
  const low = f32x4.add(firstFour(xLower, xUpper), firstFour(lower, upper));
  const high = f32x4.add(lastFour(xLower, xUpper), lastFour(lower, upper));
  const sums = narrowEight(low, high);
  const sumsLower = lowerBits(sums);
  const sumsUpper = upperBits(sums);
  v128.store(h, sums);
  v128.store(row, firstFour(sumsLower, sumsUpper));
  v128.store(row, lastFour(sumsLower, sumsUpper), 16);
}

/**
 * y = row / sqrt(mean(row²) + eps) * weight, from a widened row and weights of f16 to f16. With `plusOne`
 * weights are 1 more; with `cast` values are rounded to f16 before they are multiplied by them.
 */
// @ts-ignore: decorator
@inline
export function normaliseTo(
  y: usize,
  row: usize,
  weight: usize,
  bytes: usize,
  eps: f64,
  plusOne: bool,
  cast: bool,
): void {
  const factor = factorOf(sumSquares(row, bytes), row, bytes, eps);
  if (!ASC_FEATURE_SIMD) {
    scaleHalvesPlainly(y, row, weight, bytes, factor, plusOne, cast);
    return;
  }
  if (plusOne) scaleByMore(y, row, weight, bytes, factor, cast);
  else scaleBy(y, row, weight, bytes, factor, cast);
}

function scaleBy(y: usize, row: usize, weight: usize, bytes: usize, factor: f32, cast: bool): void {
  if (cast) scaleTo(y, row, weight, bytes, factor, false, true);
  else scaleTo(y, row, weight, bytes, factor, false, false);
}

function scaleByMore(
  y: usize,
  row: usize,
  weight: usize,
  bytes: usize,
  factor: f32,
  cast: bool,
): void {
  if (cast) scaleTo(y, row, weight, bytes, factor, true, true);
  else scaleTo(y, row, weight, bytes, factor, true, false);
}

/** Both flags are constants, of which the compiler makes four loops. */
// @ts-ignore: decorator
@inline
function scaleTo(
  y: usize,
  row: usize,
  weight: usize,
  bytes: usize,
  factor: f32,
  plusOne: bool,
  cast: bool,
): void {
  const factors = f32x4.splat(factor);
  const wide = row + (bytes & ~(WIDE - 1));
  const end = row + bytes;
  while (row != wide) {
    scaleEight(y, row, weight, factors, plusOne, cast);
    scaleEight(y + 16, row + 32, weight + 16, factors, plusOne, cast);
    row += WIDE;
    weight += WIDE / 2;
    y += WIDE / 2;
  }
  while (row != end) {
    let value = f32x4.mul(v128.load32_zero(row), factors);
    if (cast) value = roundToHalf(value);
    storeHalf1(y, f32x4.mul(value, meant(loadHalf1(weight), plusOne)));
    row += sizeof<f32>();
    weight += 2;
    y += 2;
  }
}

// @ts-ignore: decorator
@inline
function scaleEight(
  y: usize,
  row: usize,
  weight: usize,
  factors: v128,
  plusOne: bool,
  cast: bool,
): void {
  const weights = v128.load(weight);
  const lower = lowerBits(weights);
  const upper = upperBits(weights);
  let low = f32x4.mul(v128.load(row), factors);
  let high = f32x4.mul(v128.load(row, 16), factors);
  if (cast) {
    const halves = narrowEight(low, high);
    const castLower = lowerBits(halves);
    const castUpper = upperBits(halves);
    low = firstFour(castLower, castUpper);
    high = lastFour(castLower, castUpper);
  }
  low = f32x4.mul(low, meant(firstFour(lower, upper), plusOne));
  high = f32x4.mul(high, meant(lastFour(lower, upper), plusOne));
  storeHalf8(y, low, high);
}

/** The weights that are meant: 1 more in checkpoints of the Gemma family. */
// @ts-ignore: decorator
@inline
function meant(weights: v128, plusOne: bool): v128 {
  return plusOne ? f32x4.add(weights, f32x4.splat(1)) : weights;
}
