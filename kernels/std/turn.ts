// Turn: cosine and sine of four f32 angles at once, each within 1.2e-7.
//
// An angle is first reduced, in f64, to the nearest multiple k of a quarter turn: r = angle - k * π/2.
// π/2 is split in two: the first part has 29 bits, so k times it is exact while k < 2^24, and nothing
// cancels that was not known. On |r| <= π/4 the Taylor polynomials of degree 9 and 10 err by less than
// 2e-9, so rounding r and the terms to f32 is all the error there is. k mod 4 says which of the two
// polynomials is the sine, and the signs.
//
// Beyond 2^24 neighbouring f32 lie two radians apart: no angle is meant, and the answer is NaN, as it
// is for infinity and NaN.
//
// Constants are loaded, since engines build each v128 constant from scratch in every turn of a loop:
// measured, that doubles the time.

import { madd } from "./lanes";

/** The largest angle, in radians and of either sign, that has a cosine and a sine. */
// @ts-ignore: decorator
@inline
const ANGLE_MAX: f32 = 16777216;

/** 2/π; a number that rounds by being added; the first 29 bits of π/2; the rest of π/2. */
const QUARTER = memory.data<f64>([
  0.6366197723675814,
  6755399441055744, // 1.5 * 2^52: what is added to it keeps its integer part in the low bits.
  1.570796325802803,
  9.920935796805404e-10,
]);

/** r - r³/3! + r⁵/5! - r⁷/7! + r⁹/9! without its first term, over r³. */
const SINE = memory.data<f32>([-1.0 / 6, 1.0 / 120, -1.0 / 5040, 1.0 / 362880]);

/** 1 - r²/2! + r⁴/4! - r⁶/6! + r⁸/8! - r¹⁰/10!, in powers of r². */
const COSINE = memory.data<f32>([
  1,
  -1.0 / 2,
  1.0 / 24,
  -1.0 / 720,
  1.0 / 40320,
  -1.0 / 3628800,
]);

/**
 * Writes the cosines of `angles` to `cos` and their sines to `sin`, all four or just the first. `flip`
 * is the sign bit in every lane to negate the sines, or zero.
 */
// @ts-ignore: decorator
@inline
export function turns(angles: v128, flip: v128, cos: usize, sin: usize, four: bool): void {
  const low = f64x2.promote_low_f32x4(angles);
  const high = f64x2.promote_low_f32x4(i32x4.shuffle(angles, angles, 2, 3, 2, 3));
  const lowQuarters = roundedQuarters(low);
  const highQuarters = roundedQuarters(high);
  const k = i32x4.shuffle(lowQuarters, highQuarters, 0, 2, 4, 6);
  const r = pack(rest(low, lowQuarters), rest(high, highQuarters));
  const z = f32x4.mul(r, r);
  const s = sine(r, z);
  const c = cosine(z);

  const odd = i32x4.shr_s(i32x4.shl(k, 31), 31);
  const none = f32x4.gt(f32x4.abs(angles), f32x4.splat(ANGLE_MAX)); // All ones: NaN.
  const cosSign = secondHalf(i32x4.add(k, i32x4.splat(1)));
  const sinSign = v128.xor(secondHalf(k), flip);
  const cosines = v128.or(v128.xor(v128.bitselect(s, c, odd), cosSign), none);
  const sines = v128.or(v128.xor(v128.bitselect(c, s, odd), sinSign), none);
  if (four) {
    v128.store(cos, cosines);
    v128.store(sin, sines);
  } else {
    v128.store32_lane(cos, cosines, 0);
    v128.store32_lane(sin, sines, 0);
  }
}

/** The nearest whole number of quarter turns, in the low bits of a large f64. */
// @ts-ignore: decorator
@inline
function roundedQuarters(angle: v128): v128 {
  return f64x2.add(
    f64x2.mul(angle, v128.load64_splat(QUARTER)),
    v128.load64_splat(QUARTER, 8),
  );
}

/** What is left of an angle after its quarter turns. */
// @ts-ignore: decorator
@inline
function rest(angle: v128, rounded: v128): v128 {
  const k = f64x2.sub(rounded, v128.load64_splat(QUARTER, 8));
  const near = f64x2.sub(angle, f64x2.mul(k, v128.load64_splat(QUARTER, 16)));
  return f64x2.sub(near, f64x2.mul(k, v128.load64_splat(QUARTER, 24)));
}

/** Four f64 in two vectors, as f32 in one. */
// @ts-ignore: decorator
@inline
function pack(low: v128, high: v128): v128 {
  const first = f32x4.demote_f64x2_zero(low);
  const second = f32x4.demote_f64x2_zero(high);
  return i32x4.shuffle(first, second, 0, 1, 4, 5);
}

// @ts-ignore: decorator
@inline
function sine(r: v128, z: v128): v128 {
  let sum = v128.load32_splat(SINE, 12);
  sum = madd(z, sum, v128.load32_splat(SINE, 8));
  sum = madd(z, sum, v128.load32_splat(SINE, 4));
  sum = madd(z, sum, v128.load32_splat(SINE));
  return madd(f32x4.mul(r, z), sum, r);
}

// @ts-ignore: decorator
@inline
function cosine(z: v128): v128 {
  let sum = v128.load32_splat(COSINE, 20);
  sum = madd(z, sum, v128.load32_splat(COSINE, 16));
  sum = madd(z, sum, v128.load32_splat(COSINE, 12));
  sum = madd(z, sum, v128.load32_splat(COSINE, 8));
  sum = madd(z, sum, v128.load32_splat(COSINE, 4));
  return madd(z, sum, v128.load32_splat(COSINE));
}

/** The sign bit in lanes whose k mod 4 is 2 or 3. */
// @ts-ignore: decorator
@inline
function secondHalf(k: v128): v128 {
  return v128.and(i32x4.shl(k, 30), i32x4.splat(0x80000000));
}
