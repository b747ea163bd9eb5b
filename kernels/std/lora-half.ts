// Lora, half: one token's way through an adapter of f16, bit for bit as std/lora has it for the same
// adapter in f32. Rows of x, t and y are f32.

import { dotFourHalf, dotOneHalf } from "./dot-half";
import { sumsOf } from "./dot";
import { firstFour, lastFour, loadHalfTail, lowerBits, up, upperBits } from "./half";
import { madd, sumLanes } from "./lanes";
import { expandPlainly, projectPlainly } from "./scalar/lora";

const F32: usize = 4; // Bytes of one value.
const VECTOR: usize = 16; // Bytes of one v128: 4 values, or 8 of f16.

const WIDE: usize = 64; // Bytes of y that one turn gives: 16 values.

/** Bytes of zeros that lie after x and after t, since rows of f16 are read eight values at a time. */
// @ts-ignore: decorator
@inline
export const PADDING: usize = 32;

/** Writes the zeros after a row that ends at `end`. */
// @ts-ignore: decorator
@inline
export function pad(end: usize): void {
  if (!ASC_FEATURE_SIMD) return; // There each value is read by itself, as it is.
  v128.store(end, i32x4.splat(0));
  v128.store(end, i32x4.splat(0), 16);
}

/** Multiplies the row at `x`, of `bytes` bytes, by 2^112; and some of the zeros after it. */
export function raise(x: usize, bytes: usize): void {
  if (!ASC_FEATURE_SIMD) return;
  const end = x + bytes;
  while (x < end) {
    v128.store(x, up(v128.load(x)));
    x += VECTOR;
  }
}

/** t = scale * A x, for the `rank` rows of A; x is raised and padded. */
export function projectHalf(
  x: usize,
  bytes: usize,
  a: usize,
  t: usize,
  rank: usize,
  scale: f32,
): void {
  if (!ASC_FEATURE_SIMD) {
    projectPlainly<u16>(x, bytes / F32, a, t, rank, scale);
    return;
  }
  const stride = bytes / 2;
  const scaled = f32x4.splat(scale);
  const fours = t + (rank & ~3) * F32;
  const end = t + rank * F32;
  while (t != fours) {
    v128.store(t, f32x4.mul(dotFourHalf(x, bytes, a, stride), scaled));
    a += 4 * stride;
    t += VECTOR;
  }
  while (t != end) {
    store<f32>(t, dotOneHalf(x, bytes, a) * scale);
    a += stride;
    t += F32;
  }
}

/** y = y + B t, for rows of B that are `rank` f16 long; there is a rank, and t is padded. */
export function expandHalf(b: usize, t: usize, rank: usize, y: usize, outBytes: usize): void {
  if (!ASC_FEATURE_SIMD) {
    expandPlainly<u16>(y, b, t, rank, y, outBytes / F32);
    return;
  }
  const wide = y + (outBytes & ~(WIDE - 1));
  const end = y + outBytes;
  const rowBytes = 2 * rank;
  if (rank == 1 || rank == 4 || rank == 8 || rank == 16) {
    const count = wide - y;
    if (rank == 1) addColumn(y, b, t, wide);
    else if (rank == 4) addFours(y, b, t, wide);
    else addEights(y, b, t, rowBytes, wide);
    b += (count / F32) * rowBytes;
    y = wide;
  }
  while (end - y >= VECTOR) {
    v128.store(y, f32x4.add(v128.load(y), fourOfAny(b, t, rank)));
    b += 4 * rowBytes;
    y += VECTOR;
  }
  while (y != end) {
    store<f32>(y, load<f32>(y) + oneOf(b, t, rank));
    b += rowBytes;
    y += F32;
  }
}

/** For adapters of rank 1, whose B is one column. */
function addColumn(y: usize, b: usize, t: usize, end: usize): void {
  const factor = v128.load32_splat(t);
  while (y != end) {
    addVectors(y, v128.load(b), factor);
    addVectors(y + 32, v128.load(b, 16), factor);
    b += 32;
    y += WIDE;
  }
}

// @ts-ignore: decorator
@inline
function addVectors(y: usize, halves: v128, factor: v128): void {
  const lower = lowerBits(halves);
  const upper = upperBits(halves);
  const none = f32x4.splat(0); // A sum is never -0, as with other ranks.
  v128.store(y, f32x4.add(v128.load(y), madd(factor, firstFour(lower, upper), none)));
  v128.store(y, f32x4.add(v128.load(y, 16), madd(factor, lastFour(lower, upper), none)), 16);
}

/** For rows of B of 8 bytes, two of which one load brings. */
function addFours(y: usize, b: usize, t: usize, end: usize): void {
  const factors = v128.load(t);
  while (y != end) {
    addFourShort(y, b, factors);
    addFourShort(y + 16, b + 32, factors);
    addFourShort(y + 32, b + 64, factors);
    addFourShort(y + 48, b + 96, factors);
    b += 128;
    y += WIDE;
  }
}

