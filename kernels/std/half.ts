// Half: f16 to f32 and back, in fixed-width SIMD. Widening is exact; narrowing rounds once, to nearest,
// ties to even.
//
// Widening. An f16's exponent and fraction, moved up by 13 bits, are the bits of an f32 that is 2^112
// times too small: so one multiplication is all, for subnormals as well. Infinity and NaN first get the
// largest exponent, which the multiplication keeps; it makes a NaN quiet. Sixteen bits at a time: the
// upper halves of eight f32 are built in one vector, the lower ones in another, then they are zipped.
//
// Narrowing adds half of the last kept bit, less one, plus that bit, and drops 13: a carry runs into the
// exponent, as far as infinity, as it should. Below 2^-14 the sum with 1/2 has a last bit of 2^-24, the
// unit of subnormals, so the addition itself rounds. Of both results the larger one is right: what is
// too small for one saturates at 0, and the other stops at 2^-14. A NaN keeps its upper payload and is
// made quiet; since NaNs are rare, eight values ask once for them.
//
// Constants are loaded: see std/turn.ts.

/** Pairs of 16-bit lanes: sign and moved exponent; all but the sign; the largest f16; infinity as f32. */
const HALVES = memory.data<u32>([0x8fff8fff, 0x7fff7fff, 0x7bff7bff, 0x7f807f80]);
const UP = memory.data<u32>([0x77800000]); // 2^112 as f32.

const NOT_SIGN = memory.data<u32>([0x7fffffff]);
const LEAST = memory.data<u32>([0x38800000]); // 2^-14 as f32: the least normal f16.
const ONE_HALF = memory.data<u32>([0x3f000000]);
const INFINITE = memory.data<u32>([0x7f800000]);
const SIGNS = memory.data<u32>([0x80008000, 0x7c007c00]); // Of f16, in pairs; and their infinity.

/** For narrowing: 1; half of the last kept bit, less one, less a bias of 112 exponents. */
const ROUNDING = memory.data<u32>([1, 0x0fff - 0x38000000]);

/** Of a NaN as f16: the payload, and what else it has. */
const NAN_BITS = memory.data<u32>([0x03ff, 0x7e00]);

/** The upper halves of eight f16 as f32, but for a factor of 2^-112. */
// @ts-ignore: decorator
@inline
export function upperBits(halves: v128): v128 {
  const moved = v128.and(i16x8.shr_s(halves, 3), v128.load32_splat(HALVES));
  const rest = v128.and(halves, v128.load32_splat(HALVES, 4));
  const beyond = i16x8.gt_s(rest, v128.load32_splat(HALVES, 8));
  return v128.or(moved, v128.and(beyond, v128.load32_splat(HALVES, 12)));
}

/** The lower halves of the same. */
// @ts-ignore: decorator
@inline
export function lowerBits(halves: v128): v128 {
  return i16x8.shl(halves, 13);
}

/** The first four of eight f32, still 2^112 times too small. */
// @ts-ignore: decorator
@inline
export function firstBits(lower: v128, upper: v128): v128 {
  return i16x8.shuffle(lower, upper, 0, 8, 1, 9, 2, 10, 3, 11);
}

/** The last four of eight f32, still 2^112 times too small. */
// @ts-ignore: decorator
@inline
export function lastBits(lower: v128, upper: v128): v128 {
  return i16x8.shuffle(lower, upper, 4, 12, 5, 13, 6, 14, 7, 15);
}

/** The first four of eight f32, from their halves. */
// @ts-ignore: decorator
@inline
export function firstFour(lower: v128, upper: v128): v128 {
  return up(firstBits(lower, upper));
}

/** The last four of eight f32, from their halves. */
// @ts-ignore: decorator
@inline
export function lastFour(lower: v128, upper: v128): v128 {
  return up(lastBits(lower, upper));
}

/** Four f32 times 2^112, which no f16 is too large for. */
// @ts-ignore: decorator
@inline
export function up(values: v128): v128 {
  return f32x4.mul(values, v128.load32_splat(UP));
}

/** The f16 in the low half of `halves`, as f32. */
// @ts-ignore: decorator
@inline
export function widen(halves: v128): v128 {
  return firstFour(lowerBits(halves), upperBits(halves));
}

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

