// Exp: e^-x of four f32 at once, relative error below 2.5e-7.
//
// -x = k * ln(2) + r with k whole and |r| <= ln(2)/2, so e^-x = 2^k * e^r. k * ln(2) is taken in two
// parts, the first with 16 bits, so that nothing is lost when it cancels x. e^r is the polynomial of
// degree 5 with the smallest relative error on that interval, 7.5e-8; its coefficients are written for
// -r, which spares a sign. Multiplying by 2^k is an addition to the exponent's bits.

import { madd } from "./lanes";

/** -1/ln(2); a number that rounds by being added; ln(2), first 16 bits; the rest of ln(2). */
const SPLIT = memory.data<f32>([
  -1.4426950408889634,
  12582912, // 1.5 * 2^23: what is added to it keeps its integer part in the low bits.
  0.693145751953125,
  1.4286068202862268e-6,
]);

/** e^r in powers of -r. */
const SERIES = memory.data<f32>([
  1.000000072,
  -0.999999692,
  0.4999889485,
  -0.1666757473,
  0.04191538198,
  -0.008297655198,
]);

/**
 * e^-x for x from -88 to 87. Beyond, the exponent's bits are right but for a carry out of their field:
 * adding n << 23 to a lane gives e^-x * 2^n if that is a normal number.
 */
// @ts-ignore: decorator
@inline
export function expNegative(x: v128): v128 {
  const rounded = madd(x, v128.load32_splat(SPLIT), v128.load32_splat(SPLIT, 4));
  const k = f32x4.sub(rounded, v128.load32_splat(SPLIT, 4));
  const near = madd(k, v128.load32_splat(SPLIT, 8), x);
  const r = madd(k, v128.load32_splat(SPLIT, 12), near);
  return i32x4.add(series(r), i32x4.shl(rounded, 23));
}

/** -1/ln(2); ln(2); the largest exponent that is told from larger ones. */
const WIDE = memory.data<f64>([-1.4426950408889634, 0.6931471805599453, 120]);

/** e^-x * 2^96 of four f64, two and two, that are not negative. Beyond 120 it is that of 120. */
// @ts-ignore: decorator
@inline
export function expWide(low: v128, high: v128): v128 {
  const lowest = f64x2.pmin(low, v128.load64_splat(WIDE, 16)); // pmin keeps a NaN that comes first.
  const highest = f64x2.pmin(high, v128.load64_splat(WIDE, 16));
  const lowPower = f64x2.nearest(f64x2.mul(lowest, v128.load64_splat(WIDE)));
  const highPower = f64x2.nearest(f64x2.mul(highest, v128.load64_splat(WIDE)));
  const lowRest = f32x4.demote_f64x2_zero(restOf(lowest, lowPower));
  const highRest = f32x4.demote_f64x2_zero(restOf(highest, highPower));
  const lowWhole = i32x4.trunc_sat_f64x2_s_zero(lowPower);
  const highWhole = i32x4.trunc_sat_f64x2_s_zero(highPower);
  const power = i32x4.add(i64x2.shuffle(lowWhole, highWhole, 0, 2), i32x4.splat(96));
  return i32x4.add(series(i64x2.shuffle(lowRest, highRest, 0, 2)), i32x4.shl(power, 23));
}

// @ts-ignore: decorator
@inline
function restOf(x: v128, power: v128): v128 {
  return f64x2.add(x, f64x2.mul(power, v128.load64_splat(WIDE, 8)));
}

/** e^-r of four r between -ln(2)/2 and ln(2)/2. */
// @ts-ignore: decorator
@inline
function series(r: v128): v128 {
  let sum = v128.load32_splat(SERIES, 20);
  sum = madd(r, sum, v128.load32_splat(SERIES, 16));
  sum = madd(r, sum, v128.load32_splat(SERIES, 12));
  sum = madd(r, sum, v128.load32_splat(SERIES, 8));
  sum = madd(r, sum, v128.load32_splat(SERIES, 4));
  return madd(r, sum, v128.load32_splat(SERIES));
}
