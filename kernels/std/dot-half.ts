// Dot, half: products of a vector of f32 with one row of f16 or four, added up as std/dot has them for
// rows of f32, so that they are bit for bit those of widened rows.
//
// The vector lies raised by 2^112, so that products with the bits of f16 as they are, 2^112 too small,
// need no multiplication more (see std/half). After it lie 32 bytes of zeros.

import { sumsOf } from "./dot";
import { firstBits, lastBits, loadHalfTail, lowerBits, upperBits } from "./half";
import { madd, sumLanes } from "./lanes";

const VECTOR: usize = 16; // Bytes of one v128: 4 values, or 8 of f16.
const TURN: usize = 64; // Bytes of x that one turn takes: 16 values.

/** The products of x with four rows of f16 that lie `stride` bytes apart, added up as in std/dot. */
export function dotFourHalf(x: usize, bytes: usize, p: usize, stride: usize): v128 {
  const wide = x + (bytes & ~(TURN - 1));
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
  while (x != wide) {
    const x0 = v128.load(x);
    const x1 = v128.load(x, 16);
    const p0 = v128.load(p);
    const p0Lower = lowerBits(p0);
    const p0Upper = upperBits(p0);
    a = addFirst(a, x0, p0Lower, p0Upper);
    e = addLast(e, x1, p0Lower, p0Upper);
    const q0 = v128.load(q);
    const q0Lower = lowerBits(q0);
    const q0Upper = upperBits(q0);
    b = addFirst(b, x0, q0Lower, q0Upper);
    f = addLast(f, x1, q0Lower, q0Upper);
    const r0 = v128.load(r);
    const r0Lower = lowerBits(r0);
    const r0Upper = upperBits(r0);
    c = addFirst(c, x0, r0Lower, r0Upper);
    g = addLast(g, x1, r0Lower, r0Upper);
    const s0 = v128.load(s);
    const s0Lower = lowerBits(s0);
    const s0Upper = upperBits(s0);
    d = addFirst(d, x0, s0Lower, s0Upper);
    h = addLast(h, x1, s0Lower, s0Upper);
    const x2 = v128.load(x, 32);
    const x3 = v128.load(x, 48);
    const p1 = v128.load(p, 16);
    const p1Lower = lowerBits(p1);
    const p1Upper = upperBits(p1);
    a = addFirst(a, x2, p1Lower, p1Upper);
    e = addLast(e, x3, p1Lower, p1Upper);
    const q1 = v128.load(q, 16);
    const q1Lower = lowerBits(q1);
    const q1Upper = upperBits(q1);
    b = addFirst(b, x2, q1Lower, q1Upper);
    f = addLast(f, x3, q1Lower, q1Upper);
    const r1 = v128.load(r, 16);
    const r1Lower = lowerBits(r1);
    const r1Upper = upperBits(r1);
    c = addFirst(c, x2, r1Lower, r1Upper);
    g = addLast(g, x3, r1Lower, r1Upper);
    const s1 = v128.load(s, 16);
    const s1Lower = lowerBits(s1);
    const s1Upper = upperBits(s1);
    d = addFirst(d, x2, s1Lower, s1Upper);
    h = addLast(h, x3, s1Lower, s1Upper);
    x += TURN;
    p += TURN / 2;
    q += TURN / 2;
    r += TURN / 2;
    s += TURN / 2;
  }
  if (bytes & 32) {
    const low = v128.load(x);
    const high = v128.load(x, 16);
    const pNext = v128.load(p);
    const pNextLower = lowerBits(pNext);
    const pNextUpper = upperBits(pNext);
    a = addFirst(a, low, pNextLower, pNextUpper);
    e = addLast(e, high, pNextLower, pNextUpper);
    const qNext = v128.load(q);
    const qNextLower = lowerBits(qNext);
    const qNextUpper = upperBits(qNext);
    b = addFirst(b, low, qNextLower, qNextUpper);
    f = addLast(f, high, qNextLower, qNextUpper);
    const rNext = v128.load(r);
    const rNextLower = lowerBits(rNext);
    const rNextUpper = upperBits(rNext);
    c = addFirst(c, low, rNextLower, rNextUpper);
    g = addLast(g, high, rNextLower, rNextUpper);
    const sNext = v128.load(s);
    const sNextLower = lowerBits(sNext);
    const sNextUpper = upperBits(sNext);
    d = addFirst(d, low, sNextLower, sNextUpper);
    h = addLast(h, high, sNextLower, sNextUpper);
    x += 32;
    p += VECTOR;
    q += VECTOR;
    r += VECTOR;
    s += VECTOR;
  }
  if (bytes & 28) {
    const left = (bytes & 28) / 2;
    const p2 = loadHalfTail(p, left);
    const q2 = loadHalfTail(q, left);
    const r2 = loadHalfTail(r, left);
    const s2 = loadHalfTail(s, left);
    if (bytes & 16) {
      const next = v128.load(x);
      a = addFirst(a, next, lowerBits(p2), upperBits(p2));
      b = addFirst(b, next, lowerBits(q2), upperBits(q2));
      c = addFirst(c, next, lowerBits(r2), upperBits(r2));
      d = addFirst(d, next, lowerBits(s2), upperBits(s2));
      const last = v128.load(x, 16);
      e = addLast(e, last, lowerBits(p2), upperBits(p2));
      f = addLast(f, last, lowerBits(q2), upperBits(q2));
      g = addLast(g, last, lowerBits(r2), upperBits(r2));
      h = addLast(h, last, lowerBits(s2), upperBits(s2));
    } else {
      const last = v128.load(x);
      e = addFirst(e, last, lowerBits(p2), upperBits(p2));
      f = addFirst(f, last, lowerBits(q2), upperBits(q2));
      g = addFirst(g, last, lowerBits(r2), upperBits(r2));
      h = addFirst(h, last, lowerBits(s2), upperBits(s2));
    }
  }
  return sumsOf(f32x4.add(a, e), f32x4.add(b, f), f32x4.add(c, g), f32x4.add(d, h));
}