/** The last halves of a row, fewer than 8 and `bytes` bytes at `at`, and zeros. */
export function loadHalfTail(at: usize, bytes: usize): v128 {
  let tail = i32x4.splat(0);
  if (bytes & 2) tail = v128.load16_lane(at + (bytes & 12), tail, 0);
  if (bytes & 4) {
    tail = v128.load32_lane(at + (bytes & 8), i32x4.shuffle(tail, tail, 3, 0, 1, 2), 0);
  }
  if (bytes & 8) tail = v128.load64_lane(at, i64x2.shuffle(tail, tail, 1, 0), 0);
  return tail;
}

/** Narrows four f32 and stores them at `at`, as 8 bytes. */
// @ts-ignore: decorator
@inline
export function storeHalf4(at: usize, values: v128): void {
  v128.store64_lane(at, narrowEight(values, values), 0);
}

/** Narrows eight f32 and stores them at `at`, as 16 bytes. */
// @ts-ignore: decorator
@inline
export function storeHalf8(at: usize, low: v128, high: v128): void {
  v128.store(at, narrowEight(low, high));
}

/** Narrows the first lane and stores it at `at`. */
// @ts-ignore: decorator
@inline
export function storeHalf1(at: usize, values: v128): void {
  v128.store16_lane(at, narrowEight(values, values), 0);
}

/** Four f32, each rounded to the nearest f16. */
// @ts-ignore: decorator
@inline
export function roundToHalf(values: v128): v128 {
  return widen(narrowEight(values, values));
}

/** The eight f16 nearest to two times four f32. */
// @ts-ignore: decorator
@inline
export function narrowEight(low: v128, high: v128): v128 {
  const lowRest = v128.and(low, v128.load32_splat(NOT_SIGN));
  const highRest = v128.and(high, v128.load32_splat(NOT_SIGN));
  const infinite = v128.load32_splat(INFINITE);
  if (v128.any_true(i32x4.gt_s(i32x4.max_s(lowRest, highRest), infinite))) {
    return narrowWithNaN(low, high);
  }
  return narrowNumbers(low, high, lowRest, highRest);
}

// @ts-ignore: decorator
@inline
function narrowNumbers(low: v128, high: v128, lowRest: v128, highRest: v128): v128 {
  const normal = i16x8.narrow_i32x4_u(rounded(lowRest), rounded(highRest));
  const subnormal = i16x8.narrow_i32x4_u(roundedSmall(lowRest), roundedSmall(highRest));
  const larger = i16x8.max_u(normal, subnormal);
  const finite = i16x8.min_u(larger, v128.load32_splat(SIGNS, 4)); // From 65520 on, infinity.
  const upper = i16x8.narrow_i32x4_s(i32x4.shr_s(low, 16), i32x4.shr_s(high, 16));
  return v128.or(finite, v128.and(upper, v128.load32_splat(SIGNS)));
}

/** Of magnitudes from 2^-14 on: the bits of f16. Of those below, too little or less than nothing. */
// @ts-ignore: decorator
@inline
function rounded(rest: v128): v128 {
  const last = v128.and(i32x4.shr_u(rest, 13), v128.load32_splat(ROUNDING));
  const sum = i32x4.add(i32x4.add(rest, last), v128.load32_splat(ROUNDING, 4));
  return i32x4.shr_s(sum, 13);
}

/** Of magnitudes up to 2^-14: the bits of f16. Of those beyond, the same as there. */
// @ts-ignore: decorator
@inline
function roundedSmall(rest: v128): v128 {
  const half = v128.load32_splat(ONE_HALF);
  const small = i32x4.min_s(rest, v128.load32_splat(LEAST));
  return i32x4.sub(f32x4.add(small, half), half);
}

function narrowWithNaN(low: v128, high: v128): v128 {
  const lowRest = v128.and(low, v128.load32_splat(NOT_SIGN));
  const highRest = v128.and(high, v128.load32_splat(NOT_SIGN));
  const numbers = narrowNumbers(low, high, lowRest, highRest);
  return v128.or(numbers, i16x8.narrow_i32x4_u(quietBits(lowRest), quietBits(highRest)));
}

/** What a NaN has as f16 beside its sign; 0 for a number. */
// @ts-ignore: decorator
@inline
function quietBits(rest: v128): v128 {
  const payload = v128.and(i32x4.shr_u(rest, 13), v128.load32_splat(NAN_BITS));
  const bits = v128.or(payload, v128.load32_splat(NAN_BITS, 4));
  return v128.and(bits, i32x4.gt_s(rest, v128.load32_splat(INFINITE)));
}
