// Format: the numbers that an element type can hold, as far as errors are measured in them.

import type { DType, ReferenceOutput, TensorView } from "../base/mod.ts";
import { bf16ToF32 } from "../tensor/mod.ts";

export interface Format {
  /** Bits of the significand, the hidden one included; 0 for integers. */
  readonly digits: number;
  /** Exponents of the smallest normal and the largest number. */
  readonly exponentMin: number;
  readonly exponentMax: number;
  readonly smallestNormal: number;
  readonly largest: number;
  /** What rounds to infinity: this and everything beyond. */
  readonly overflow: number;
}

const FLOATS: Partial<Readonly<Record<DType, Format>>> = {
  f32: floatFormat(24, -126, 127),
  f16: floatFormat(11, -14, 15),
  bf16: floatFormat(8, -126, 127),
};

/** Integers lie 1 apart, and none of them is infinite. */
const INTEGERS: Format = {
  digits: 0,
  exponentMin: 0,
  exponentMax: 1023,
  smallestNormal: 1,
  largest: Infinity,
  overflow: Infinity,
};

export function formatOf(dtype: DType): Format {
  return FLOATS[dtype] ?? INTEGERS;
}

export function isFloat(dtype: DType): boolean {
  return FLOATS[dtype] !== undefined;
}

function floatFormat(digits: number, exponentMin: number, exponentMax: number): Format {
  const top = 2 ** exponentMax;
  return {
    digits,
    exponentMin,
    exponentMax,
    smallestNormal: 2 ** exponentMin,
    largest: (2 - 2 ** (1 - digits)) * top,
    overflow: (2 - 2 ** -digits) * top,
  };
}

/** How far apart the format's numbers lie around the finite `value`. */
export function ulpAt({ digits, exponentMin, exponentMax }: Format, value: number): number {
  if (digits === 0) return 1;
  const exponent = Math.min(Math.max(exponentOf(value), exponentMin), exponentMax);
  return 2 ** (exponent - digits + 1);
}

const double = new Float64Array(1);
const words = new Uint32Array(double.buffer);

/** The exponent of a double; that of its subnormals is below every format's. */
function exponentOf(value: number): number {
  double[0] = value;
  return ((words[1]! >>> 20) & 0x7ff) - 1023;
}

/** The numbers of a tensor: bf16 is seen as bits, and everything else as itself. */
export function numbersOf(data: ReferenceOutput, dtype: DType): ArrayLike<number> {
  if (dtype !== "bf16" || data instanceof Float64Array) return data;
  return Float32Array.from(data as TensorView, (bits) => bf16ToF32(bits));
}
