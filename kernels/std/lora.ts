// Lora: one token's way through an adapter, t = scale * A x and y = base + B t, for adapters of f32.
//
// Order. t is added up as std/dot.ts says and multiplied by the scale; a value of y is its base plus the
// sum over t, four ranks at a time, those that fill no four first. All that depends on nothing but the
// token's own row.
//
// Speed. Four ranks share the loads of x. Sixteen values of y per turn, and ranks up to 19 without a loop
// of their own, so that loop control and the sandbox's check at each loop header cost little.

import { addProduct, dotFour, dotOne, loadRagged, sumsOf } from "./dot";
import { sumLanes } from "./lanes";
import { copyRowPlainly, expandPlainly, projectPlainly } from "./scalar/lora";

const F32: usize = 4; // Bytes of one value.
const VECTOR: usize = 16; // Bytes of one v128: 4 values.
const WIDE: usize = 64; // Bytes of y that one turn gives, or of a row of B that one turn takes.
const LONG: usize = 80; // Bytes of a row of B, 20 ranks, from which on it needs a loop.
const NO_ADAPTER: i32 = -1;

/** Whether every token names one of `adapters` adapters or none. There is a token. */
// @ts-ignore: decorator
@inline
export function areKnown(adapter: usize, tokens: u32, adapters: u32): bool {
  const end = adapter + (<usize>tokens) * sizeof<i32>();
  do {
    const index = load<i32>(adapter);
    if (index != NO_ADAPTER && (index < 0 || <u32>index >= adapters)) return false;
    adapter += sizeof<i32>();
  } while (adapter != end);
  return true;
}

/** Whether a token has no adapter. */
// @ts-ignore: decorator
@inline
export function isNone(index: i32): bool {
  return index == NO_ADAPTER;
}

/** Copies a row of `bytes` bytes, of values of `T`. */
export function copyRow<T>(from: usize, to: usize, bytes: usize): void {
  if (!ASC_FEATURE_SIMD) {
    copyRowPlainly(from, to, bytes);
    return;
  }
  const end = from + (bytes & ~(VECTOR - 1));
  while (from != end) {
    v128.store(to, v128.load(from));
    from += VECTOR;
    to += VECTOR;
  }
  for (let left = bytes & (VECTOR - 1); left != 0; left -= sizeof<T>()) {
    store<T>(to, load<T>(from));
    from += sizeof<T>();
    to += sizeof<T>();
  }
}

/** t = scale * A x, for the `rankBytes` / 4 rows of A. */
export function project(
  x: usize,
  bytes: usize,
  a: usize,
  t: usize,
  rankBytes: usize,
  scale: f32,
): void {
  if (!ASC_FEATURE_SIMD) {
    projectPlainly<f32>(x, bytes / F32, a, t, rankBytes / F32, scale);
    return;
  }
  const scaled = f32x4.splat(scale);
  const fours = t + (rankBytes & ~(VECTOR - 1));
  const end = t + rankBytes;
  while (t != fours) {
    v128.store(t, f32x4.mul(dotFour(x, bytes, a, bytes), scaled));
    a += 4 * bytes;
    t += VECTOR;
  }
  while (t != end) {
    store<f32>(t, dotOne(x, bytes, a) * scale);
    a += bytes;
    t += F32;
  }
}

/** y = base + B t, for rows of B that are `rankBytes` long; there is a rank. y may be the base. */
export function expand(
  base: usize,
  b: usize,
  t: usize,
  rankBytes: usize,
  y: usize,
  outBytes: usize,
): void {
  if (!ASC_FEATURE_SIMD) {
    expandPlainly<f32>(base, b, t, rankBytes / F32, y, outBytes / F32);
    return;
  }
  const wide = base + (outBytes & ~(WIDE - 1));
  const end = base + outBytes;
  if (base != wide) {
    if (rankBytes == F32) expandOne(base, b, t, y, wide);
    else if (rankBytes < LONG) expandShort(base, b, t, rankBytes, y, wide);
    else expandLong(base, b, t, rankBytes, y, wide);
    const done = wide - base;
    b += (done / F32) * rankBytes;
    y += done;
    base = wide;
  }
  while (end - base >= VECTOR) {
    v128.store(y, f32x4.add(v128.load(base), fourOfAny(b, t, rankBytes)));
    b += 4 * rankBytes;
    base += VECTOR;
    y += VECTOR;
  }
  while (base != end) {
    store<f32>(y, load<f32>(base) + oneOf(b, t, rankBytes));
    b += rankBytes;
    base += F32;
    y += F32;
  }
}

