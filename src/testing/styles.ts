// Styles: the kinds of numbers that a corpus fills its tensors with. Each is drawn from a seed; what
// a type cannot hold is rounded to it when it is stored.

import { type DType, tensorBytes, type TensorView, viewOf } from "../base/mod.ts";
import { f32ToBf16 } from "../tensor/mod.ts";
import type { Chance } from "./chance.ts";
import { type Format, formatOf, isFloat } from "./format.ts";

/** Draws one number after the other for a tensor of a type with these numbers. */
type Draw = (chance: Chance, format: Format) => () => number;

const bell =
  (scale: number): Draw =>
  (chance) =>
  () =>
    scale * chance.bell();

/** For f32, f16 and bf16. */
export const FLOAT_STYLES = {
  bell: bell(1),
  "bell, small": bell(2 ** -10),
  "bell, large": bell(100),
  zeros: (chance) => () => (chance.oneIn(2) ? 0 : -0),
  /** One number everywhere, so that all roundings go the same way and their errors add up. */
  constant: (chance) => {
    const value = chance.pick([1, -1, 1.1, 1 / 3, 1.9999999, 1 + 2 ** -12, -0.7]);
    return () => value;
  },
  /** Numbers whose last bits are all 1, or 0 but for the last: products and sums of them round. */
  "full significands": (chance, { digits }) => {
    const step = 2 ** (1 - digits);
    return () => {
      const value = chance.pick([2 - step, 1 + step, 1.5 + step, 1.5 - step, 1 + 2 ** -6]);
      return (chance.oneIn(2) ? 1 : -1) * value * 2 ** chance.between(-3, 3);
    };
  },
  /** Magnitudes from a millionth to a million, or as far as the type goes. */
  wide: (chance, { exponentMin, exponentMax }) => {
    const [low, high] = [Math.max(-20, exponentMin), Math.min(20, exponentMax - 1)];
    return () => (chance.oneIn(2) ? 1 : -1) * (1 + chance.unit()) * 2 ** chance.between(low, high);
  },
  subnormals: (chance, { smallestNormal }) => {
    return () => (2 * chance.unit() - 1) * smallestNormal;
  },
  largest: (chance, { largest }) => {
    return () => (chance.oneIn(2) ? 1 : -1) * largest * (chance.oneIn(4) ? 1 : chance.unit());
  },
  /** A bell curve with NaN and infinities in a few places. */
  "not finite": (chance) => {
    return () => (chance.oneIn(40) ? chance.pick([NaN, Infinity, -Infinity]) : chance.bell());
  },
} as const satisfies Readonly<Record<string, Draw>>;

/** For whole numbers and packed bytes. */
export const INTEGER_STYLES = {
  any: (chance) => () => chance.u32(),
  small: (chance) => () => chance.between(0, 3),
  zeros: () => () => 0,
  extremes: (chance) => () => chance.pick([0, 1, -1, 127, -128, 2 ** 31 - 1, -(2 ** 31)]),
} as const satisfies Readonly<Record<string, Draw>>;

export type FloatStyle = keyof typeof FLOAT_STYLES;
export type Style = FloatStyle | keyof typeof INTEGER_STYLES;

/** The styles that a tensor of `dtype` can have, the plainest first. */
export function stylesOf(dtype: DType): readonly Style[] {
  return Object.keys(isFloat(dtype) ? FLOAT_STYLES : INTEGER_STYLES) as Style[];
}

/** A tensor of `elements` numbers in `style`, which must be one of its type's. */
export function filled(dtype: DType, elements: number, style: Style, chance: Chance): TensorView {
  const styles: Partial<Readonly<Record<Style, Draw>>> = isFloat(dtype)
    ? FLOAT_STYLES
    : INTEGER_STYLES;
  const next = styles[style]!(chance, formatOf(dtype));
  return tensorOf(dtype, elements, next);
}

/** A tensor whose numbers `next` gives, rounded to its type. */
export function tensorOf(dtype: DType, elements: number, next: () => number): TensorView {
  const bytes = tensorBytes(dtype, elements);
  const data = viewOf(dtype, new ArrayBuffer(bytes), 0, bytes);
  const isBits = dtype === "bf16";
  for (let i = 0; i < data.length; i++) data[i] = isBits ? f32ToBf16(next()) : next();
  return data;
}
