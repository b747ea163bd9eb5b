// Rms: the rows of root mean square normalisation, for builds without SIMD. Squares are added in f64, so
// that neither length nor size of a row needs care.

import { halfOf, loadHalf, storeHalf } from "./half";

export function sumSquaresPlainly(x: usize, bytes: usize): f32 {
  let sum: f64 = 0;
  for (let at: usize = 0; at != bytes; at += sizeof<f32>()) {
    const value = <f64>load<f32>(x + at);
    sum += value * value;
  }
  return <f32>sum;
}

export function scalePlainly(x: usize, weight: usize, y: usize, bytes: usize, factor: f32): void {
  for (let at: usize = 0; at != bytes; at += sizeof<f32>()) {
    store<f32>(y + at, load<f32>(x + at) * factor * load<f32>(weight + at));
  }
}

export function plusOnePlainly(sum: usize, weight: usize, bytes: usize): void {
  for (let at: usize = 0; at != bytes; at += sizeof<f32>()) {
    store<f32>(sum + at, load<f32>(weight + at) + 1);
  }
}

export function addPlainly(h: usize, x: usize, residual: usize, bytes: usize): void {
  for (let at: usize = 0; at != bytes; at += sizeof<f32>()) {
    store<f32>(h + at, load<f32>(x + at) + load<f32>(residual + at));
  }
}

/** What std/rms-backward.ts writes of a row. */
export function backwardRowPlainly(
  dx: usize,
  dweight: usize,
  dy: usize,
  x: usize,
  weight: usize,
  bytes: usize,
  factor: f32,
): void {
  let products: f64 = 0;
  for (let at: usize = 0; at != bytes; at += sizeof<f32>()) {
    const n = <f64>load<f32>(x + at) * factor;
    products += <f64>load<f32>(dy + at) * load<f32>(weight + at) * n;
  }
  const mean = <f32>((products * sizeof<f32>()) / <f64>bytes);
  for (let at: usize = 0; at != bytes; at += sizeof<f32>()) {
    const gradient = load<f32>(dy + at);
    const n = load<f32>(x + at) * factor;
    store<f32>(dx + at, factor * (gradient * load<f32>(weight + at) - n * mean));
    store<f32>(dweight + at, load<f32>(dweight + at) + gradient * n);
  }
}

/** h = x + residual, rounded to f16; the widened sums go to `row`, whose bytes are `bytes`. */
export function addHalvesPlainly(
  row: usize,
  h: usize,
  x: usize,
  residual: usize,
  bytes: usize,
): void {
  const end = row + bytes;
  while (row != end) {
    const sum = halfOf(loadHalf(x) + loadHalf(residual));
    storeHalf(h, sum);
    store<f32>(row, sum);
    row += sizeof<f32>();
    h += 2;
    x += 2;
    residual += 2;
  }
}

/** What std/rms-half.ts writes of a row of `bytes` widened bytes. */
export function scaleHalvesPlainly(
  y: usize,
  row: usize,
  weight: usize,
  bytes: usize,
  factor: f32,
  plusOne: bool,
  cast: bool,
): void {
  const end = row + bytes;
  while (row != end) {
    let value = load<f32>(row) * factor;
    if (cast) value = halfOf(value);
    storeHalf(y, value * (loadHalf(weight) + (plusOne ? 1 : 0)));
    row += sizeof<f32>();
    weight += 2;
    y += 2;
  }
}
