// Half: f16 and bf16 beside f32. Widening is exact; narrowing rounds once, to nearest, ties to even.
//
// The array forms work on bits, because a JavaScript number need not keep a NaN's payload. A NaN
// stays a NaN with its sign and upper payload, made quiet; it never rounds into an infinity.

const word = new Uint32Array(1);
const float = new Float32Array(word.buffer);

/** The number whose f16 bits are the low 16 of `bits`. Exact, subnormals too. */
export function f16ToF32(bits: number): number {
  word[0] = f32BitsOfF16(bits & 0xffff);
  return float[0]!;
}

/** The f16 bits nearest to `value`, which is taken as an f32 first. A NaN gives 0x7e00. */
export function f32ToF16(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  float[0] = value;
  return f16OfF32Bits(word[0]!);
}

/** The number whose bf16 bits are the low 16 of `bits`. Exact: bf16 is the upper half of an f32. */
export function bf16ToF32(bits: number): number {
  word[0] = bits << 16;
  return float[0]!;
}

/** The bf16 bits nearest to `value`, which is taken as an f32 first. A NaN gives 0x7fc0. */
export function f32ToBf16(value: number): number {
  if (Number.isNaN(value)) return 0x7fc0;
  float[0] = value;
  return bf16OfF32Bits(word[0]!);
}

export function f16ArrayToF32(source: Float16Array): Float32Array<ArrayBuffer> {
  return widen(new Uint16Array(source.buffer, source.byteOffset, source.length), f32BitsOfF16);
}

export function f32ArrayToF16(source: Float32Array): Float16Array<ArrayBuffer> {
  return new Float16Array(narrow(source, f16OfF32Bits).buffer);
}

/** `source` holds bf16 bits, as `viewOf("bf16", ...)` does. */
export function bf16ArrayToF32(source: Uint16Array): Float32Array<ArrayBuffer> {
  return widen(source, (bits) => bits << 16);
}

/** Returns bf16 bits, as `viewOf("bf16", ...)` does. */
export function f32ArrayToBf16(source: Float32Array): Uint16Array<ArrayBuffer> {
  return narrow(source, bf16OfF32Bits);
}

function widen(source: Uint16Array, one: (bits: number) => number): Float32Array<ArrayBuffer> {
  const target = new Uint32Array(source.length);
  for (let i = 0; i < source.length; i++) target[i] = one(source[i]!);
  return new Float32Array(target.buffer);
}

function narrow(source: Float32Array, one: (bits: number) => number): Uint16Array<ArrayBuffer> {
  const bits = new Uint32Array(source.buffer, source.byteOffset, source.length);
  const target = new Uint16Array(source.length);
  for (let i = 0; i < bits.length; i++) target[i] = one(bits[i]!);
  return target;
}

function f32BitsOfF16(bits: number): number {
  const sign = (bits & 0x8000) << 16;
  const rest = bits & 0x7fff;
  if (rest > 0x7c00) return sign | 0x7fc0_0000 | (rest << 13); // NaN: payload moved up, made quiet.
  if (rest === 0x7c00) return sign | 0x7f80_0000;
  if (rest >= 0x0400) return sign | ((rest << 13) + 0x3800_0000); // Exponent bias 15 becomes 127.
  if (rest === 0) return sign;
  const shift = Math.clz32(rest) - 21; // Subnormal: the leading one moves to the hidden place.
  return sign | ((113 - shift) << 23) | ((rest << (13 + shift)) & 0x007f_ffff);
}

function f16OfF32Bits(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const rest = bits & 0x7fff_ffff;
  if (rest > 0x7f80_0000) return sign | 0x7e00 | ((rest >>> 13) & 0x03ff);
  if (rest >= 0x477f_f000) return sign | 0x7c00; // 65520 and beyond: halfway rounds to even, so up.
  if (rest >= 0x3880_0000) return sign | rounded(rest - 0x3800_0000, 13);
  if (rest <= 0x3300_0000) return sign; // 2^-25 is halfway to the least f16, and 0 is even.
  const significand = (rest & 0x007f_ffff) | 0x0080_0000;
  return sign | rounded(significand, 126 - (rest >>> 23)); // Subnormal: in units of 2^-24.
}

function bf16OfF32Bits(bits: number): number {
  const rest = bits & 0x7fff_ffff;
  if (rest > 0x7f80_0000) return (bits >>> 16) | 0x0040;
  return rounded(bits, 16); // A carry out of the significand is the next exponent, as it should be.
}

/** `bits` without its low `shift` bits (1 to 24), rounded to nearest, ties to even. */
function rounded(bits: number, shift: number): number {
  const odd = (bits >>> shift) & 1;
  return ((bits >>> 0) + (1 << (shift - 1)) - 1 + odd) >>> shift;
}
