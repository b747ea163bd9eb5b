// Activation: silu and both forms of gelu, four f32 at once, relative error below 2e-6.
//
// silu(z) = z / (1 + e^-z). e^-z is 2^k * e^r with k whole and |r| <= ln(2)/2, see std/exp.ts. Below -86
// the quotient's e^-z would leave f32's range, so there silu(z) = z * e^z is used.
//
// gelu in its tanh form is z / (1 + e^-v) with v = 2 sqrt(2/π) (z + 0.044715 z³), and in its exact form
// z * erfc(-z / sqrt(2)) / 2. An error of v, or of z² / 2, is one of the result times its size, so both
// are taken in f64, and e^-|v| from them. For z < 0 the first is z * e^-|v| / (1 + e^-|v|). The second
// needs erfc(x) = e^(-x²) * erfcx(x), where erfcx(x) is a polynomial of degree 9 in 1 / (1 + x / 2) with
// the smallest relative error up to x = 10.5, 4.4e-8.
//
// The whole line is handled, for all three: +infinity gives +infinity, -infinity gives -0, -0 stays -0,
// NaN stays NaN. Results below 2^-126 are made 2^96 times too large, then rounded once.
//
// Constants are loaded: see std/turn.ts.

import { expNegative, expWide } from "./exp";
import { madd, nmadd } from "./lanes";

/** Below it silu(z) is z * e^z to the last bit, and 1 + e^-z is about to overflow. */
const DEEP = memory.data<f32>([-86]);
const HIGH = memory.data<f32>([86]);
const ONE = memory.data<f32>([1]);
const HALF = memory.data<f32>([0.5]);
const SMALL = memory.data<f32>([1.262177448353619e-29]); // 2^-96.
const NOTHING = memory.data<f32>([-16]); // From here on every gelu is -0.

/** 2 sqrt(2/π) and 0.044715; 1/2, and the largest exponent that matters. */
const TANH = memory.data<f64>([1.5957691216057308, 0.044715]);
const SQUARE = memory.data<f64>([0.5]);

/** v and its slope in powers of z², but for a z: 2 sqrt(2/π), times 0.044715; 1 / sqrt(2π); times 3. */
const SLOPES = memory.data<f32>([
  1.5957691216057308,
  0.07135481627260025,
  0.3989422804014327,
  0.21406444881780075,
]);

/** 1 / sqrt(8), which makes x / sqrt(2) / 2 of x; then erfcx in powers of t, from t on. */
const ERFC = memory.data<f32>([
  0.3535533905932738,
  0.282085575,
  0.2823900626,
  0.2429966579,
  0.2031097115,
  -0.02762285417,
  0.279511658,
  -0.4884599973,
  0.2851823793,
  -0.05919323623,
]);

/** Whether one of four gates is below -86: those need `siluAny`. */
// @ts-ignore: decorator
@inline
export function isDeep(least: v128): bool {
  return v128.any_true(f32x4.lt(least, v128.load32_splat(DEEP)));
}

/** silu of four values, of which none is below -86. Above 86, e^-z no longer changes the sum. */
// @ts-ignore: decorator
@inline
export function silu(z: v128): v128 {
  const e = expNegative(f32x4.pmin(z, v128.load32_splat(HIGH))); // pmin keeps a NaN that comes first.
  return f32x4.div(z, f32x4.add(v128.load32_splat(ONE), e));
}

/** silu of any four values, as far as f16 can tell: from -86 on it is far below the least of them. */
// @ts-ignore: decorator
@inline
export function siluHalf(z: v128): v128 {
  return silu(f32x4.pmax(z, v128.load32_splat(DEEP)));
}

/** silu of any four values. */
// @ts-ignore: decorator
@inline
export function siluAny(z: v128): v128 {
  const deep = f32x4.lt(z, v128.load32_splat(DEEP));
  return v128.bitselect(siluDeep(z), silu(z), deep);
}

/** z * e^z of four values below -86, of which f32 can no longer tell silu. From -120 on it is -0. */
// @ts-ignore: decorator
@inline
function siluDeep(z: v128): v128 {
  const near = f32x4.pmax(z, f32x4.splat(-120));
  const e = i32x4.add(expNegative(f32x4.neg(near)), i32x4.splat(96 << 23)); // e^z * 2^96.
  return f32x4.mul(f32x4.mul(near, e), v128.load32_splat(SMALL));
}

