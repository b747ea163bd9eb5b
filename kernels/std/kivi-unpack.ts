// KIVI: unpacks what kivi-pack.ts packs, whose layout and parameters are there: x = code * step + least,
// product and sum each rounded.

import { INVALID_INPUT, OK } from "../../generated/abi.as";
import { isF16Beyond } from "./block";
import { highHalves, lowHalves, moved16 } from "./codes";
import { widen } from "./half";
import { copySixteen, narrowBlock, narrowSixteen } from "./half-rows";
import { kiviBytes, KIVI_WIDE } from "./kivi-pack";
import { unpackKiviPlainly } from "./scalar/blocks";

/** Unpacks blocks of 32 neighbouring values, from `packed` to `end`. */
// @ts-ignore: decorator
@inline
export function unpackValues<T>(packed: usize, end: usize, x: usize, wide: usize, bits: u32): i32 {
  while (packed != end) {
    if (!unpackBlock(packed, sizeof<T>() == 2 ? wide : x, bits)) return INVALID_INPUT;
    if (sizeof<T>() == 2) narrowBlock(x, wide);
    packed += kiviBytes(bits);
    x += 32 * sizeof<T>();
  }
  return OK;
}

/** False when the step or the least value is no number. */
// @ts-ignore: decorator
@inline
function unpackBlock(packed: usize, x: usize, bits: u32): bool {
  if (!ASC_FEATURE_SIMD) return unpackKiviPlainly(packed, x, sizeof<f32>(), bits);
  if (isBeyond(packed)) return false;
  const head = widen(v128.load32_zero(packed));
  const step = i32x4.shuffle(head, head, 0, 0, 0, 0);
  const from = i32x4.shuffle(head, head, 1, 1, 1, 1);
  if (bits == 4) {
    const bytes = v128.load(packed, 4);
    const even = lowHalves(bytes);
    const odd = highHalves(bytes);
    moved16(firstPairs(even, odd), x, step, from);
    moved16(lastPairs(even, odd), x + 64, step, from);
  } else {
    const bytes = v128.load64_zero(packed, 4);
    const first = firstPairs(quarter(bytes), quarter(i16x8.shr_u(bytes, 2)));
    const second = firstPairs(quarter(i16x8.shr_u(bytes, 4)), quarter(i16x8.shr_u(bytes, 6)));
    moved16(i16x8.shuffle(first, second, 0, 8, 1, 9, 2, 10, 3, 11), x, step, from);
    moved16(i16x8.shuffle(first, second, 4, 12, 5, 13, 6, 14, 7, 15), x + 64, step, from);
  }
  return true;
}

/** The lowest code of 2 bits in every byte. */
// @ts-ignore: decorator
@inline
function quarter(bytes: v128): v128 {
  return v128.and(bytes, i8x16.splat(3));
}

