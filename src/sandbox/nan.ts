// NaN: makes the bits of computed NaNs the same on every machine. Fuel mode only.
//
// The format lets an engine choose the sign and payload of a NaN that arithmetic makes, and x86 and
// ARM choose differently. A program can look at the bits and branch on them, so a run that must stop
// at the same instruction everywhere needs one choice: the positive quiet NaN, set after every
// instruction that may make one. Instructions that only move or select bits are left alone.

import { OP, prefixed, PREFIX_SIMD } from "./opcodes.ts";
import { leb } from "./writer.ts";

export type FloatKind = "f32" | "f64" | "f32x4" | "f64x2";

const KINDS = new Map<number, FloatKind>([
  ...span(0x8d, 0x97, "f32"), // ceil, floor, trunc, nearest, sqrt, add, sub, mul, div, min, max.
  ...span(0x9b, 0xa5, "f64"),
  [0xb6, "f32"], // f32.demote_f64
  [0xbb, "f64"], // f64.promote_f32
  ...simd([0x67, 0x68, 0x69, 0x6a], "f32x4"), // ceil, floor, trunc, nearest.
  ...simd([0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8, 0xe9, 0x5e], "f32x4"), // sqrt to max, demote.
  ...simd([0x74, 0x75, 0x7a, 0x94], "f64x2"),
  ...simd([0xef, 0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0x5f], "f64x2"), // sqrt to max, promote.
]);

function span(from: number, to: number, kind: FloatKind): [number, FloatKind][] {
  return Array.from({ length: to - from + 1 }, (_, i) => [from + i, kind]);
}

function simd(codes: readonly number[], kind: FloatKind): [number, FloatKind][] {
  return codes.map((code) => [prefixed(PREFIX_SIMD, code), kind]);
}

/** What kind of NaN `op` may make, if any. */
export function makesNan(op: number): FloatKind | undefined {
  return KINDS.get(op);
}

const SELECT = 0x1b;
const F32_NAN = [0x43, 0x00, 0x00, 0xc0, 0x7f];
const F64_NAN = [0x44, 0, 0, 0, 0, 0, 0, 0xf8, 0x7f];
const V128_CONST = [0xfd, 0x0c];
const V128_BITSELECT = [0xfd, 0x52];
const F32X4_NE = [0xfd, 0x42];
const F64X2_NE = [0xfd, 0x48];

/** Replaces the value on the stack by the canonical NaN if it is one; `local` is of its type. */
export function canonicalNan(kind: FloatKind, local: number): number[] {
  const set = [OP.localSet, ...leb(local)];
  const get = [OP.localGet, ...leb(local)];
  switch (kind) {
    case "f32":
      return [...set, ...get, ...F32_NAN, ...get, ...get, 0x5b /* f32.eq */, SELECT];
    case "f64":
      return [...set, ...get, ...F64_NAN, ...get, ...get, 0x61 /* f64.eq */, SELECT];
    case "f32x4": {
      const nan = [...V128_CONST, ...repeat(F32_NAN.slice(1), 4)];
      return [...set, ...nan, ...get, ...get, ...get, ...F32X4_NE, ...V128_BITSELECT];
    }
    case "f64x2": {
      const nan = [...V128_CONST, ...repeat(F64_NAN.slice(1), 2)];
      return [...set, ...nan, ...get, ...get, ...get, ...F64X2_NE, ...V128_BITSELECT];
    }
    default:
      return kind satisfies never;
  }
}

function repeat(bytes: readonly number[], times: number): number[] {
  return Array.from({ length: times }, () => bytes).flat();
}
