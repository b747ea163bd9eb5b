// Half rows: a row of f16 widened into scratch, and narrowed from it. `bytes` are those of the f32.

import {
  firstFour,
  lastFour,
  loadHalf1,
  loadHalf4,
  lowerBits,
  storeHalf1,
  storeHalf4,
  storeHalf8,
  upperBits,
} from "./half";
import { narrowRow, widenRow } from "./scalar/half";

const VECTOR: usize = 16; // Bytes of one v128: 4 widened values.
const WIDE: usize = 128; // Bytes that one turn of a wide loop takes: 32 widened values.

/** Widens values to `to`, as many as fill `bytes` bytes there. */
export function widenTo(to: usize, from: usize, bytes: usize): void {
  if (!ASC_FEATURE_SIMD) {
    widenRow(to, from, bytes);
    return;
  }
  const wide = to + (bytes & ~(WIDE - 1));
  const vectors = to + (bytes & ~(VECTOR - 1));
  const end = to + bytes;
  while (to != wide) {
    widenWide(to, from);
    to += WIDE;
    from += WIDE / 2;
  }
  while (to != vectors) {
    v128.store(to, loadHalf4(from));
    to += VECTOR;
    from += VECTOR / 2;
  }
  while (to != end) {
    v128.store32_lane(to, loadHalf1(from), 0);
    to += sizeof<f32>();
    from += 2;
  }
}

/** Widens a block of 32 values. */
// @ts-ignore: decorator
@inline
export function widenBlock(to: usize, from: usize): void {
  if (ASC_FEATURE_SIMD) widenWide(to, from);
  else widenRow(to, from, WIDE);
}

// @ts-ignore: decorator
@inline
function widenWide(to: usize, from: usize): void {
  widenEight(to, from);
  widenEight(to + 32, from + 16);
  widenEight(to + 64, from + 32);
  widenEight(to + 96, from + 48);
}

// @ts-ignore: decorator
@inline
function widenEight(to: usize, from: usize): void {
  const halves = v128.load(from);
  const lower = lowerBits(halves);
  const upper = upperBits(halves);
  v128.store(to, firstFour(lower, upper));
  v128.store(to, lastFour(lower, upper), 16);
}

/** Narrows the `bytes` bytes at `from` and stores them at `to`. */
export function narrowTo(to: usize, from: usize, bytes: usize): void {
  if (!ASC_FEATURE_SIMD) {
    narrowRow(to, from, bytes);
    return;
  }
  const wide = from + (bytes & ~(WIDE - 1));
  const vectors = from + (bytes & ~(VECTOR - 1));
  const end = from + bytes;
  while (from != wide) {
    narrowWide(to, from);
    to += WIDE / 2;
    from += WIDE;
  }
  while (from != vectors) {
    storeHalf4(to, v128.load(from));
    to += VECTOR / 2;
    from += VECTOR;
  }
  while (from != end) {
    storeHalf1(to, v128.load32_zero(from));
    to += 2;
    from += sizeof<f32>();
  }
}

/** Narrows a block of 32 values. */
// @ts-ignore: decorator
@inline
export function narrowBlock(to: usize, from: usize): void {
  if (ASC_FEATURE_SIMD) narrowWide(to, from);
  else narrowRow(to, from, WIDE);
}

// @ts-ignore: decorator
@inline
function narrowWide(to: usize, from: usize): void {
  storeHalf8(to, v128.load(from), v128.load(from, 16));
  storeHalf8(to + 16, v128.load(from, 32), v128.load(from, 48));
  storeHalf8(to + 32, v128.load(from, 64), v128.load(from, 80));
  storeHalf8(to + 48, v128.load(from, 96), v128.load(from, 112));
}

/** Widens 16 values. */
// @ts-ignore: decorator
@inline
export function widenSixteen(to: usize, from: usize): void {
  if (ASC_FEATURE_SIMD) {
    widenEight(to, from);
    widenEight(to + 32, from + 16);
  } else widenRow(to, from, 64);
}

/** Narrows 16 values. */
// @ts-ignore: decorator
@inline
export function narrowSixteen(to: usize, from: usize): void {
  if (ASC_FEATURE_SIMD) {
    storeHalf8(to, v128.load(from), v128.load(from, 16));
    storeHalf8(to + 16, v128.load(from, 32), v128.load(from, 48));
  } else narrowRow(to, from, 64);
}

/** Copies 16 values of f32. */
// @ts-ignore: decorator
@inline
export function copySixteen(to: usize, from: usize): void {
  if (ASC_FEATURE_SIMD) {
    v128.store(to, v128.load(from));
    v128.store(to, v128.load(from, 16), 16);
    v128.store(to, v128.load(from, 32), 32);
    v128.store(to, v128.load(from, 48), 48);
  } else for (let at: usize = 0; at != 64; at += 4) store<f32>(to + at, load<f32>(from + at));
}
