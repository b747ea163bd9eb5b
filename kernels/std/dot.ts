// Dot: products of a vector with one row or four, always added in the same order: eight sums of every
// eighth value, the second four onto the first, then the lanes as `sumLanes` has them. So a row gives
// the same bits alone and among four.

import { madd, sumLanes } from "./lanes";

const FOUR_WIDE: usize = 128; // Bytes of x that one turn takes beside four rows: 32 values.
const ONE_WIDE: usize = 256; // Beside one row.

/** The products of the vector at `x`, of `bytes` bytes, with four rows that lie `stride` bytes apart. */
// @ts-ignore: decorator
@inline
export function dotFour(x: usize, bytes: usize, rows: usize, stride: usize): v128 {
  const wide = x + (bytes & ~(FOUR_WIDE - 1));
  let p = rows;
  let q = p + stride;
  let r = q + stride;
  let s = r + stride;
  let a = f32x4.splat(0);
  let b = f32x4.splat(0);
  let c = f32x4.splat(0);
  let d = f32x4.splat(0);
  let e = f32x4.splat(0);
  let f = f32x4.splat(0);
  let g = f32x4.splat(0);
  let h = f32x4.splat(0);
  if (x != wide) {
    do {
      a = addProduct(a, v128.load(x), p);
      b = addProduct(b, v128.load(x), q);
      c = addProduct(c, v128.load(x), r);
      d = addProduct(d, v128.load(x), s);
      e = addProduct(e, v128.load(x, 16), p + 16);
      f = addProduct(f, v128.load(x, 16), q + 16);
      g = addProduct(g, v128.load(x, 16), r + 16);
      h = addProduct(h, v128.load(x, 16), s + 16);
      a = addProduct(a, v128.load(x, 32), p + 32);
      b = addProduct(b, v128.load(x, 32), q + 32);
      c = addProduct(c, v128.load(x, 32), r + 32);
      d = addProduct(d, v128.load(x, 32), s + 32);
      e = addProduct(e, v128.load(x, 48), p + 48);
      f = addProduct(f, v128.load(x, 48), q + 48);
      g = addProduct(g, v128.load(x, 48), r + 48);
      h = addProduct(h, v128.load(x, 48), s + 48);
      a = addProduct(a, v128.load(x, 64), p + 64);
      b = addProduct(b, v128.load(x, 64), q + 64);
      c = addProduct(c, v128.load(x, 64), r + 64);
      d = addProduct(d, v128.load(x, 64), s + 64);
      e = addProduct(e, v128.load(x, 80), p + 80);
      f = addProduct(f, v128.load(x, 80), q + 80);
      g = addProduct(g, v128.load(x, 80), r + 80);
      h = addProduct(h, v128.load(x, 80), s + 80);
      a = addProduct(a, v128.load(x, 96), p + 96);
      b = addProduct(b, v128.load(x, 96), q + 96);
      c = addProduct(c, v128.load(x, 96), r + 96);
      d = addProduct(d, v128.load(x, 96), s + 96);
      e = addProduct(e, v128.load(x, 112), p + 112);
      f = addProduct(f, v128.load(x, 112), q + 112);
      g = addProduct(g, v128.load(x, 112), r + 112);
      h = addProduct(h, v128.load(x, 112), s + 112);
      x += FOUR_WIDE;
      p += FOUR_WIDE;
      q += FOUR_WIDE;
      r += FOUR_WIDE;
      s += FOUR_WIDE;
    } while (x != wide);
  }
  if (bytes & 64) {
    a = addProduct(a, v128.load(x), p);
    b = addProduct(b, v128.load(x), q);
    c = addProduct(c, v128.load(x), r);
    d = addProduct(d, v128.load(x), s);
    e = addProduct(e, v128.load(x, 16), p + 16);
    f = addProduct(f, v128.load(x, 16), q + 16);
    g = addProduct(g, v128.load(x, 16), r + 16);
    h = addProduct(h, v128.load(x, 16), s + 16);
    a = addProduct(a, v128.load(x, 32), p + 32);
    b = addProduct(b, v128.load(x, 32), q + 32);
    c = addProduct(c, v128.load(x, 32), r + 32);
    d = addProduct(d, v128.load(x, 32), s + 32);
    e = addProduct(e, v128.load(x, 48), p + 48);
    f = addProduct(f, v128.load(x, 48), q + 48);
    g = addProduct(g, v128.load(x, 48), r + 48);
    h = addProduct(h, v128.load(x, 48), s + 48);
    x += 64;
    p += 64;
    q += 64;
    r += 64;
    s += 64;
  }
  if (bytes & 32) {
    a = addProduct(a, v128.load(x), p);
    b = addProduct(b, v128.load(x), q);
    c = addProduct(c, v128.load(x), r);
    d = addProduct(d, v128.load(x), s);
    e = addProduct(e, v128.load(x, 16), p + 16);
    f = addProduct(f, v128.load(x, 16), q + 16);
    g = addProduct(g, v128.load(x, 16), r + 16);
    h = addProduct(h, v128.load(x, 16), s + 16);
    x += 32;
    p += 32;
    q += 32;
    r += 32;
    s += 32;
  }
  if (bytes & 16) {
    a = addProduct(a, v128.load(x), p);
    b = addProduct(b, v128.load(x), q);
    c = addProduct(c, v128.load(x), r);
    d = addProduct(d, v128.load(x), s);
    x += 16;
    p += 16;
    q += 16;
    r += 16;
    s += 16;
  }
  if (bytes & 12) {
    const ragged = loadRagged(x, bytes);
    e = f32x4.add(e, f32x4.mul(ragged, loadRagged(p, bytes)));
    f = f32x4.add(f, f32x4.mul(ragged, loadRagged(q, bytes)));
    g = f32x4.add(g, f32x4.mul(ragged, loadRagged(r, bytes)));
    h = f32x4.add(h, f32x4.mul(ragged, loadRagged(s, bytes)));
  }
  return sumsOf(f32x4.add(a, e), f32x4.add(b, f), f32x4.add(c, g), f32x4.add(d, h));
}

