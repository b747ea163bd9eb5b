// Blocks: 32 values packed as small integers and unpacked, one at a time, for builds without SIMD. The
// formats and how they round stand in kv_pack_q8, kv_pack_q4 and std/kivi-pack.ts.
//
// Values lie `step` bytes apart: those of a block beside each other, or along the rows of a cache.

import { f16Bits, f16Value, fitsF16, isF16Beyond } from "../block";

/** The largest magnitude among 32 values; beyond every number where one is infinity or NaN. */
function largestOf(x: usize, step: usize): f32 {
  let largest: u32 = 0;
  for (let i: usize = 0; i < 32; i++) {
    largest = max<u32>(largest, load<u32>(x + i * step) & 0x7fffffff);
  }
  return reinterpret<f32>(largest);
}

/** 1 / scale; 0 where f32 has no such number. */
function inverse(scale: f32): f32 {
  const quotient: f32 = 1 / scale;
  return abs(quotient) < Infinity ? quotient : 0;
}

/** Q8_0. False where a block cannot hold the values. */
export function packQ8Plainly(block: usize, x: usize): bool {
  const d: f32 = largestOf(x, sizeof<f32>()) / 127;
  if (!fitsF16(d)) return false;
  store<u16>(block, <u16>f16Bits(d));
  const factor = inverse(d);
  for (let i: usize = 0; i < 32; i++) {
    const value = load<f32>(x + i * sizeof<f32>()) * factor;
    store<i8>(block + i, <i8>(<i32>(value + copysign<f32>(0.49999997, value))), 2);
  }
  return true;
}

/** False where the block's scale is no number. */
export function unpackQ8Plainly(x: usize, block: usize): bool {
  const scale = <u32>load<u16>(block);
  if (isF16Beyond(scale)) return false;
  const d = f16Value(scale);
  for (let i: usize = 0; i < 32; i++) {
    store<f32>(x + i * sizeof<f32>(), <f32>load<i8>(block + i, 2) * d);
  }
  return true;
}

/** Q4_0: 18 bytes. False where a block cannot hold the values. */
export function packQ40Plainly(packed: usize, x: usize): bool {
  const largest = largestOf(x, sizeof<f32>());
  if (!fitsF16(largest / 8)) return false;
  let first = x;
  while (abs(load<f32>(first)) != largest) first += sizeof<f32>();
  const d: f32 = (load<f32>(first) + 0) / -8; // Adding 0 leaves no -0.
  store<u16>(packed, <u16>f16Bits(d));
  packHalves(packed + 2, x, 0, inverse(d), 8.5);
  return true;
}

/** Q4_1: 20 bytes. False where a block cannot hold the values. */
export function packQ41Plainly(packed: usize, x: usize): bool {
  const step = sizeof<f32>();
  if (!(largestOf(x, step) < Infinity)) return false;
  const least = leastOf(x, step);
  const spread: f32 = abs(greatestOf(x, step) - least) / 15;
  if (!packHead(packed, spread, least)) return false;
  packHalves(packed + 4, x, least, inverse(spread), 0.5);
  return true;
}

/** The least of 32 numbers. Of zeros, the first: f16 can tell which it was. */
function leastOf(x: usize, step: usize): f32 {
  let least = load<f32>(x);
  for (let i: usize = 1; i < 32; i++) {
    const value = load<f32>(x + i * step);
    if (value < least) least = value;
  }
  return least;
}

function greatestOf(x: usize, step: usize): f32 {
  let greatest = load<f32>(x);
  for (let i: usize = 1; i < 32; i++) greatest = max<f32>(greatest, load<f32>(x + i * step));
  return greatest;
}

/** Writes what codes are multiplied by and moved by as f16. False where one of them does not fit. */
// @ts-ignore: decorator
@inline
function packHead(packed: usize, spread: f32, least: f32): bool {
  if (!fitsF16(spread) || !fitsF16(least)) return false;
  store<u32>(packed, f16Bits(spread) | (f16Bits(least) << 16));
  return true;
}

