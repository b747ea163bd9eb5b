// Half: one f16 to f32 and back, for builds without SIMD. Widening is exact and makes a NaN quiet;
// narrowing rounds once, to nearest, ties to even.

import { f16Bits, f16Value, fitsF16, isF16Beyond } from "../block";

// @ts-ignore: decorator
@inline
export function loadHalf(at: usize): f32 {
  return widenOne(<u32>load<u16>(at));
}

// @ts-ignore: decorator
@inline
export function storeHalf(at: usize, value: f32): void {
  store<u16>(at, <u16>narrowOne(value));
}

/** `value` as f16 has it. */
export function halfOf(value: f32): f32 {
  return widenOne(narrowOne(value));
}

function widenOne(bits: u32): f32 {
  if (!isF16Beyond(bits)) return f16Value(bits);
  const payload = (bits & 0x3ff) << 13;
  const quiet: u32 = payload == 0 ? 0 : 0x400000;
  return reinterpret<f32>(((bits & 0x8000) << 16) | 0x7f800000 | payload | quiet);
}

function narrowOne(value: f32): u32 {
  if (fitsF16(value)) return f16Bits(value);
  const bits = reinterpret<u32>(value);
  const sign = (bits >>> 16) & 0x8000;
  return value == value ? sign | 0x7c00 : sign | 0x7e00 | ((bits >>> 13) & 0x3ff);
}

/** Widens values to `to`, as many as fill `bytes` bytes there. */
export function widenRow(to: usize, from: usize, bytes: usize): void {
  const end = to + bytes;
  while (to != end) {
    store<f32>(to, loadHalf(from));
    to += sizeof<f32>();
    from += 2;
  }
}

/** Narrows the `bytes` bytes at `from` and stores them at `to`. */
export function narrowRow(to: usize, from: usize, bytes: usize): void {
  const end = from + bytes;
  while (from != end) {
    storeHalf(to, load<f32>(from));
    to += 2;
    from += sizeof<f32>();
  }
}