/** The product of the vector at `x`, of `bytes` bytes, with the row at `p`. */
// @ts-ignore: decorator
@inline
export function dotOne(x: usize, bytes: usize, p: usize): f32 {
  const wide = x + (bytes & ~(ONE_WIDE - 1));
  let a = f32x4.splat(0);
  let e = f32x4.splat(0);
  if (x != wide) {
    do {
      a = addProduct(a, v128.load(x), p);
      e = addProduct(e, v128.load(x, 16), p + 16);
      a = addProduct(a, v128.load(x, 32), p + 32);
      e = addProduct(e, v128.load(x, 48), p + 48);
      a = addProduct(a, v128.load(x, 64), p + 64);
      e = addProduct(e, v128.load(x, 80), p + 80);
      a = addProduct(a, v128.load(x, 96), p + 96);
      e = addProduct(e, v128.load(x, 112), p + 112);
      a = addProduct(a, v128.load(x, 128), p + 128);
      e = addProduct(e, v128.load(x, 144), p + 144);
      a = addProduct(a, v128.load(x, 160), p + 160);
      e = addProduct(e, v128.load(x, 176), p + 176);
      a = addProduct(a, v128.load(x, 192), p + 192);
      e = addProduct(e, v128.load(x, 208), p + 208);
      a = addProduct(a, v128.load(x, 224), p + 224);
      e = addProduct(e, v128.load(x, 240), p + 240);
      x += ONE_WIDE;
      p += ONE_WIDE;
    } while (x != wide);
  }
  if (bytes & 128) {
    a = addProduct(a, v128.load(x), p);
    e = addProduct(e, v128.load(x, 16), p + 16);
    a = addProduct(a, v128.load(x, 32), p + 32);
    e = addProduct(e, v128.load(x, 48), p + 48);
    a = addProduct(a, v128.load(x, 64), p + 64);
    e = addProduct(e, v128.load(x, 80), p + 80);
    a = addProduct(a, v128.load(x, 96), p + 96);
    e = addProduct(e, v128.load(x, 112), p + 112);
    x += 128;
    p += 128;
  }
  if (bytes & 64) {
    a = addProduct(a, v128.load(x), p);
    e = addProduct(e, v128.load(x, 16), p + 16);
    a = addProduct(a, v128.load(x, 32), p + 32);
    e = addProduct(e, v128.load(x, 48), p + 48);
    x += 64;
    p += 64;
  }
  if (bytes & 32) {
    a = addProduct(a, v128.load(x), p);
    e = addProduct(e, v128.load(x, 16), p + 16);
    x += 32;
    p += 32;
  }
  if (bytes & 16) {
    a = addProduct(a, v128.load(x), p);
    x += 16;
    p += 16;
  }
  if (bytes & 12) e = f32x4.add(e, f32x4.mul(loadRagged(x, bytes), loadRagged(p, bytes)));
  return sumLanes(f32x4.add(a, e));
}

/** `sum` and the product of `x` with the four values at `row`. */
// @ts-ignore: decorator
@inline
export function addProduct(sum: v128, x: v128, row: usize): v128 {
  return madd(x, v128.load(row), sum);
}

/** The last one, two or three values of a row of `bytes` bytes, which lie at `at`, and zeros. */
// @ts-ignore: decorator
@inline
export function loadRagged(at: usize, bytes: usize): v128 {
  if (!(bytes & 8)) return v128.load32_zero(at);
  const two = v128.load64_zero(at);
  return bytes & 4 ? v128.load32_lane(at + 8, two, 2) : two;
}

/** The sums over the lanes of each of four vectors, each as `sumLanes` gives it. */
// @ts-ignore: decorator
@inline
export function sumsOf(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = f32x4.add(i32x4.shuffle(a, b, 0, 4, 1, 5), i32x4.shuffle(a, b, 2, 6, 3, 7));
  const cd = f32x4.add(i32x4.shuffle(c, d, 0, 4, 1, 5), i32x4.shuffle(c, d, 2, 6, 3, 7));
  return f32x4.add(i32x4.shuffle(ab, cd, 0, 1, 4, 5), i32x4.shuffle(ab, cd, 2, 3, 6, 7));
}