/** For adapters of rank 1, whose B is one column. */
function expandOne(base: usize, b: usize, t: usize, y: usize, end: usize): void {
  const factor = v128.load32_splat(t);
  const wide = base + ((end - base) & ~(4 * WIDE - 1));
  if (base != wide) {
    do {
      addColumn(base, b, factor, y);
      addColumn(base + WIDE, b + WIDE, factor, y + WIDE);
      addColumn(base + 2 * WIDE, b + 2 * WIDE, factor, y + 2 * WIDE);
      addColumn(base + 3 * WIDE, b + 3 * WIDE, factor, y + 3 * WIDE);
      base += 4 * WIDE;
      b += 4 * WIDE;
      y += 4 * WIDE;
    } while (base != wide);
  }
  while (base != end) {
    addColumn(base, b, factor, y);
    base += WIDE;
    b += WIDE;
    y += WIDE;
  }
}

/** Sixteen values of y. */
// @ts-ignore: decorator
@inline
function addColumn(base: usize, b: usize, factor: v128, y: usize): void {
  addVector(base, b, factor, y);
  addVector(base + 16, b + 16, factor, y + 16);
  addVector(base + 32, b + 32, factor, y + 32);
  addVector(base + 48, b + 48, factor, y + 48);
}

// @ts-ignore: decorator
@inline
function addVector(base: usize, b: usize, factor: v128, y: usize): void {
  const sum = addProduct(f32x4.splat(0), factor, b); // Never -0, as with other ranks.
  v128.store(y, f32x4.add(v128.load(base), sum));
}

/** For rows of B of fewer than `LONG` bytes: t stays in registers. */
function expandShort(
  base: usize,
  b: usize,
  t: usize,
  rankBytes: usize,
  y: usize,
  end: usize,
): void {
  const whole = rankBytes & ~(VECTOR - 1);
  const none = f32x4.splat(0);
  const ragged = rankBytes & 12 ? loadRagged(t + whole, rankBytes) : none;
  const first = whole >= 16 ? v128.load(t) : none;
  const second = whole >= 32 ? v128.load(t, 16) : none;
  const third = whole >= 48 ? v128.load(t, 32) : none;
  const fourth = whole >= 64 ? v128.load(t, 48) : none;
  const step = 4 * rankBytes;
  do {
    const one = fourOf(b, rankBytes, ragged, first, second, third, fourth);
    v128.store(y, f32x4.add(v128.load(base), one));
    b += step;
    const two = fourOf(b, rankBytes, ragged, first, second, third, fourth);
    v128.store(y, f32x4.add(v128.load(base, 16), two), 16);
    b += step;
    const three = fourOf(b, rankBytes, ragged, first, second, third, fourth);
    v128.store(y, f32x4.add(v128.load(base, 32), three), 32);
    b += step;
    const four = fourOf(b, rankBytes, ragged, first, second, third, fourth);
    v128.store(y, f32x4.add(v128.load(base, 48), four), 48);
    b += step;
    base += WIDE;
    y += WIDE;
  } while (base != end);
}