/** Byte j gets the code of value j, and above it that of value j + 16. */
function packHalves(codes: usize, x: usize, from: f32, factor: f32, bias: f32): void {
  for (let i: usize = 0; i < 16; i++) {
    const low = codeOf(load<f32>(x + i * sizeof<f32>()), from, factor, bias);
    const high = codeOf(load<f32>(x + i * sizeof<f32>(), 64), from, factor, bias);
    store<u8>(codes + i, <u8>(low | (high << 4)));
  }
}

// @ts-ignore: decorator
@inline
function codeOf(value: f32, from: f32, factor: f32, bias: f32): u32 {
  return <u32>min<f32>((value - from) * factor + bias, 15);
}

/** KIVI, with codes of 4 or 2 bits. False where a block cannot hold the values. */
export function packKiviPlainly(packed: usize, x: usize, step: usize, bits: u32): bool {
  if (!(largestOf(x, step) < Infinity)) return false;
  const least = leastOf(x, step);
  const most = <f32>((1 << bits) - 1);
  if (!packHead(packed, abs(greatestOf(x, step) - least) / most, least)) return false;
  const size = f16Value(<u32>load<u16>(packed));
  const from = f16Value(<u32>load<u16>(packed, 2));
  for (let i: u32 = 0; i < 4 * bits; i++) {
    let byte: u32 = 0;
    for (let shift: u32 = 0; shift != 8; shift += bits) {
      byte |= kiviCode(load<f32>(x), from, size, most) << shift;
      x += step;
    }
    store<u8>(packed + i, <u8>byte, 4);
  }
  return true;
}

// @ts-ignore: decorator
@inline
function kiviCode(value: f32, from: f32, size: f32, most: f32): u32 {
  if (size == 0) return 0;
  return <u32>min<f32>(max<f32>(nearest((value - from) / size), 0), most);
}

/** Q4_0. False where the block's scale is no number. */
export function unpackQ40Plainly(packed: usize, x: usize): bool {
  const scale = <u32>load<u16>(packed);
  if (isF16Beyond(scale)) return false;
  const d = f16Value(scale);
  for (let i: usize = 0; i < 16; i++) {
    const byte = <i32>load<u8>(packed + i, 2);
    store<f32>(x + i * sizeof<f32>(), <f32>((byte & 15) - 8) * d);
    store<f32>(x + i * sizeof<f32>(), <f32>((byte >> 4) - 8) * d, 64);
  }
  return true;
}

/** Q4_1. False where the block's scale or least value is no number. */
export function unpackQ41Plainly(packed: usize, x: usize): bool {
  if (isHeadBeyond(packed)) return false;
  const d = f16Value(<u32>load<u16>(packed));
  const from = f16Value(<u32>load<u16>(packed, 2));
  for (let i: usize = 0; i < 16; i++) {
    const byte = <i32>load<u8>(packed + i, 4);
    store<f32>(x + i * sizeof<f32>(), <f32>(byte & 15) * d + from);
    store<f32>(x + i * sizeof<f32>(), <f32>(byte >> 4) * d + from, 64);
  }
  return true;
}

/** KIVI, with codes of 4 or 2 bits. False where the block's step or least value is no number. */
export function unpackKiviPlainly(packed: usize, x: usize, step: usize, bits: u32): bool {
  if (isHeadBeyond(packed)) return false;
  const size = f16Value(<u32>load<u16>(packed));
  const from = f16Value(<u32>load<u16>(packed, 2));
  for (let i: u32 = 0; i < 4 * bits; i++) {
    const byte = <u32>load<u8>(packed + i, 4);
    for (let shift: u32 = 0; shift != 8; shift += bits) {
      store<f32>(x, <f32>((byte >> shift) & ((1 << bits) - 1)) * size + from);
      x += step;
    }
  }
  return true;
}

// @ts-ignore: decorator
@inline
function isHeadBeyond(packed: usize): bool {
  return isF16Beyond(<u32>load<u16>(packed)) || isF16Beyond(<u32>load<u16>(packed, 2));
}
