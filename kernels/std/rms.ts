// Rms: the rows of root mean square normalisation, in f32. The kernels of the family share them.
//
// Rounding. Squares are added in f32: four at a time as a tree, then into one of 16 sums. A sum takes
// dim / 64 terms, so for dim <= 16384 its relative error stays below 260 * 2^-24, and the root halves
// it. Mean, eps and root are f64.
//
// Overflow. A square of |x| > 1.8e19 is infinite in f32. A row whose sum is not finite is added up
// again in f64, where no sum of f32 squares overflows. So only a row that holds NaN or infinity gives
// NaN, as in the reference: NaN everywhere for a NaN, NaN at the infinities and else 0 for those.
//
// A turn of a wide loop takes 128 values of a row, so that loop control and the sandbox's check at each
// loop header cost little.

import { add4, sumLanes } from "./lanes";
import { plusOnePlainly, scalePlainly, sumSquaresPlainly } from "./scalar/rms";

const WIDE: usize = 512; // Bytes that one turn of a wide loop takes: 128 values.
const HALF: usize = 256; // Half a turn, taken once where a row has 64 values more.
const VECTOR: usize = 16; // Bytes of one v128: 4 values.

/** Whether `eps` keeps the root of a row of zeros finite. */
// @ts-ignore: decorator
@inline
export function isEpsilon(eps: f64): bool {
  return eps > 0 && eps < Infinity;
}

/** weight + 1, to `sum`: what checkpoints of the Gemma family mean by their weights. */
export function plusOneTo(sum: usize, weight: usize, bytes: usize): void {
  if (!ASC_FEATURE_SIMD) {
    plusOnePlainly(sum, weight, bytes);
    return;
  }
  const end = weight + bytes;
  const vectors = end - (bytes & (VECTOR - 1));
  const one = f32x4.splat(1);
  while (weight != vectors) {
    v128.store(sum, f32x4.add(v128.load(weight), one));
    weight += VECTOR;
    sum += VECTOR;
  }
  while (weight != end) {
    store<f32>(sum, load<f32>(weight) + 1);
    weight += sizeof<f32>();
    sum += sizeof<f32>();
  }
}

/** 1 / sqrt(mean(x²) + eps) of the row at `x`, whose squares add up to `squares` in f32. */
// @ts-ignore: decorator
@inline
export function factorOf(squares: f32, x: usize, bytes: usize, eps: f64): f32 {
  const sum = squares < Infinity ? <f64>squares : sumSquaresWide(x, bytes);
  return <f32>(1 / sqrt((sum * sizeof<f32>()) / <f64>bytes + eps));
}

// @ts-ignore: decorator
@inline
export function sumSquares(x: usize, bytes: usize): f32 {
  if (!ASC_FEATURE_SIMD) return sumSquaresPlainly(x, bytes);
  const wide = x + (bytes & ~(WIDE - 1));
  const end = x + bytes;
  let a = f32x4.splat(0);
  let b = f32x4.splat(0);
  let c = f32x4.splat(0);
  let d = f32x4.splat(0);
  if (x != wide) {
    do {
      a = f32x4.add(a, fourSquares(x));
      b = f32x4.add(b, fourSquares(x + 64));
      c = f32x4.add(c, fourSquares(x + 128));
      d = f32x4.add(d, fourSquares(x + 192));
      a = f32x4.add(a, fourSquares(x + 256));
      b = f32x4.add(b, fourSquares(x + 320));
      c = f32x4.add(c, fourSquares(x + 384));
      d = f32x4.add(d, fourSquares(x + 448));
      x += WIDE;
    } while (x != wide);
  }
  if (bytes & HALF) {
    a = f32x4.add(a, fourSquares(x));
    b = f32x4.add(b, fourSquares(x + 64));
    c = f32x4.add(c, fourSquares(x + 128));
    d = f32x4.add(d, fourSquares(x + 192));
    x += HALF;
  }
  const sum = add4(a, b, c, d);
  return x == end ? sumLanes(sum) : sumRagged(x, end, sum);
}

// @ts-ignore: decorator
@inline
function fourSquares(x: usize): v128 {
  return add4(square(x), square(x + 16), square(x + 32), square(x + 48));
}

// @ts-ignore: decorator
@inline
function square(x: usize): v128 {
  const value = v128.load(x);
  return f32x4.mul(value, value);
}

// @ts-ignore: decorator
@inline
export function scale(x: usize, weight: usize, y: usize, bytes: usize, factor: f32): void {
  if (!ASC_FEATURE_SIMD) {
    scalePlainly(x, weight, y, bytes, factor);
    return;
  }
  const wide = x + (bytes & ~(WIDE - 1));
  const end = x + bytes;
  const factors = f32x4.splat(factor);
  if (x != wide) {
    do {
      scaleHalf(x, weight, y, factors);
      scaleHalf(x + HALF, weight + HALF, y + HALF, factors);
      x += WIDE;
      weight += WIDE;
      y += WIDE;
    } while (x != wide);
  }
  if (bytes & HALF) {
    scaleHalf(x, weight, y, factors);
    x += HALF;
    weight += HALF;
    y += HALF;
  }
  if (x != end) scaleRagged(x, weight, y, end, factor);
}

