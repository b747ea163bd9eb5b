// Half: four f16 at once to f32 and back, in fixed-width SIMD. Widening is exact; narrowing rounds once,
// to nearest, ties to even.
//
// An f16's exponent and fraction, moved up by 13 bits, are an f32's but for the bias: 112 more. That
// leaves subnormals, whose leading one is not where an f32 has it: with the exponent of 2^-14 they gain
// exactly 2^-14, which is subtracted. Infinity and NaN take the largest exponent.
//
// Narrowing adds half of the last kept bit, less one, plus that bit, and drops 13: a carry runs into the
// exponent, as far as infinity, as it should. Below 2^-14 the sum with 1/2 has a last bit of 2^-24, the
// unit of subnormals, so the addition itself rounds. A NaN keeps its upper payload and is made quiet.
//
// All arithmetic on subnormal bit patterns is on integers: processors are slow at the other kind.
// Constants are loaded: see std/turn.ts.

const LEAST = memory.data<i32>([0x38800000]); // 2^-14 as f32: the least normal f16.
const BIAS = memory.data<i32>([0x38000000]); // 112 exponents.
const ONE_HALF = memory.data<i32>([0x3f000000]);
const NOT_SIGN = memory.data<i32>([0x7fffffff]);
const INFINITE = memory.data<i32>([0x7f800000]);

/** Of an f16, in a lane: all but the sign, the least normal number, the largest, infinity, the sign. */
const HALVES = memory.data<i32>([0x7fff, 0x0400, 0x7bff, 0x7c00, 0x8000]);

/** Of an f32: the last bit of the exponent, and the first of the fraction, which makes a NaN quiet. */
const EXPONENT_ONE = memory.data<i32>([0x00800000]);
const QUIET = memory.data<i32>([0x00400000]);

/** For narrowing: 1; the bias less half of the last kept bit, less one; the last number below 65520. */
const ROUNDING = memory.data<i32>([1, 0x38000000 - 0x0fff, 0x477fefff]);
const PAYLOAD = memory.data<i32>([0x03ff, 0x0200]); // A NaN's, as f16, and what makes it quiet.

/** Four f16 at `at`, widened. */
// @ts-ignore: decorator
@inline
export function loadHalf4(at: usize): v128 {
  return widen(v128.load64_zero(at));
}

/** One f16 at `at`, widened, in the first lane. */
// @ts-ignore: decorator
@inline
export function loadHalf1(at: usize): v128 {
  return widen(v128.load16_lane(at, i32x4.splat(0), 0));
}

/** Narrows four f32 and stores them at `at`, as 8 bytes. */
// @ts-ignore: decorator
@inline
export function storeHalf4(at: usize, values: v128): void {
  const narrowed = narrow(values);
  v128.store64_lane(at, i16x8.narrow_i32x4_u(narrowed, narrowed), 0);
}

/** Narrows eight f32 and stores them at `at`, as 16 bytes. */
// @ts-ignore: decorator
@inline
export function storeHalf8(at: usize, low: v128, high: v128): void {
  v128.store(at, i16x8.narrow_i32x4_u(narrow(low), narrow(high)));
}

/** Narrows the first lane and stores it at `at`. */
// @ts-ignore: decorator
@inline
export function storeHalf1(at: usize, values: v128): void {
  v128.store16_lane(at, narrow(values), 0);
}

/** Four f32, each rounded to the nearest f16. */
// @ts-ignore: decorator
@inline
export function roundToHalf(values: v128): v128 {
  const narrowed = narrow(values);
  return widen(i16x8.narrow_i32x4_u(narrowed, narrowed));
}

/** The f16 in the low half of `halves`, as f32. */
// @ts-ignore: decorator
@inline
export function widen(halves: v128): v128 {
  const bits = i32x4.extend_low_i16x8_s(halves); // The sign fills the upper half.
  const rest = v128.and(bits, v128.load32_splat(HALVES));
  const normal = i32x4.add(i32x4.shl(rest, 13), v128.load32_splat(BIAS));
  const lifted = i32x4.add(normal, v128.load32_splat(EXPONENT_ONE));
  const subnormal = f32x4.sub(lifted, v128.load32_splat(LEAST));
  const finite = v128.bitselect(subnormal, normal, i32x4.lt_s(rest, v128.load32_splat(HALVES, 4)));
  const beyond = v128.and(
    i32x4.gt_s(rest, v128.load32_splat(HALVES, 8)),
    v128.load32_splat(INFINITE),
  );
  const quiet = v128.and(
    i32x4.gt_s(rest, v128.load32_splat(HALVES, 12)),
    v128.load32_splat(QUIET),
  );
  const sign = v128.andnot(bits, v128.load32_splat(NOT_SIGN));
  return v128.or(v128.or(finite, sign), v128.or(beyond, quiet));
}

/** The bits of the f16 nearest to each of four f32, in the low half of each lane. */
// @ts-ignore: decorator
@inline
export function narrow(values: v128): v128 {
  const rest = v128.and(values, v128.load32_splat(NOT_SIGN));
  const last = v128.and(i32x4.shr_u(rest, 13), v128.load32_splat(ROUNDING));
  const rebiased = i32x4.sub(rest, v128.load32_splat(ROUNDING, 4));
  const normal = i32x4.shr_u(i32x4.add(rebiased, last), 13);
  const half = v128.load32_splat(ONE_HALF);
  const subnormal = i32x4.sub(f32x4.add(rest, half), half);
  const isSmall = i32x4.lt_s(rest, v128.load32_splat(LEAST));
  const finite = v128.bitselect(subnormal, normal, isSmall);
  const payload = v128.and(i32x4.shr_u(rest, 13), v128.load32_splat(PAYLOAD));
  const quiet = v128.and(
    v128.or(payload, v128.load32_splat(PAYLOAD, 4)),
    i32x4.gt_s(rest, v128.load32_splat(INFINITE)),
  );
  const isHuge = i32x4.gt_s(rest, v128.load32_splat(ROUNDING, 8)); // From 65520 on, infinity.
  const beyond = v128.or(quiet, v128.load32_splat(HALVES, 12));
  const sign = v128.and(i32x4.shr_u(values, 16), v128.load32_splat(HALVES, 16));
  return v128.or(v128.bitselect(beyond, finite, isHuge), sign);
}
