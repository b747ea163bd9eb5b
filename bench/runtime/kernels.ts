// Kernels that the actor benchmarks call. They compute next to nothing, and check what they get.

import { array, f32, f64, i32, type KernelContext, message, u32 } from "../../src/runtime.node.ts";
import { defineKernel } from "../../src/runtime.node.ts";

export const Add = message({ a: f32, b: f32 });
export const Sum = message({ value: f32 });

const EIGHT = { a: f64, b: f64, c: f64, d: f64, e: f64, f: f64, g: f64, h: f64 } as const;
/** 64 bytes, as numbers and as an array. */
export const Numbers = message(EIGHT, { name: "Numbers" });
export const Words = message({ words: array("i32", 16) }, { name: "Words" });
/** 4 KiB. */
export const Page = message({ words: array("i32", 1024) }, { name: "Page" });
/** Asks how many messages came, and how many of them were not what they should be; both start anew. */
export const Ask = message({ sum: i32 }, { name: "Ask" });
export const Told = message({ count: u32, wrong: u32 });

export const adder = defineKernel({
  id: "adder",
  module: import.meta.url,
  on: [Add.to(Sum, ({ a, b }) => ({ value: a + b }))],
});

interface Seen {
  count: number;
  wrong: number;
  /** What the words of a page must add up to, less its number. */
  sum: number;
}

/** Message `i` says `i` in its first field and `i + k` in the k-th after it, or adds up to `sum + i`. */
export const sink = defineKernel({
  id: "sink",
  module: import.meta.url,
  start: (): Seen => ({ count: 0, wrong: 0, sum: 0 }),
  on: [
    Numbers.do((m, { state }: KernelContext<Seen>) => {
      const i = state.count++;
      const low = m.a === i && m.b === i + 1 && m.c === i + 2 && m.d === i + 3;
      if (!(low && m.e === i + 4 && m.f === i + 5 && m.g === i + 6 && m.h === i + 7)) state.wrong++;
    }),
    Words.do(({ words }, { state }: KernelContext<Seen>) => {
      const i = state.count++;
      if (words[0] !== i || sumOf(words) !== ((16 * i + 120) | 0)) state.wrong++;
    }),
    Page.do(({ words }, { state }: KernelContext<Seen>) => {
      const i = state.count++;
      if (words[0] !== i || sumOf(words) !== ((state.sum + i) | 0)) state.wrong++;
    }),
    Ask.to(Told, ({ sum }, { state }: KernelContext<Seen>) => {
      const { count, wrong } = state;
      Object.assign(state, { count: 0, wrong: 0, sum });
      return { count, wrong };
    }),
  ],
});

/** Modulo 2^32. */
export function sumOf(words: Int32Array): number {
  let sum = 0;
  for (let i = 0; i < words.length; i++) sum = (sum + words[i]!) | 0;
  return sum;
}
