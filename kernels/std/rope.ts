// Rope: turning one head's pairs of f32 by a table of cosines and sines, for the kernels of the family.
//
// The table holds the cosines of one position's angles, then their sines. `half` is the bytes of either,
// and heads may be turned in place. A turn of the wide loops takes 32 pairs and what is left of a head
// needs no loop until less than a vector remains, so that loop control and the sandbox's check at each
// loop header cost little.

import { madd, nmadd } from "./lanes";
import { copyPlainly, fillTablePlainly, turnPairs } from "./scalar/rope";
import { turns } from "./turn";

const WIDE: usize = 128; // Bytes of 32 values: a turn of a wide loop takes so many pairs.
const VECTOR: usize = 16; // Bytes of one v128: 4 values.

/** Multiplies a table of `bytes` bytes by a model's attention factor. */
export function scaleTable(table: usize, bytes: usize, scale: f32): void {
  const end = table + bytes;
  while (table != end) {
    store<f32>(table, load<f32>(table) * scale);
    table += sizeof<f32>();
  }
}

/** Cosines of one position's angles, then their sines, negated by `inverse`. */
// @ts-ignore: decorator
@inline
export function fillTable(angles: usize, bytes: usize, inverse: bool, table: usize): void {
  if (!ASC_FEATURE_SIMD) {
    fillTablePlainly(angles, bytes, inverse, table);
    return;
  }
  const flip = i32x4.splat(inverse ? 0x80000000 : 0);
  const vectors = angles + (bytes & ~(VECTOR - 1));
  const end = angles + bytes;
  if (angles != vectors) {
    do {
      turns(v128.load(angles), flip, table, table + bytes, true);
      angles += VECTOR;
      table += VECTOR;
    } while (angles != vectors);
  }
  if (angles != end) {
    do {
      turns(v128.load32_zero(angles), flip, table, table + bytes, false);
      angles += sizeof<f32>();
      table += sizeof<f32>();
    } while (angles != end);
  }
}

// @ts-ignore: decorator
@inline
export function turnHalfSplit(x0: usize, y0: usize, cos: usize, half: usize): void {
  if (!ASC_FEATURE_SIMD) {
    turnPairs(x0, y0, cos, half, half, 4);
    return;
  }
  const wide = cos + (half & ~(WIDE - 1));
  const end = cos + half;
  let x1 = x0 + half;
  let y1 = y0 + half;
  let sin = end;
  if (cos != wide) {
    do {
      splitFour(x0, x1, y0, y1, cos, sin);
      splitFour(x0 + 64, x1 + 64, y0 + 64, y1 + 64, cos + 64, sin + 64);
      x0 += WIDE;
      x1 += WIDE;
      y0 += WIDE;
      y1 += WIDE;
      cos += WIDE;
      sin += WIDE;
    } while (cos != wide);
  }
  if (half & (4 * VECTOR)) {
    splitFour(x0, x1, y0, y1, cos, sin);
    x0 += 4 * VECTOR;
    x1 += 4 * VECTOR;
    y0 += 4 * VECTOR;
    y1 += 4 * VECTOR;
    cos += 4 * VECTOR;
    sin += 4 * VECTOR;
  }
  if (half & (2 * VECTOR)) {
    splitTwo(x0, x1, y0, y1, cos, sin);
    x0 += 2 * VECTOR;
    x1 += 2 * VECTOR;
    y0 += 2 * VECTOR;
    y1 += 2 * VECTOR;
    cos += 2 * VECTOR;
    sin += 2 * VECTOR;
  }
  if (half & VECTOR) {
    splitOne(x0, x1, y0, y1, cos, sin);
    x0 += VECTOR;
    x1 += VECTOR;
    y0 += VECTOR;
    y1 += VECTOR;
    cos += VECTOR;
    sin += VECTOR;
  }
  if (cos != end) {
    do {
      turnPair(x0, x1, y0, y1, cos, sin);
      x0 += sizeof<f32>();
      x1 += sizeof<f32>();
      y0 += sizeof<f32>();
      y1 += sizeof<f32>();
      cos += sizeof<f32>();
      sin += sizeof<f32>();
    } while (cos != end);
  }
}

// @ts-ignore: decorator
@inline
function splitFour(x0: usize, x1: usize, y0: usize, y1: usize, cos: usize, sin: usize): void {
  splitTwo(x0, x1, y0, y1, cos, sin);
  splitTwo(x0 + 32, x1 + 32, y0 + 32, y1 + 32, cos + 32, sin + 32);
}

// @ts-ignore: decorator
@inline
function splitTwo(x0: usize, x1: usize, y0: usize, y1: usize, cos: usize, sin: usize): void {
  splitOne(x0, x1, y0, y1, cos, sin);
  splitOne(x0 + 16, x1 + 16, y0 + 16, y1 + 16, cos + 16, sin + 16);
}