/** The products with t of four rows of B, of fewer than `LONG` bytes. */
// @ts-ignore: decorator
@inline
function fourOf(
  p: usize,
  rankBytes: usize,
  ragged: v128,
  first: v128,
  second: v128,
  third: v128,
  fourth: v128,
): v128 {
  const q = p + rankBytes;
  const r = q + rankBytes;
  const s = r + rankBytes;
  const whole = rankBytes & ~(VECTOR - 1);
  let a = f32x4.splat(0);
  let b = f32x4.splat(0);
  let c = f32x4.splat(0);
  let d = f32x4.splat(0);
  if (rankBytes & 12) {
    a = f32x4.mul(ragged, loadRagged(p + whole, rankBytes));
    b = f32x4.mul(ragged, loadRagged(q + whole, rankBytes));
    c = f32x4.mul(ragged, loadRagged(r + whole, rankBytes));
    d = f32x4.mul(ragged, loadRagged(s + whole, rankBytes));
  }
  if (whole >= 16) {
    a = addProduct(a, first, p);
    b = addProduct(b, first, q);
    c = addProduct(c, first, r);
    d = addProduct(d, first, s);
  }
  if (whole >= 32) {
    a = addProduct(a, second, p + 16);
    b = addProduct(b, second, q + 16);
    c = addProduct(c, second, r + 16);
    d = addProduct(d, second, s + 16);
  }
  if (whole >= 48) {
    a = addProduct(a, third, p + 32);
    b = addProduct(b, third, q + 32);
    c = addProduct(c, third, r + 32);
    d = addProduct(d, third, s + 32);
  }
  if (whole >= 64) {
    a = addProduct(a, fourth, p + 48);
    b = addProduct(b, fourth, q + 48);
    c = addProduct(c, fourth, r + 48);
    d = addProduct(d, fourth, s + 48);
  }
  return sumsOf(a, b, c, d);
}

function expandLong(
  base: usize,
  b: usize,
  t: usize,
  rankBytes: usize,
  y: usize,
  end: usize,
): void {
  do {
    v128.store(y, f32x4.add(v128.load(base), fourOfAny(b, t, rankBytes)));
    b += 4 * rankBytes;
    base += VECTOR;
    y += VECTOR;
  } while (base != end);
}

/** The products with t of four rows of B of any length, added up as `fourOf` does. */
function fourOfAny(p: usize, t: usize, rankBytes: usize): v128 {
  let q = p + rankBytes;
  let r = q + rankBytes;
  let s = r + rankBytes;
  let a = f32x4.splat(0);
  let b = f32x4.splat(0);
  let c = f32x4.splat(0);
  let d = f32x4.splat(0);
  if (rankBytes & 12) {
    const whole = rankBytes & ~(VECTOR - 1);
    const ragged = loadRagged(t + whole, rankBytes);
    a = f32x4.mul(ragged, loadRagged(p + whole, rankBytes));
    b = f32x4.mul(ragged, loadRagged(q + whole, rankBytes));
    c = f32x4.mul(ragged, loadRagged(r + whole, rankBytes));
    d = f32x4.mul(ragged, loadRagged(s + whole, rankBytes));
  }
  const wide = t + (rankBytes & ~(WIDE - 1));
  while (t != wide) {
    a = addFour(a, t, p);
    b = addFour(b, t, q);
    c = addFour(c, t, r);
    d = addFour(d, t, s);
    t += WIDE;
    p += WIDE;
    q += WIDE;
    r += WIDE;
    s += WIDE;
  }
  for (let left = rankBytes & (WIDE - VECTOR); left != 0; left -= VECTOR) {
    const next = v128.load(t);
    a = addProduct(a, next, p);
    b = addProduct(b, next, q);
    c = addProduct(c, next, r);
    d = addProduct(d, next, s);
    t += VECTOR;
    p += VECTOR;
    q += VECTOR;
    r += VECTOR;
    s += VECTOR;
  }
  return sumsOf(a, b, c, d);
}

/** `sum` and the products of 16 values at `t` with those at `row`, four after four. */
// @ts-ignore: decorator
@inline
function addFour(sum: v128, t: usize, row: usize): v128 {
  const first = addProduct(sum, v128.load(t), row);
  const second = addProduct(first, v128.load(t, 16), row + 16);
  const third = addProduct(second, v128.load(t, 32), row + 32);
  return addProduct(third, v128.load(t, 48), row + 48);
}

/** The product of one row of B with t, added up as among four. */
// @ts-ignore: decorator
@inline
function oneOf(p: usize, t: usize, rankBytes: usize): f32 {
  const whole = rankBytes & ~(VECTOR - 1);
  let a = f32x4.splat(0);
  if (rankBytes & 12)
    a = f32x4.mul(loadRagged(t + whole, rankBytes), loadRagged(p + whole, rankBytes));
  for (let at: usize = 0; at < whole; at += VECTOR) a = addProduct(a, v128.load(t + at), p + at);
  return sumLanes(a);
}