// @ts-ignore: decorator
@inline
function scaleHalf(x: usize, weight: usize, y: usize, factors: v128): void {
  scaleFour(x, weight, y, factors);
  scaleFour(x + 64, weight + 64, y + 64, factors);
  scaleFour(x + 128, weight + 128, y + 128, factors);
  scaleFour(x + 192, weight + 192, y + 192, factors);
}

// @ts-ignore: decorator
@inline
function scaleFour(x: usize, weight: usize, y: usize, factors: v128): void {
  scaleOne(x, weight, y, factors);
  scaleOne(x + 16, weight + 16, y + 16, factors);
  scaleOne(x + 32, weight + 32, y + 32, factors);
  scaleOne(x + 48, weight + 48, y + 48, factors);
}

// @ts-ignore: decorator
@inline
function scaleOne(x: usize, weight: usize, y: usize, factors: v128): void {
  v128.store(y, f32x4.mul(f32x4.mul(v128.load(x), factors), v128.load(weight)));
}

/** Scales the row at `x` and returns the sum of squares of the row after it. */
// @ts-ignore: decorator
@inline
export function scaleThenSum(x: usize, weight: usize, y: usize, bytes: usize, factor: f32): f32 {
  if (!ASC_FEATURE_SIMD) {
    scalePlainly(x, weight, y, bytes, factor);
    return sumSquaresPlainly(x + bytes, bytes);
  }
  const wide = x + (bytes & ~(WIDE - 1));
  const end = x + bytes;
  const factors = f32x4.splat(factor);
  let next = end;
  let a = f32x4.splat(0);
  let b = f32x4.splat(0);
  let c = f32x4.splat(0);
  let d = f32x4.splat(0);
  if (x != wide) {
    do {
      a = f32x4.add(a, fourSquares(next));
      scaleFour(x, weight, y, factors);
      b = f32x4.add(b, fourSquares(next + 64));
      scaleFour(x + 64, weight + 64, y + 64, factors);
      c = f32x4.add(c, fourSquares(next + 128));
      scaleFour(x + 128, weight + 128, y + 128, factors);
      d = f32x4.add(d, fourSquares(next + 192));
      scaleFour(x + 192, weight + 192, y + 192, factors);
      a = f32x4.add(a, fourSquares(next + 256));
      scaleFour(x + 256, weight + 256, y + 256, factors);
      b = f32x4.add(b, fourSquares(next + 320));
      scaleFour(x + 320, weight + 320, y + 320, factors);
      c = f32x4.add(c, fourSquares(next + 384));
      scaleFour(x + 384, weight + 384, y + 384, factors);
      d = f32x4.add(d, fourSquares(next + 448));
      scaleFour(x + 448, weight + 448, y + 448, factors);
      x += WIDE;
      weight += WIDE;
      y += WIDE;
      next += WIDE;
    } while (x != wide);
  }
  if (bytes & HALF) {
    a = f32x4.add(a, fourSquares(next));
    scaleFour(x, weight, y, factors);
    b = f32x4.add(b, fourSquares(next + 64));
    scaleFour(x + 64, weight + 64, y + 64, factors);
    c = f32x4.add(c, fourSquares(next + 128));
    scaleFour(x + 128, weight + 128, y + 128, factors);
    d = f32x4.add(d, fourSquares(next + 192));
    scaleFour(x + 192, weight + 192, y + 192, factors);
    x += HALF;
    weight += HALF;
    y += HALF;
    next += HALF;
  }
  const sum = add4(a, b, c, d);
  if (x == end) return sumLanes(sum);
  scaleRagged(x, weight, y, end, factor);
  return sumRagged(next, end + bytes, sum);
}

/** Adds the squares of the last values of a row, fewer than 64, to `sum`. */
function sumRagged(x: usize, end: usize, sum: v128): f32 {
  const vectors = end - ((end - x) & (VECTOR - 1));
  while (x != vectors) {
    sum = f32x4.add(sum, square(x));
    x += VECTOR;
  }
  let total = sumLanes(sum);
  while (x != end) {
    const value = load<f32>(x);
    total += value * value;
    x += sizeof<f32>();
  }
  return total;
}

/** Scales the last values of a row, fewer than 64. */
function scaleRagged(x: usize, weight: usize, y: usize, end: usize, factor: f32): void {
  const vectors = end - ((end - x) & (VECTOR - 1));
  const factors = f32x4.splat(factor);
  while (x != vectors) {
    scaleOne(x, weight, y, factors);
    x += VECTOR;
    weight += VECTOR;
    y += VECTOR;
  }
  while (x != end) {
    store<f32>(y, load<f32>(x) * factor * load<f32>(weight));
    x += sizeof<f32>();
    weight += sizeof<f32>();
    y += sizeof<f32>();
  }
}

/** The sum of squares of a row with huge values. Rare: not worth a wide loop. */
function sumSquaresWide(x: usize, bytes: usize): f64 {
  const end = x + bytes;
  let sum: f64 = 0;
  do {
    const value = <f64>load<f32>(x);
    sum += value * value;
    x += sizeof<f32>();
  } while (x != end);
  return sum;
}
