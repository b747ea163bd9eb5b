// What the tests of this room share: catching a Failure, and tensors of every type and shape.

import * as fc from "fast-check";

import { Failure, sizeBytes, viewOf } from "../base/mod.ts";
import { FILE_DTYPES, type Tensor } from "./tensor.ts";

/** The Failure that `use` ends with. Any other error, and success, fail the test. */
export function failureOf(use: () => unknown): Failure {
  try {
    use();
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error("a Failure was expected");
}

/** True when `read` succeeds, false on a Failure. Any other error fails the test. */
export function succeeds(read: () => unknown): boolean {
  try {
    read();
    return true;
  } catch (error) {
    if (error instanceof Failure) return false;
    throw error;
  }
}

/** Tensors of any type with up to four small dimensions and any bits, NaNs of every kind too. */
export const anyTensor: fc.Arbitrary<Tensor> = fc
  .record({
    dtype: fc.constantFrom(...FILE_DTYPES),
    shape: fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 4 }),
    seed: fc.integer(),
  })
  .map(({ dtype, shape, seed }) => {
    const elements = shape.reduce((product, dimension) => product * dimension, 1);
    const random = randomFrom(seed);
    const bytes = Uint8Array.from({ length: elements * sizeBytes(dtype) }, () => random(256));
    return { dtype, shape, data: viewOf(dtype, bytes.buffer, 0, bytes.length) };
  });

/** Whole numbers below `bound`, always the same ones for one seed (xorshift32). */
export function randomFrom(seed: number): (bound: number) => number {
  let state = seed | 1;
  return (bound) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % bound;
  };
}
