// KIVI: packs 32 values as codes of 4 or 2 bits: of steps from the least of them. Values of a cache are
// grouped within a token, keys along 32 tokens of one channel, since some channels of keys are far larger
// than others and would spoil their neighbours.
//
//   block: | step f16 | least f16 | 32 codes, the first lowest |
//
// A value is about code * step + least.
//
// step = (greatest - least) / 15, or 3 for 2 bits. Codes come from the step and the least as f16 has them,
// which is what unpacking will use: (x - least) / step to the nearest, ties to even, from 0 to 15 or 3; 0
// where the step is 0.
//
// `T` is f32, or u16 for f16, of which 32 values are widened in `wide` on their way.
// Keys are brought together there, 16 channels at a time: rows may lie so that their parts share a place
// in the nearest cache.
// `bits` is a constant, for which the compiler makes loops of their own.

import { INVALID_INPUT, OK } from "../../generated/abi.as";
import {
  f16Bits,
  f16Value,
  firstOf,
  fitsF16,
  greatestIn,
  largestIn,
  leastIn,
} from "./block";
import { firstFour, lastFour, lowerBits, narrowEight, upperBits } from "./half";
import { copySixteen, widenSixteen } from "./half-rows";
import { wideBlock } from "./q4";
import { packKiviPlainly } from "./scalar/blocks";

/** Bytes of a packed block with 2 bits for each code. With 4 it has 20. */
// @ts-ignore: decorator
@inline
export const KIVI_2: u32 = 12;

/** Bytes of `wide`: 32 rows of 16 f32. */
// @ts-ignore: decorator
@inline
export const KIVI_WIDE: u32 = 2048;

const MAGIC = memory.data<f32>([8388608]); // 2^23: what is added to it lies in the low bits.
const MOST = memory.data<f32>([15, 3]); // The largest code, of 4 bits and of 2.
const POWERS = memory.data<f32>([16, 4]); // What a code is moved up by to make room for one.

/** Bytes of a packed block. */
// @ts-ignore: decorator
@inline
export function kiviBytes(bits: u32): usize {
  return 4 + 4 * bits;
}

/** Packs blocks of 32 neighbouring values, from `x` to `end`, which are not the same. */
// @ts-ignore: decorator
@inline
export function packValues<T>(x: usize, end: usize, packed: usize, wide: usize, bits: u32): i32 {
  do {
    const block = wideBlock<T>(x, wide);
    if (!packBlock(block, packed, bits)) return INVALID_INPUT;
    x += 32 * sizeof<T>();
    packed += kiviBytes(bits);
  } while (x != end);
  return OK;
}

/** False where a block cannot hold the values. */
// @ts-ignore: decorator
@inline
function packBlock(x: usize, packed: usize, bits: u32): bool {
  if (!ASC_FEATURE_SIMD) return packKiviPlainly(packed, x, sizeof<f32>(), bits);
  if (!(largestIn(x) < Infinity)) return false;
  let least = leastIn(x);
  const step: f32 = abs(greatestIn(x) - least) / (bits == 4 ? 15 : 3);
  if (least == 0) least = firstOf(x, 0); // Which of the zeros, f16 can tell.
  if (!fitsF16(step) || !fitsF16(least)) return false;
  const stepBits = f16Bits(step);
  const leastBits = f16Bits(least);
  store<u32>(packed, stepBits | (leastBits << 16));
  const steps = f32x4.splat(stepBits == 0 ? Infinity : f16Value(stepBits));
  const from = f32x4.splat(f16Value(leastBits));
  const a = fourPairs(x, from, steps, bits);
  const b = fourPairs(x + 32, from, steps, bits);
  const c = fourPairs(x + 64, from, steps, bits);
  const d = fourPairs(x + 96, from, steps, bits);
  if (bits == 4) {
    const low = i16x8.narrow_i32x4_s(whole(a), whole(b));
    const high = i16x8.narrow_i32x4_s(whole(c), whole(d));
    v128.store(packed, i8x16.narrow_i16x8_u(low, high), 4);
  } else {
    const both = i16x8.narrow_i32x4_s(
      whole(pairsOf(a, b, f32x4.splat(16))),
      whole(pairsOf(c, d, f32x4.splat(16))),
    );
    v128.store64_lane(packed, i8x16.narrow_i16x8_u(both, both), 0, 4);
  }
  return true;
}

/** Eight neighbouring values as four f32, each of two codes. */
// @ts-ignore: decorator
@inline
function fourPairs(x: usize, from: v128, steps: v128, bits: u32): v128 {
  const a = codes(v128.load(x), from, steps, bits);
  const b = codes(v128.load(x, 16), from, steps, bits);
  return pairsOf(a, b, v128.load32_splat(POWERS + (bits == 4 ? 0 : 4)));
}

/** The first of each two neighbours, and above it the second. */
// @ts-ignore: decorator
@inline
function pairsOf(a: v128, b: v128, power: v128): v128 {
  const even = i32x4.shuffle(a, b, 0, 2, 4, 6);
  const odd = i32x4.shuffle(a, b, 1, 3, 5, 7);
  return f32x4.add(even, f32x4.mul(odd, power));
}

/** Codes as f32. A step of 0 stands as infinity here, which makes every code 0. */
// @ts-ignore: decorator
@inline
function codes(x: v128, from: v128, steps: v128, bits: u32): v128 {
  const quotient = f32x4.div(f32x4.sub(x, from), steps);
  const rounded = f32x4.pmax(f32x4.nearest(quotient), f32x4.splat(0));
  return f32x4.pmin(rounded, v128.load32_splat(MOST + (bits == 4 ? 0 : 4)));
}

