// Codes: 4-bit codes out of bytes, and 16 of them into f32.

// @ts-ignore: decorator
@inline
export function lowHalves(codes: v128): v128 {
  return v128.and(codes, i8x16.splat(15));
}

// @ts-ignore: decorator
@inline
export function highHalves(codes: v128): v128 {
  return v128.and(i16x8.shr_u(codes, 4), i8x16.splat(15));
}

/** Stores 16 codes, each times `d`. */
// @ts-ignore: decorator
@inline
export function scaled16(codes: v128, x: usize, d: v128): void {
  const low = i16x8.extend_low_i8x16_s(codes);
  const high = i16x8.extend_high_i8x16_s(codes);
  v128.store(x, f32x4.mul(lowFloats(low), d));
  v128.store(x, f32x4.mul(highFloats(low), d), 16);
  v128.store(x, f32x4.mul(lowFloats(high), d), 32);
  v128.store(x, f32x4.mul(highFloats(high), d), 48);
}

/** Stores 16 codes, each times `d` plus `from`. */
// @ts-ignore: decorator
@inline
export function moved16(codes: v128, x: usize, d: v128, from: v128): void {
  const low = i16x8.extend_low_i8x16_s(codes);
  const high = i16x8.extend_high_i8x16_s(codes);
  v128.store(x, f32x4.add(f32x4.mul(lowFloats(low), d), from));
  v128.store(x, f32x4.add(f32x4.mul(highFloats(low), d), from), 16);
  v128.store(x, f32x4.add(f32x4.mul(lowFloats(high), d), from), 32);
  v128.store(x, f32x4.add(f32x4.mul(highFloats(high), d), from), 48);
}

// @ts-ignore: decorator
@inline
function lowFloats(codes: v128): v128 {
  return f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(codes));
}

// @ts-ignore: decorator
@inline
function highFloats(codes: v128): v128 {
  return f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(codes));
}
