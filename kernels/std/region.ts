// Region: how many bytes a tensor of f32 must fill, so that a kernel can compare them with its
// descriptor before it touches memory.
//
// Dimensions come from the host and may be any u32, so a product may exceed even 64 bits. Each step
// stays within 64 bits and once beyond 2^32 remains there: such a size never equals a descriptor's.

/** Beyond every region of a 32-bit memory. */
// @ts-ignore: decorator
@inline
const TOO_MANY: u64 = 1 << 32;

/** Bytes of an f32 tensor with dimensions [a, b]. */
// @ts-ignore: decorator
@inline
export function f32Bytes2(a: u32, b: u32): u64 {
  return times(times(a, b), sizeof<f32>());
}

/** Bytes of an f32 tensor with dimensions [a, b, c, d]. */
// @ts-ignore: decorator
@inline
export function f32Bytes4(a: u32, b: u32, c: u32, d: u32): u64 {
  return times(times(times(times(a, b), c), d), sizeof<f32>());
}

/** Bytes of an f16 tensor with dimensions [a, b]. */
// @ts-ignore: decorator
@inline
export function f16Bytes2(a: u32, b: u32): u64 {
  return times(times(a, b), 2);
}

/** Bytes of an f16 tensor with dimensions [a, b, c, d]. */
// @ts-ignore: decorator
@inline
export function f16Bytes4(a: u32, b: u32, c: u32, d: u32): u64 {
  return times(times(times(times(a, b), c), d), 2);
}

/** Where the next tensor of a region begins, when the one before it ends at `bytes`. */
// @ts-ignore: decorator
@inline
export function aligned(bytes: u64): u64 {
  return (bytes + 15) & ~15;
}

// @ts-ignore: decorator
@inline
function times(count: u64, dimension: u32): u64 {
  return min<u64>(count * dimension, TOO_MANY);
}
