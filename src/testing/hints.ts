// Hints: what a manifest cannot say of a kernel's inputs, told by whoever tests it. A kernel with none
// is tested on any sizes and any numbers, as far as its reference accepts them.

import type { DType, TensorView } from "../base/mod.ts";
import type { Chance } from "./chance.ts";
import { type Style, tensorOf } from "./styles.ts";

type Values = Readonly<Record<string, number | bigint>>;

/** What is known of a case when a hint is asked. */
export interface HintContext {
  readonly chance: Chance;
  /** Params as numbers. */
  readonly params: Values;
  /** Sizes that are drawn already: those without a hint, then those with one, in order. */
  readonly dims: Readonly<Record<string, number>>;
}

/** Draws the size of a symbolic dimension. */
export type DimHint = (context: HintContext) => number;

/** Fills an input; undefined leaves it to the usual styles. */
export type InputHint = (
  context: HintContext & { readonly dtype: DType; readonly elements: number },
) => TensorView | undefined;

/** Reads an output as the numbers that its bytes stand for, `rowLength` to a row. */
export interface OutputReading {
  readonly numbers: (bytes: TensorView) => Float32Array;
  readonly rowLength: number;
}

export interface CorpusHints {
  readonly dims?: Readonly<Record<string, DimHint>> | undefined;
  readonly inputs?: Readonly<Record<string, InputHint>> | undefined;
  /** Styles that an input is never filled with, since no kernel of its type could keep its word. */
  readonly without?: Readonly<Record<string, readonly Style[]>> | undefined;
  /** For outputs of packed bytes that are judged by their values, as f32. */
  readonly outputs?: Readonly<Record<string, OutputReading>> | undefined;
}

/** Blocks of `bytes` bytes, any but that each pair at `halves` is a finite f16, of any size. */
export function blocksHint(bytes: DimHint, halves: (context: HintContext) => readonly number[]) {
  return (context: Parameters<InputHint>[0]): TensorView => {
    const { chance, elements } = context;
    const [size, scales] = [bytes(context), halves(context)];
    const isDamaged = chance.oneIn(12);
    let at = -1;
    return tensorOf("u8", elements, () => {
      at++;
      const isHigh = scales.some((start) => at % size === start + 1);
      if (!isHigh) return chance.below(256);
      if (isDamaged && chance.oneIn(4)) return 0x7c; // Infinity or NaN, which has no values.
      return (chance.below(2) << 7) | chance.below(0x7c);
    });
  };
}