// @ts-ignore: decorator
@inline
function addFourShort(y: usize, b: usize, factors: v128): void {
  const none = f32x4.splat(0);
  const low = v128.load(b);
  const high = v128.load(b, 16);
  const lowLower = lowerBits(low);
  const lowUpper = upperBits(low);
  const highLower = lowerBits(high);
  const highUpper = upperBits(high);
  const sums = sumsOf(
    madd(factors, firstFour(lowLower, lowUpper), none),
    madd(factors, lastFour(lowLower, lowUpper), none),
    madd(factors, firstFour(highLower, highUpper), none),
    madd(factors, lastFour(highLower, highUpper), none),
  );
  v128.store(y, f32x4.add(v128.load(y), sums));
}

/** For rows of B of 16 or 32 bytes. */
function addEights(y: usize, b: usize, t: usize, rowBytes: usize, end: usize): void {
  while (y != end) {
    addFourOf(y, b, t, rowBytes);
    addFourOf(y + 16, b + 4 * rowBytes, t, rowBytes);
    addFourOf(y + 32, b + 8 * rowBytes, t, rowBytes);
    addFourOf(y + 48, b + 12 * rowBytes, t, rowBytes);
    b += 16 * rowBytes;
    y += WIDE;
  }
}

/** Adds the products with t of four rows of B, of 16 or 32 bytes. */
// @ts-ignore: decorator
@inline
function addFourOf(y: usize, p: usize, t: usize, rowBytes: usize): void {
  const q = p + rowBytes;
  const r = q + rowBytes;
  const s = r + rowBytes;
  let a = addEight(f32x4.splat(0), t, v128.load(p));
  let b = addEight(f32x4.splat(0), t, v128.load(q));
  let c = addEight(f32x4.splat(0), t, v128.load(r));
  let d = addEight(f32x4.splat(0), t, v128.load(s));
  if (rowBytes == 32) {
    a = addEight(a, t + 32, v128.load(p, 16));
    b = addEight(b, t + 32, v128.load(q, 16));
    c = addEight(c, t + 32, v128.load(r, 16));
    d = addEight(d, t + 32, v128.load(s, 16));
  }
  v128.store(y, f32x4.add(v128.load(y), sumsOf(a, b, c, d)));
}

/** The products with t of four rows of B of any length. */
function fourOfAny(p: usize, t: usize, rank: usize): v128 {
  const rowBytes = 2 * rank;
  const q = p + rowBytes;
  const r = q + rowBytes;
  const s = r + rowBytes;
  const whole = rowBytes & ~(VECTOR - 1);
  const tails = t + 2 * whole;
  let a = f32x4.splat(0);
  let b = f32x4.splat(0);
  let c = f32x4.splat(0);
  let d = f32x4.splat(0);
  if (rank & 3) {
    a = raggedOf(p + whole, tails, rank);
    b = raggedOf(q + whole, tails, rank);
    c = raggedOf(r + whole, tails, rank);
    d = raggedOf(s + whole, tails, rank);
  }
  for (let at: usize = 0; at != whole; at += VECTOR) {
    a = addEight(a, t + 2 * at, v128.load(p + at));
    b = addEight(b, t + 2 * at, v128.load(q + at));
    c = addEight(c, t + 2 * at, v128.load(r + at));
    d = addEight(d, t + 2 * at, v128.load(s + at));
  }
  if (rank & 4) {
    a = addFour(a, tails, p + whole);
    b = addFour(b, tails, q + whole);
    c = addFour(c, tails, r + whole);
    d = addFour(d, tails, s + whole);
  }
  return sumsOf(a, b, c, d);
}

/** The product of one row of B with t, added up as among four. */
function oneOf(p: usize, t: usize, rank: usize): f32 {
  const whole = (2 * rank) & ~(VECTOR - 1);
  const tails = t + 2 * whole;
  let a = rank & 3 ? raggedOf(p + whole, tails, rank) : f32x4.splat(0);
  for (let at: usize = 0; at != whole; at += VECTOR) a = addEight(a, t + 2 * at, v128.load(p + at));
  if (rank & 4) a = addFour(a, tails, p + whole);
  return sumLanes(a);
}

/** `sum` and eight products, the first four before the last. */
// @ts-ignore: decorator
@inline
function addEight(sum: v128, t: usize, halves: v128): v128 {
  const lower = lowerBits(halves);
  const upper = upperBits(halves);
  const first = madd(v128.load(t), firstFour(lower, upper), sum);
  return madd(v128.load(t, 16), lastFour(lower, upper), first);
}

/** `sum` and the products of four values. */
// @ts-ignore: decorator
@inline
function addFour(sum: v128, t: usize, row: usize): v128 {
  const halves = v128.load64_zero(row);
  return madd(v128.load(t), firstFour(lowerBits(halves), upperBits(halves)), sum);
}

/** The products of the last one, two or three values of a row, whose last eighth part is at `row`. */
function raggedOf(row: usize, t: usize, rank: usize): v128 {
  const halves = loadHalfTail(row, 2 * (rank & 7));
  const lower = lowerBits(halves);
  const upper = upperBits(halves);
  if (rank & 4) return f32x4.mul(v128.load(t, 16), lastFour(lower, upper));
  return f32x4.mul(v128.load(t), firstFour(lower, upper));
}
