// Kernels fixture: kernels as WebAssembly text that double a vector, rightly and in wrong ways.

import type { Reference } from "../base/mod.ts";

/** The value of the input at byte $i. */
const X = "(f32.load (i32.add (i32.load (local.get $at)) (local.get $i)))";
const SIZE = "(i32.load offset=4 (local.get $at))";
const OUTPUT_AT = "(i32.load offset=16 (local.get $at))";
const OUTPUT_SIZE = "(i32.load offset=20 (local.get $at))";
const DOUBLED = `(f32.mul ${X} (f32.const 2))`;

/** `before`, then a loop that compares sizes and stores the bits of `value`, then `after`. */
function looping(value: string, { before = "", after = "" } = {}): string {
  return `(local $i i32) ${before}
    (if (i32.ne ${SIZE} ${OUTPUT_SIZE}) (then (return (i32.const 2))))
    (if (i32.and ${SIZE} (i32.const 3)) (then (return (i32.const 1))))
    (block $done (loop $next
      (br_if $done (i32.ge_u (local.get $i) ${SIZE}))
      (i32.store (i32.add ${OUTPUT_AT} (local.get $i)) ${value})
      (local.set $i (i32.add (local.get $i) (i32.const 4)))
      (br $next)))
    ${after} (i32.const 0)`;
}

const bits = (value: string): string => `(i32.reinterpret_f32 ${value})`;
/** 1 for the fifth number of the vector where it stays finite, else 0. */
const IS_FIFTH = `(i32.and (i32.eq (local.get $i) (i32.const 16))
  (f32.lt (f32.abs ${X}) (f32.const 1e38)))`;

export const FORWARDS = {
  right: looping(bits(DOUBLED)),
  /** One place beyond the right number, in the fifth only. */
  offByOne: looping(`(i32.add ${bits(DOUBLED)} ${IS_FIFTH})`),
  /** NaN becomes 0. */
  hidesNaN: looping(bits(`(select ${DOUBLED} (f32.const 0) (f32.eq ${X} ${X}))`)),
  /** Writes the word behind its output. */
  scribbles: looping(bits(DOUBLED), {
    after: `(i32.store (i32.add ${OUTPUT_AT} ${OUTPUT_SIZE}) (i32.const 7))`,
  }),
  /** Adds how often it was called, which it keeps in its own page. */
  remembers: looping(bits(`(f32.add ${DOUBLED} (f32.load (i32.const 1024)))`), {
    after: "(f32.store (i32.const 1024) (f32.add (f32.load (i32.const 1024)) (f32.const 1)))",
  }),
  /** Loops for ever where the first number is greater than 1. */
  loops: looping(bits(DOUBLED), {
    before: `(if (f32.gt (f32.load (i32.load (local.get $at))) (f32.const 1))
      (then (loop (br 0))))`,
  }),
  /** A code that the ABI does not know. */
  strangeCode: "(i32.const 77)",
  /** Refuses everything. */
  refuses: "(i32.const 1)",
  traps: "unreachable",
} as const;

/** y = 2 x, as f64 or rounded to f32, whichever it is asked for. */
export const doubling: Reference = ({ inputs, outputs }) => {
  const { x } = inputs;
  x!.forEach((value, i) => {
    outputs["y"]![i] = 2 * value;
  });
  return 0;
};
