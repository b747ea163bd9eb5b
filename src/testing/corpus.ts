// Corpus: the inputs on which a kernel is judged, drawn from its manifest and a seed. The same
// manifest, hints and seed give the same bytes in every engine, so a certificate can name them by hash.

import type { DType, TensorView } from "../base/mod.ts";
import { type ParamField, paramsLayout, type ParamValue } from "../layout/mod.ts";
import { type KernelEntry, sha256Hex, type TensorSpec } from "../pack/mod.ts";
import { Chance } from "./chance.ts";
import type { CorpusHints, HintContext } from "./hints.ts";
import { asNumber, choicesOf, drawParam } from "./params.ts";
import { drawDims, elementsOf, shapeOf } from "./sizes.ts";
import { filled, type Style, stylesOf } from "./styles.ts";

export interface CorpusInput {
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly data: TensorView;
  /** What kind of numbers: a style, or "hinted". */
  readonly style: string;
}

/** One call of a kernel. */
export interface CorpusCase {
  /** From 0. */
  readonly number: number;
  readonly dims: Readonly<Record<string, number>>;
  /** As a caller passes them. */
  readonly params: Readonly<Record<string, ParamValue>>;
  /** The same as a reference takes them. */
  readonly numbers: Readonly<Record<string, number | bigint>>;
  readonly inputs: Readonly<Record<string, CorpusInput>>;
}

export interface CorpusOptions {
  readonly seed: number;
  readonly cases: number;
  readonly hints?: CorpusHints | undefined;
  /** The most numbers in a tensor. Default: 16,384. */
  readonly elementsMax?: number | undefined;
  /** Whether a case is one that the kernel should compute. What is refused is mostly drawn again. */
  readonly accepts?: ((drawn: CorpusCase) => boolean) | undefined;
}

export const CORPUS_ELEMENTS_MAX = 16_384;

/** How often a case is drawn until it is accepted, and how seldom a refused one is kept at once. */
const DRAWS_MAX = 12;
const REFUSED_KEPT = 8;

/** Draws the cases one by one: only one is in memory at a time. */
export function* corpusOf(entry: KernelEntry, options: CorpusOptions): Generator<CorpusCase> {
  const { cases, accepts = () => true } = options;
  const fields = paramsLayout(entry).params;
  for (let number = 0; number < cases; number++) {
    let drawn = draw(entry, fields, options, number, 0);
    const draws = number % REFUSED_KEPT === REFUSED_KEPT - 1 ? 1 : DRAWS_MAX;
    for (let again = 1; again < draws && !accepts(drawn); again++)
      drawn = draw(entry, fields, options, number, again);
    yield drawn;
  }
}

/** Each case has a stream of its own, so that any one can be drawn without those before it. */
function draw(
  entry: KernelEntry,
  fields: readonly ParamField[],
  { seed, hints = {}, elementsMax = CORPUS_ELEMENTS_MAX }: CorpusOptions,
  number: number,
  again: number,
): CorpusCase {
  const chance = new Chance(seed, number * DRAWS_MAX + again);
  const params: Record<string, ParamValue> = {};
  const numbers: Record<string, number | bigint> = {};
  for (const field of fields) {
    const choices = choicesOf(field);
    const isFirst = again === 0 && number < 2 * choices.length; // Every choice, and that twice.
    const value = isFirst ? choices[number % choices.length]! : drawParam(field, chance);
    params[field.name] = value;
    numbers[field.name] = asNumber(field, value);
  }
  const context: HintContext = { chance, params: numbers, dims: {} };
  const dims = drawDims(entry, hints, context, elementsMax);
  const inputs = drawInputs(entry.inputs, hints, { ...context, dims }, number);
  return { number, dims, params, numbers, inputs };
}

function drawInputs(
  specs: readonly TensorSpec[],
  hints: CorpusHints,
  context: HintContext,
  number: number,
): Readonly<Record<string, CorpusInput>> {
  const { chance, dims } = context;
  const extreme = number % Math.max(1, specs.length); // The input whose turn it is to be unusual.
  const inputs: Record<string, CorpusInput> = {};
  specs.forEach((spec, index) => {
    const { name, dtype } = spec;
    const elements = elementsOf(spec, dims);
    const shape = shapeOf(spec.shape, dims);
    const hinted = hints.inputs?.[name]?.({ ...context, dtype, elements });
    const styles = stylesOf(dtype).filter((style) => !hints.without?.[name]?.includes(style));
    const turn = index === extreme ? Math.floor(number / specs.length) : undefined;
    const style = styleOf(styles, turn, chance);
    const data = hinted ?? filled(dtype, elements, style, chance);
    inputs[name] = { shape, dtype, data, style: hinted === undefined ? style : "hinted" };
  });
  return inputs;
}

/** The style whose `turn` it is; beside an unusual tensor the others are mostly plain. */
function styleOf(styles: readonly Style[], turn: number | undefined, chance: Chance): Style {
  if (turn !== undefined) return styles[turn % styles.length]!;
  return chance.oneIn(3) ? chance.pick(styles) : styles[0]!;
}

/** Everything of a case that a kernel sees, as 64 digits. */
export async function caseHash(drawn: CorpusCase): Promise<string> {
  const { dims, params, inputs } = drawn;
  const tensors = Object.entries(inputs).map(([name, { shape, dtype, data }]) => {
    return { name, shape, dtype, bytes: data.byteLength };
  });
  const said = JSON.stringify({ dims, params, tensors }, (_, value: unknown) =>
    typeof value === "bigint" ? `${value}` : value,
  );
  const parts: Uint8Array[] = [new TextEncoder().encode(`${said}\n`)];
  for (const { data } of Object.values(inputs))
    parts.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return sha256Hex(joined(parts));
}

/** Names a corpus by the hashes of its cases, in order. */
export async function corpusHash(cases: readonly string[]): Promise<string> {
  return `sha256:${await sha256Hex(new TextEncoder().encode(cases.join("\n")))}`;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