// @ts-ignore: decorator
@inline
function firstPairs(a: v128, b: v128): v128 {
  return i8x16.shuffle(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}

// @ts-ignore: decorator
@inline
function lastPairs(a: v128, b: v128): v128 {
  return i8x16.shuffle(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}

/** Unpacks groups of 32 rows of `rowBytes` bytes each, from `packed` to `end`. */
// @ts-ignore: decorator
@inline
export function unpackKeys<T>(
  packed: usize,
  end: usize,
  x: usize,
  wide: usize,
  rowBytes: usize,
  bits: u32,
): i32 {
  while (packed != end) {
    const next = x + rowBytes;
    do {
      for (let at: usize = 0; at != 64; at += 16) {
        if (!unpackFourChannels(packed, wide + at, 64, bits)) return INVALID_INPUT;
        packed += 4 * kiviBytes(bits);
      }
      spreadRows<T>(x, rowBytes, wide);
      x += 16 * sizeof<T>();
    } while (x != next);
    x += 31 * rowBytes;
  }
  return OK;
}

/** Brings 32 rows of 16 f32 to rows `rowBytes` apart. */
function spreadRows<T>(x: usize, rowBytes: usize, wide: usize): void {
  const end = wide + KIVI_WIDE;
  do {
    if (sizeof<T>() == 2) narrowSixteen(x, wide);
    else copySixteen(x, wide);
    x += rowBytes;
    wide += 64;
  } while (wide != end);
}

/** Unpacks 32 rows of four channels. False when a step or a least value is no number. */
function unpackFourChannels(packed: usize, x: usize, rowBytes: usize, bits: u32): bool {
  const block = kiviBytes(bits);
  if (!ASC_FEATURE_SIMD) {
    for (let channel: usize = 0; channel < 4; channel++) {
      const at = packed + channel * block;
      if (!unpackKiviPlainly(at, x + channel * 4, rowBytes, bits)) return false;
    }
    return true;
  }
  if (isBeyond(packed) || isBeyond(packed + block)) return false;
  if (isBeyond(packed + 2 * block) || isBeyond(packed + 3 * block)) return false;
  const heads = fourWords(packed, block);
  const steps = widen(i16x8.shuffle(heads, heads, 0, 2, 4, 6, 0, 2, 4, 6));
  const from = widen(i16x8.shuffle(heads, heads, 1, 3, 5, 7, 1, 3, 5, 7));
  const end = packed + block;
  for (packed += 4; packed != end; packed += 4) {
    let word = fourWords(packed, block);
    eightRows(word, x, rowBytes, steps, from, bits);
    x += 8 * rowBytes;
    if (bits == 2) {
      word = i32x4.shr_u(word, 16);
      eightRows(word, x, rowBytes, steps, from, bits);
      x += 8 * rowBytes;
    }
  }
  return true;
}

/** The words at one place of four blocks, `block` bytes apart. */
// @ts-ignore: decorator
@inline
function fourWords(at: usize, block: usize): v128 {
  const one = v128.load32_zero(at);
  const two = v128.load32_lane(at + block, one, 1);
  const three = v128.load32_lane(at + 2 * block, two, 2);
  return v128.load32_lane(at + 3 * block, three, 3);
}

/** Stores eight rows of four values, whose codes follow each other from the lowest bits on. */
// @ts-ignore: decorator
@inline
function eightRows(
  word: v128,
  x: usize,
  rowBytes: usize,
  steps: v128,
  from: v128,
  bits: u32,
): void {
  row(word, x, steps, from, bits);
  row(i32x4.shr_u(word, bits), x + rowBytes, steps, from, bits);
  row(i32x4.shr_u(word, 2 * bits), x + 2 * rowBytes, steps, from, bits);
  row(i32x4.shr_u(word, 3 * bits), x + 3 * rowBytes, steps, from, bits);
  row(i32x4.shr_u(word, 4 * bits), x + 4 * rowBytes, steps, from, bits);
  row(i32x4.shr_u(word, 5 * bits), x + 5 * rowBytes, steps, from, bits);
  row(i32x4.shr_u(word, 6 * bits), x + 6 * rowBytes, steps, from, bits);
  row(i32x4.shr_u(word, 7 * bits), x + 7 * rowBytes, steps, from, bits);
}

/** Stores four values whose codes are in the lowest bits. */
// @ts-ignore: decorator
@inline
function row(word: v128, x: usize, steps: v128, from: v128, bits: u32): void {
  const codes = f32x4.convert_i32x4_s(v128.and(word, i32x4.splat((1 << bits) - 1)));
  v128.store(x, f32x4.add(f32x4.mul(codes, steps), from));
}

/** Whether the step or the least value of a block is infinity or NaN. */
// @ts-ignore: decorator
@inline
function isBeyond(packed: usize): bool {
  return isF16Beyond(<u32>load<u16>(packed)) || isF16Beyond(<u32>load<u16>(packed, 2));
}
