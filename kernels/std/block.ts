// Block: 32 f32 that are stored as small integers beside an f16 scale, as GGML's formats have them.
//
// Largest magnitudes are found on bits: without their sign, f32 order as integers do, and infinity and
// NaN lie above every number. So the search itself finds what no block can hold.

export const BLOCK_VALUES: u32 = 32;
export const BLOCK_F32: usize = 128; // Bytes of a block's values as f32.
export const BLOCK_F16: usize = 64; // As f16.

/** From here on a number rounds to infinity as f16. */
// @ts-ignore: decorator
@inline
const F16_LIMIT: f32 = 65520;

/** How many blocks a tensor of [rows, blocks] has; 2^32 when it is more, which fits no memory. */
// @ts-ignore: decorator
@inline
export function blocksIn(rows: u32, blocks: u32): u64 {
  return min<u64>(<u64>rows * <u64>blocks, 1 << 32);
}

/** Whether `value` is a number that is finite as f16. */
// @ts-ignore: decorator
@inline
export function fitsF16(value: f32): bool {
  return abs(value) < F16_LIMIT;
}

/** The f16 nearest to `value`, ties to even. It must fit. */
// @ts-ignore: decorator
@inline
export function f16Bits(value: f32): u32 {
  const bits = reinterpret<u32>(value);
  const sign = (bits >>> 16) & 0x8000;
  const rest = bits & 0x7fffffff;
  if (rest >= 0x38800000)
    return sign | ((rest - 0x38000000 + 0xfff + ((rest >>> 13) & 1)) >>> 13);
  // Below 2^-14 f16 counts in units of 2^-24, and so does f32 between 1/2 and 1.
  return sign | (reinterpret<u32>(reinterpret<f32>(rest) + 0.5) - 0x3f000000);
}

/** Whether these f16 bits are infinity or NaN. */
// @ts-ignore: decorator
@inline
export function isF16Beyond(bits: u32): bool {
  return (bits & 0x7c00) == 0x7c00;
}

/** The number whose f16 bits these are. It must be one. */
// @ts-ignore: decorator
@inline
export function f16Value(bits: u32): f32 {
  const rest = bits & 0x7fff;
  const small = <f32>rest * 5.9604644775390625e-8; // 2^-24, the unit of subnormals.
  const magnitude = rest < 0x400 ? small : reinterpret<f32>((rest << 13) + 0x38000000);
  return reinterpret<f32>(reinterpret<u32>(magnitude) | ((bits & 0x8000) << 16));
}

/** 1 / scale in every lane; 0 where f32 has no such number, so that all codes become that of 0. */
// @ts-ignore: decorator
@inline
export function inverseOf(scale: f32): v128 {
  const inverse: f32 = 1 / scale;
  return f32x4.splat(abs(inverse) < Infinity ? inverse : 0);
}

/** The largest magnitude in the block at `x`: NaN where the block holds one. */
// @ts-ignore: decorator
@inline
export function largestIn(x: usize): f32 {
  const a = i32x4.max_s(magnitude(x), magnitude(x + 16));
  const b = i32x4.max_s(magnitude(x + 32), magnitude(x + 48));
  const c = i32x4.max_s(magnitude(x + 64), magnitude(x + 80));
  const d = i32x4.max_s(magnitude(x + 96), magnitude(x + 112));
  const four = i32x4.max_s(i32x4.max_s(a, b), i32x4.max_s(c, d));
  const two = i32x4.max_s(four, i32x4.shuffle(four, four, 2, 3, 0, 1));
  const one = i32x4.max_s(two, i32x4.shuffle(two, two, 1, 0, 3, 2));
  return reinterpret<f32>(i32x4.extract_lane(one, 0));
}

/** The first value of the block at `x` whose magnitude is `magnitude`; one must be there. */
// @ts-ignore: decorator
@inline
export function firstOf(x: usize, magnitude: f32): f32 {
  const sought = f32x4.splat(magnitude);
  const low = i8x16.bitmask(sixteenEqual(x, sought));
  const high = i8x16.bitmask(sixteenEqual(x + 64, sought));
  return load<f32>(x + (ctz(low | (high << 16)) << 2));
}

/** A byte of ones for each of 16 values whose magnitude is `sought`, else of zeros. */
// @ts-ignore: decorator
@inline
function sixteenEqual(x: usize, sought: v128): v128 {
  const a = f32x4.eq(magnitude(x), sought);
  const b = f32x4.eq(magnitude(x + 16), sought);
  const c = f32x4.eq(magnitude(x + 32), sought);
  const d = f32x4.eq(magnitude(x + 48), sought);
  return i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d));
}

// @ts-ignore: decorator
@inline
function magnitude(x: usize): v128 {
  return f32x4.abs(v128.load(x));
}

/** The least value of the block at `x`, which holds no NaN. Of zeros, either sign. */
// @ts-ignore: decorator
@inline
export function leastIn(x: usize): f32 {
  const a = f32x4.pmin(v128.load(x), v128.load(x, 16));
  const b = f32x4.pmin(v128.load(x, 32), v128.load(x, 48));
  const c = f32x4.pmin(v128.load(x, 64), v128.load(x, 80));
  const d = f32x4.pmin(v128.load(x, 96), v128.load(x, 112));
  const four = f32x4.pmin(f32x4.pmin(a, b), f32x4.pmin(c, d));
  const two = f32x4.pmin(four, i32x4.shuffle(four, four, 2, 3, 0, 1));
  return f32x4.extract_lane(f32x4.pmin(two, i32x4.shuffle(two, two, 1, 0, 3, 2)), 0);
}

/** The greatest value of the block at `x`, which holds no NaN. Of zeros, either sign. */
// @ts-ignore: decorator
@inline
export function greatestIn(x: usize): f32 {
  const a = f32x4.pmax(v128.load(x), v128.load(x, 16));
  const b = f32x4.pmax(v128.load(x, 32), v128.load(x, 48));
  const c = f32x4.pmax(v128.load(x, 64), v128.load(x, 80));
  const d = f32x4.pmax(v128.load(x, 96), v128.load(x, 112));
  const four = f32x4.pmax(f32x4.pmax(a, b), f32x4.pmax(c, d));
  const two = f32x4.pmax(four, i32x4.shuffle(four, four, 2, 3, 0, 1));
  return f32x4.extract_lane(f32x4.pmax(two, i32x4.shuffle(two, two, 1, 0, 3, 2)), 0);
}