// @ts-ignore: decorator
@inline
function splitOne(x0: usize, x1: usize, y0: usize, y1: usize, cos: usize, sin: usize): void {
  const c = v128.load(cos);
  const s = v128.load(sin);
  const first = v128.load(x0);
  const second = v128.load(x1);
  v128.store(y0, nmadd(second, s, f32x4.mul(first, c)));
  v128.store(y1, madd(second, c, f32x4.mul(first, s)));
}

// @ts-ignore: decorator
@inline
export function turnInterleaved(x: usize, y: usize, cos: usize, half: usize): void {
  if (!ASC_FEATURE_SIMD) {
    turnPairs(x, y, cos, half, 4, 8);
    return;
  }
  const wide = cos + (half & ~(WIDE - 1));
  const end = cos + half;
  let sin = end;
  if (cos != wide) {
    do {
      pairsFour(x, y, cos, sin);
      pairsFour(x + 128, y + 128, cos + 64, sin + 64);
      x += 2 * WIDE;
      y += 2 * WIDE;
      cos += WIDE;
      sin += WIDE;
    } while (cos != wide);
  }
  if (half & (4 * VECTOR)) {
    pairsFour(x, y, cos, sin);
    x += 8 * VECTOR;
    y += 8 * VECTOR;
    cos += 4 * VECTOR;
    sin += 4 * VECTOR;
  }
  if (half & (2 * VECTOR)) {
    pairsTwo(x, y, cos, sin);
    x += 4 * VECTOR;
    y += 4 * VECTOR;
    cos += 2 * VECTOR;
    sin += 2 * VECTOR;
  }
  if (half & VECTOR) {
    pairsOne(x, y, cos, sin);
    x += 2 * VECTOR;
    y += 2 * VECTOR;
    cos += VECTOR;
    sin += VECTOR;
  }
  if (cos != end) {
    do {
      turnPair(x, x + sizeof<f32>(), y, y + sizeof<f32>(), cos, sin);
      x += 2 * sizeof<f32>();
      y += 2 * sizeof<f32>();
      cos += sizeof<f32>();
      sin += sizeof<f32>();
    } while (cos != end);
  }
}

// @ts-ignore: decorator
@inline
function pairsFour(x: usize, y: usize, cos: usize, sin: usize): void {
  pairsTwo(x, y, cos, sin);
  pairsTwo(x + 64, y + 64, cos + 32, sin + 32);
}

// @ts-ignore: decorator
@inline
function pairsTwo(x: usize, y: usize, cos: usize, sin: usize): void {
  pairsOne(x, y, cos, sin);
  pairsOne(x + 32, y + 32, cos + 16, sin + 16);
}

// @ts-ignore: decorator
@inline
function pairsOne(x: usize, y: usize, cos: usize, sin: usize): void {
  const c = v128.load(cos);
  const s = v128.load(sin);
  const a = v128.load(x);
  const b = v128.load(x, 16);
  const first = i32x4.shuffle(a, b, 0, 2, 4, 6);
  const second = i32x4.shuffle(a, b, 1, 3, 5, 7);
  const low = nmadd(second, s, f32x4.mul(first, c));
  const high = madd(second, c, f32x4.mul(first, s));
  v128.store(y, i32x4.shuffle(low, high, 0, 4, 1, 5));
  v128.store(y, i32x4.shuffle(low, high, 2, 6, 3, 7), 16);
}

/** One pair, in any layout: the ragged end. */
// @ts-ignore: decorator
@inline
function turnPair(x0: usize, x1: usize, y0: usize, y1: usize, cos: usize, sin: usize): void {
  const c = load<f32>(cos);
  const s = load<f32>(sin);
  const first = load<f32>(x0);
  const second = load<f32>(x1);
  store<f32>(y0, first * c - second * s);
  store<f32>(y1, first * s + second * c);
}

/** Copies the values of a head that do not turn: bytes `from` to `end`, by 16 while it can. */
// @ts-ignore: decorator
@inline
export function copy(x: usize, y: usize, from: usize, end: usize): void {
  if (!ASC_FEATURE_SIMD) {
    copyPlainly(x, y, from, end);
    return;
  }
  let at = from;
  const vectors = from + ((end - from) & ~(VECTOR - 1));
  if (at != vectors) {
    do {
      v128.store(y + at, v128.load(x + at));
      at += VECTOR;
    } while (at != vectors);
  }
  if (at != end) {
    do {
      store<f32>(y + at, load<f32>(x + at));
      at += sizeof<f32>();
    } while (at != end);
  }
}
