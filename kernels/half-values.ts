// Half values: f16 tensors for tests, and how far a kernel's f16 lie from the judge's numbers.

import { expect } from "vitest";
import { normals } from "./testing.ts";

/** `length` values of a bell curve around 0 with deviation `scale`, rounded to f16. */
export function halfNormals(length: number, seed: number, scale = 1): Float16Array<ArrayBuffer> {
  return Float16Array.from(normals(length, seed, scale));
}

/** A kernel's output bytes as f16, from byte `start` on. */
export function halvesOf(bytes: Uint8Array<ArrayBuffer>, start = 0, length?: number) {
  return new Float16Array(bytes.buffer, bytes.byteOffset + start, length);
}

/**
 * How many f16 lie at most between `actual` and the f16 nearest to `expected`: 1 for neighbours. NaN
 * must meet NaN; infinity is the neighbour of the largest number.
 */
export function ulpError(actual: Float16Array, expected: Float64Array): number {
  expect(actual.length).toBe(expected.length);
  const nearest = Float16Array.from(expected);
  return actual.reduce((most, value, i) => {
    if (Number.isNaN(value) || Number.isNaN(nearest[i]!))
      return Object.is(value, nearest[i]!) ? most : Infinity;
    return Math.max(most, Math.abs(place(value) - place(nearest[i]!)));
  }, 0);
}

const half = new Float16Array(1);
const bits = new Int16Array(half.buffer);

/** The place of an f16 among all of them, counted from 0. */
function place(value: number): number {
  half[0] = value;
  return bits[0]! < 0 ? -(bits[0]! & 0x7fff) : bits[0]!;
}