/** The product of x with one row of f16, added up as among four. */
export function dotOneHalf(x: usize, bytes: usize, p: usize): f32 {
  const wide = x + (bytes & ~(TURN - 1));
  let a = f32x4.splat(0);
  let e = f32x4.splat(0);
  while (x != wide) {
    const p0 = v128.load(p);
    a = addFirst(a, v128.load(x), lowerBits(p0), upperBits(p0));
    e = addLast(e, v128.load(x, 16), lowerBits(p0), upperBits(p0));
    const p1 = v128.load(p, 16);
    a = addFirst(a, v128.load(x, 32), lowerBits(p1), upperBits(p1));
    e = addLast(e, v128.load(x, 48), lowerBits(p1), upperBits(p1));
    x += TURN;
    p += TURN / 2;
  }
  if (bytes & 32) {
    const next = v128.load(p);
    a = addFirst(a, v128.load(x), lowerBits(next), upperBits(next));
    e = addLast(e, v128.load(x, 16), lowerBits(next), upperBits(next));
    x += 32;
    p += VECTOR;
  }
  if (bytes & 28) {
    const tail = loadHalfTail(p, (bytes & 28) / 2);
    if (bytes & 16) {
      a = addFirst(a, v128.load(x), lowerBits(tail), upperBits(tail));
      e = addLast(e, v128.load(x, 16), lowerBits(tail), upperBits(tail));
    } else e = addFirst(e, v128.load(x), lowerBits(tail), upperBits(tail));
  }
  return sumLanes(f32x4.add(a, e));
}

// @ts-ignore: decorator
@inline
function addFirst(sum: v128, x: v128, lower: v128, upper: v128): v128 {
  return madd(x, firstBits(lower, upper), sum);
}

// @ts-ignore: decorator
@inline
function addLast(sum: v128, x: v128, lower: v128, upper: v128): v128 {
  return madd(x, lastBits(lower, upper), sum);
}