/** gelu of four values, in the exact form if `exact`, else in the tanh form. */
export function gelu(z: v128, exact: bool): v128 {
  const low = f64x2.promote_low_f32x4(z);
  const high = f64x2.promote_low_f32x4(i32x4.shuffle(z, z, 2, 3, 2, 3));
  const negative = f32x4.lt(z, i32x4.splat(0));
  const near = f32x4.pmax(z, v128.load32_splat(NOTHING));
  const one = v128.load32_splat(ONE);
  if (exact) {
    const q = f32x4.mul(expWide(halfSquare(low), halfSquare(high)), halfErfcx(f32x4.abs(z)));
    const tail = f32x4.mul(f32x4.mul(near, q), v128.load32_splat(SMALL));
    const rest = f32x4.mul(z, nmadd(q, v128.load32_splat(SMALL), one));
    return v128.bitselect(tail, rest, negative);
  }
  const large = expWide(tanhArgument(low), tanhArgument(high));
  const sum = madd(large, v128.load32_splat(SMALL), one);
  const tail = f32x4.mul(f32x4.div(f32x4.mul(near, large), sum), v128.load32_splat(SMALL));
  return v128.bitselect(tail, f32x4.div(z, sum), negative);
}

/** The slope of silu at four values: s * (1 + z * (1 - s)) with s = 1 / (1 + e^-z). */
export function siluSlope(z: v128): v128 {
  const near = within(z);
  const one = v128.load32_splat(ONE);
  const s = f32x4.div(one, f32x4.add(one, expNegative(near)));
  return f32x4.mul(s, f32x4.add(one, f32x4.mul(near, f32x4.sub(one, s))));
}

/** The slope of gelu at four values. Beyond 16 it is 0 or 1 to the last bit. */
export function geluSlope(z: v128, exact: bool): v128 {
  const one = v128.load32_splat(ONE);
  const limit = v128.load32_splat(NOTHING);
  const near = f32x4.pmin(f32x4.pmax(z, limit), f32x4.neg(limit));
  const square = f32x4.mul(near, near);
  if (exact) {
    const low = f64x2.promote_low_f32x4(near);
    const high = f64x2.promote_low_f32x4(i32x4.shuffle(near, near, 2, 3, 2, 3));
    const e = f32x4.mul(expWide(halfSquare(low), halfSquare(high)), v128.load32_splat(SMALL));
    const tail = f32x4.mul(e, halfErfcx(f32x4.abs(near)));
    const area = v128.bitselect(tail, f32x4.sub(one, tail), f32x4.lt(near, i32x4.splat(0)));
    return f32x4.add(area, f32x4.mul(f32x4.mul(near, e), v128.load32_splat(SLOPES, 8)));
  }
  const v = f32x4.mul(near, f32x4.add(v128.load32_splat(SLOPES), f32x4.mul(square, v128.load32_splat(SLOPES, 4))));
  const s = f32x4.div(one, f32x4.add(one, expNegative(within(v))));
  const rise = f32x4.add(
    v128.load32_splat(SLOPES),
    f32x4.mul(square, v128.load32_splat(SLOPES, 12)),
  );
  return f32x4.mul(s, f32x4.add(one, f32x4.mul(f32x4.mul(near, f32x4.sub(one, s)), rise)));
}

/** From -86 to 86, where e^-z and its inverse are normal numbers. NaN stays NaN. */
// @ts-ignore: decorator
@inline
function within(z: v128): v128 {
  return f32x4.pmin(f32x4.pmax(z, v128.load32_splat(DEEP)), v128.load32_splat(HIGH));
}

/** |v| of the tanh form. */
// @ts-ignore: decorator
@inline
function tanhArgument(z: v128): v128 {
  const cubed = f64x2.mul(f64x2.mul(z, z), f64x2.mul(z, v128.load64_splat(TANH, 8)));
  return f64x2.abs(f64x2.mul(f64x2.add(z, cubed), v128.load64_splat(TANH)));
}

// @ts-ignore: decorator
@inline
function halfSquare(z: v128): v128 {
  return f64x2.mul(f64x2.mul(z, z), v128.load64_splat(SQUARE));
}

/** erfcx(x / sqrt(2)) / 2 of four x that are not negative. */
// @ts-ignore: decorator
@inline
function halfErfcx(x: v128): v128 {
  const one = v128.load32_splat(ONE);
  const t = f32x4.div(one, madd(x, v128.load32_splat(ERFC), one));
  let sum = v128.load32_splat(ERFC, 36);
  sum = madd(t, sum, v128.load32_splat(ERFC, 32));
  sum = madd(t, sum, v128.load32_splat(ERFC, 28));
  sum = madd(t, sum, v128.load32_splat(ERFC, 24));
  sum = madd(t, sum, v128.load32_splat(ERFC, 20));
  sum = madd(t, sum, v128.load32_splat(ERFC, 16));
  sum = madd(t, sum, v128.load32_splat(ERFC, 12));
  sum = madd(t, sum, v128.load32_splat(ERFC, 8));
  sum = madd(t, sum, v128.load32_splat(ERFC, 4));
  return f32x4.mul(f32x4.mul(t, sum), v128.load32_splat(HALF));
}
