// Values: what the tensors of a case are filled with, the same in every run.

import type { TensorView } from "../../src/base/mod.ts";

/** Values from -4 to 4 without a pattern, other ones for each name. */
export function fillValues(view: TensorView, name: string): void {
  let state = 0;
  for (const letter of name) state = Math.imul(state ^ letter.charCodeAt(0), 0x9e3779b1);
  for (let i = 0; i < view.length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    view[i] = (state >>> 8) / 2 ** 21 - 4;
  }
}

/** Angles of a position: half of the 128 values of a head. */
const HALF = 64;

/** Angles as Llama has them, for positions from 0 on. */
export function fillAngles(view: TensorView): void {
  for (let i = 0; i < view.length; i++)
    view[i] = Math.floor(i / HALF) * 10_000 ** (-(i % HALF) / HALF);
}