/** Whole f32 from 0 to 65535 as i32. */
// @ts-ignore: decorator
@inline
function whole(values: v128): v128 {
  const magic = v128.load32_splat(MAGIC);
  return i32x4.sub(f32x4.add(values, magic), magic);
}

/**
 * Packs groups of 32 rows of `rowBytes` bytes each, from `x` to `end`, which are not the same. A group's
 * blocks follow each other, one for each channel.
 */
// @ts-ignore: decorator
@inline
export function packKeys<T>(
  x: usize,
  end: usize,
  packed: usize,
  wide: usize,
  rowBytes: usize,
  bits: u32,
): i32 {
  do {
    const next = x + rowBytes;
    do {
      gatherRows<T>(x, rowBytes, wide);
      for (let at: usize = 0; at != 64; at += 16) {
        if (!packFourChannels(wide + at, 64, packed, bits)) return INVALID_INPUT;
        packed += 4 * kiviBytes(bits);
      }
      x += 16 * sizeof<T>();
    } while (x != next);
    x += 31 * rowBytes;
  } while (x != end);
  return OK;
}

/** Brings 32 rows of 16 values together as f32. */
function gatherRows<T>(x: usize, rowBytes: usize, wide: usize): void {
  const end = wide + KIVI_WIDE;
  do {
    if (sizeof<T>() == 2) widenSixteen(wide, x);
    else copySixteen(wide, x);
    x += rowBytes;
    wide += 64;
  } while (wide != end);
}

/** Packs 32 rows of the four channels at `x`. False when a block cannot hold them. */
function packFourChannels(x: usize, rowBytes: usize, packed: usize, bits: u32): bool {
  const block = kiviBytes(bits);
  if (!ASC_FEATURE_SIMD) {
    for (let channel: usize = 0; channel < 4; channel++) {
      const at = packed + channel * block;
      if (!packKiviPlainly(at, x + channel * 4, rowBytes, bits)) return false;
    }
    return true;
  }
  const end = x + 32 * rowBytes;
  let least = v128.load(x);
  let greatest = least;
  let largest = f32x4.abs(least);
  for (let row = x; row != end; row += 4 * rowBytes) {
    const a = v128.load(row);
    const b = v128.load(row + rowBytes);
    const c = v128.load(row + 2 * rowBytes);
    const d = v128.load(row + 3 * rowBytes);
    least = f32x4.pmin(f32x4.pmin(f32x4.pmin(f32x4.pmin(least, a), b), c), d);
    greatest = f32x4.pmax(f32x4.pmax(f32x4.pmax(f32x4.pmax(greatest, a), b), c), d);
    const ab = i32x4.max_s(f32x4.abs(a), f32x4.abs(b));
    largest = i32x4.max_s(largest, i32x4.max_s(ab, i32x4.max_s(f32x4.abs(c), f32x4.abs(d))));
  }
  const spread = f32x4.abs(f32x4.sub(greatest, least));
  const step = f32x4.div(spread, v128.load32_splat(MOST + (bits == 4 ? 0 : 4)));
  const limit = f32x4.splat(65520);
  const fits = v128.and(f32x4.lt(step, limit), f32x4.lt(f32x4.abs(least), limit));
  const numbers = f32x4.lt(largest, f32x4.splat(Infinity));
  if (!i32x4.all_true(v128.and(fits, numbers))) return false;

  const halves = narrowEight(step, least);
  const lower = lowerBits(halves);
  const upper = upperBits(halves);
  const rounded = firstFour(lower, upper);
  const isNone = f32x4.eq(rounded, f32x4.splat(0));
  const steps = v128.bitselect(f32x4.splat(Infinity), rounded, isNone);
  const from = lastFour(lower, upper);
  const head = i16x8.shuffle(halves, halves, 0, 4, 1, 5, 2, 6, 3, 7);
  storeFour(packed, block, head);
  const endOfBlock = packed + block;
  for (packed += 4; packed != endOfBlock; packed += 4) {
    const low = fourRows(x, rowBytes, from, steps, bits);
    const high = fourRows(x + 4 * rowBytes, rowBytes, from, steps, bits);
    let word = v128.or(low, i32x4.shl(high, 4 * bits));
    x += 8 * rowBytes;
    if (bits == 2) {
      const third = fourRows(x, rowBytes, from, steps, bits);
      const fourth = fourRows(x + 4 * rowBytes, rowBytes, from, steps, bits);
      word = v128.or(word, i32x4.shl(v128.or(third, i32x4.shl(fourth, 8)), 16));
      x += 8 * rowBytes;
    }
    storeFour(packed, block, word);
  }
  return true;
}

/** Stores a word for each of four blocks, `block` bytes apart. */
// @ts-ignore: decorator
@inline
function storeFour(at: usize, block: usize, words: v128): void {
  v128.store32_lane(at, words, 0);
  v128.store32_lane(at + block, words, 1);
  v128.store32_lane(at + 2 * block, words, 2);
  v128.store32_lane(at + 3 * block, words, 3);
}

/** The codes of four rows of four channels, 16 or 8 bits for each channel. */
// @ts-ignore: decorator
@inline
function fourRows(x: usize, rowBytes: usize, from: v128, steps: v128, bits: u32): v128 {
  const power = v128.load32_splat(POWERS + (bits == 4 ? 0 : 4));
  const a = codes(v128.load(x), from, steps, bits);
  const b = codes(v128.load(x + rowBytes), from, steps, bits);
  const c = codes(v128.load(x + 2 * rowBytes), from, steps, bits);
  const d = codes(v128.load(x + 3 * rowBytes), from, steps, bits);
  const ab = f32x4.add(a, f32x4.mul(b, power));
  const cd = f32x4.add(c, f32x4.mul(d, power));
  return whole(f32x4.add(ab, f32x4.mul(cd, f32x4.mul(power, power))));
}
