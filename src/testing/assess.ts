// Assess: runs a kernel and its reference on a corpus and says how far apart they lie.
//
// What the reference refuses the kernel must refuse with the same code. Everything else it must
// compute: a trap, a deadline or a code is a violation, however small its errors are elsewhere.

import type { Failure, Reference, ReferenceOutput, TensorView } from "../base/mod.ts";
import { KERNEL_CODES, type KernelCode } from "../layout/mod.ts";
import type { TensorSpec, VerifiedKernel } from "../pack/mod.ts";
import { type Kernel, KernelError, type Sandbox, type SandboxOptions } from "../sandbox/mod.ts";
import { type Comparison, compareTensors, merged, type WorstElement } from "./compare.ts";
import { caseHash, type CorpusCase, corpusOf } from "./corpus.ts";
import type { CorpusOptions } from "./corpus.ts";
import { Expectations, isFinite } from "./expectations.ts";
import type { CorpusHints } from "./hints.ts";
import { shapeOf } from "./sizes.ts";

/** A kernel under test: as its pack has it, and loaded in a sandbox. */
export interface TestKernel {
  readonly verified: VerifiedKernel;
  readonly kernel: Kernel;
  /** Starts a sandbox of another kind for the same kernel. */
  readonly sandbox: (options: SandboxOptions) => Promise<Sandbox>;
}

export interface AssessOptions extends Omit<CorpusOptions, "accepts"> {
  /** Told after each case. */
  readonly onCase?: ((done: number) => void) | undefined;
}

/** Where a kernel was worst, or broke its contract. */
export interface WorstCase extends WorstElement {
  readonly drawn: CorpusCase;
  readonly output: string;
}

/** What a kernel may not do at all. */
export interface Violation {
  readonly drawn: CorpusCase;
  readonly found: string;
  readonly expected: string;
  readonly cause?: unknown;
}

export interface Assessment {
  /** Cases whose outputs were compared. */
  readonly compared: number;
  /** Cases that kernel and reference refused alike, by code. */
  readonly refused: Readonly<Record<string, number>>;
  /** Cases that do not fit the kernel's memory. */
  readonly skipped: number;
  /** Undefined where nothing was compared. */
  readonly errors: Comparison | undefined;
  readonly worst: WorstCase | undefined;
  /** The first, after which nothing more was run. */
  readonly violation: Violation | undefined;
  /** One for every case of the corpus. */
  readonly hashes: readonly string[];
}

/** Judges `kernel` by `reference` on the corpus that `options` describe. */
export async function assess(
  { verified, kernel }: TestKernel,
  reference: Reference,
  options: AssessOptions,
): Promise<Assessment> {
  const judge = new Judge(verified, reference, options.hints ?? {});
  const total = new Total();
  const hashes: string[] = [];
  for (const drawn of corpusOf(verified.entry, {
    ...options,
    accepts: judge.expectations.accepts,
  })) {
    hashes.push(await caseHash(drawn));
    if (total.violation === undefined) total.add(drawn, judge.run(kernel, drawn));
    options.onCase?.(hashes.length);
  }
  return { ...total.facts(), hashes };
}

type Outcome =
  | { readonly kind: "compared"; readonly outputs: ReadonlyMap<string, Comparison> }
  | { readonly kind: "refused"; readonly code: number }
  | { readonly kind: "skipped" }
  | ({ readonly kind: "violation" } & Omit<Violation, "drawn">);

class Judge {
  readonly #verified: VerifiedKernel;
  readonly #hints: CorpusHints;
  readonly expectations: Expectations;

  constructor(verified: VerifiedKernel, reference: Reference, hints: CorpusHints) {
    this.#verified = verified;
    this.#hints = hints;
    this.expectations = new Expectations(verified.entry, reference);
  }

  run(kernel: Kernel, drawn: CorpusCase): Outcome {
    const { code, outputs } = this.expectations.of(drawn);
    let actual: Readonly<Record<string, { readonly data: TensorView }>>;
    try {
      actual = kernel.call({ inputs: drawn.inputs, params: drawn.params, dims: drawn.dims });
    } catch (error) {
      return stopped(error, code);
    }
    const wanted = `${codeName(code)}, as the reference says`;
    if (code !== KERNEL_CODES.OK) return { kind: "violation", found: "OK", expected: wanted };
    const terms = this.expectations.termsOf(drawn);
    const compared = this.#verified.entry.outputs.map((spec) => {
      const { name } = spec;
      const parts = { actual: actual[name]!.data, expected: outputs[name]!, terms: terms?.[name] };
      return [name, this.#compare(spec, parts, drawn)] as const;
    });
    return { kind: "compared", outputs: new Map(compared) };
  }

  #compare(
    { name, dtype, shape }: TensorSpec,
    { actual, expected, terms }: Parts,
    { dims, inputs }: CorpusCase,
  ): Comparison {
    const { accuracy } = this.#verified.entry;
    const notFinite = Object.values(inputs).every(isFinite) ? "apart" : "alike";
    const reading = this.#hints.outputs?.[name];
    if (reading !== undefined) {
      const { numbers, rowLength } = reading;
      const wanted = numbers(expected as TensorView);
      return compareTensors(numbers(actual), wanted, "f32", { accuracy, rowLength, notFinite });
    }
    const rowLength = shapeOf(shape, dims).at(-1) ?? 1;
    return compareTensors(actual, expected, dtype, { accuracy, rowLength, notFinite, terms });
  }
}

/** One output of a call, from the kernel and from the reference. */
interface Parts {
  readonly actual: TensorView;
  readonly expected: ReferenceOutput;
  readonly terms: ReferenceOutput | undefined;
}

/** What it means that a call threw, where the reference returned `code`. */
function stopped(error: unknown, code: number): Outcome {
  const { code: failure } = error as Failure;
  if (failure === "OUT_OF_MEMORY") return { kind: "skipped" };
  if (!(error instanceof KernelError)) throw error;
  if (error.returned !== undefined && error.returned === code) return { kind: "refused", code };
  const found = error.returned === undefined ? error.message : codeName(error.returned);
  const expected = code === KERNEL_CODES.OK ? "outputs" : codeName(code);
  return { kind: "violation", found, expected: `${expected}, as the reference says`, cause: error };
}

export function codeName(code: number): string {
  const found = Object.entries(KERNEL_CODES).find(([, value]) => value === code);
  return found === undefined ? `code ${code}` : (found[0] as KernelCode);
}

/** Adds up outcomes. */
class Total {
  violation: Violation | undefined;
  #compared = 0;
  #skipped = 0;
  #errors: Comparison | undefined;
  #worst: WorstCase | undefined;
  readonly #refused: Record<string, number> = {};

  add(drawn: CorpusCase, outcome: Outcome): void {
    switch (outcome.kind) {
      case "compared":
        this.#compared++;
        for (const [output, errors] of outcome.outputs) this.#grow(drawn, output, errors);
        return;
      case "refused": {
        const name = codeName(outcome.code);
        this.#refused[name] = (this.#refused[name] ?? 0) + 1;
        return;
      }
      case "skipped":
        this.#skipped++;
        return;
      case "violation": {
        const { found, expected, cause } = outcome;
        this.violation = { drawn, found, expected, cause };
        return;
      }
      default:
        outcome satisfies never;
    }
  }

  facts(): Omit<Assessment, "hashes"> {
    return {
      compared: this.#compared,
      refused: this.#refused,
      skipped: this.#skipped,
      errors: this.#errors,
      worst: this.#worst,
      violation: this.violation,
    };
  }

  #grow(drawn: CorpusCase, output: string, errors: Comparison): void {
    const before = this.#errors?.worst;
    this.#errors = this.#errors === undefined ? errors : merged(this.#errors, errors);
    const { worst } = this.#errors;
    if (worst !== undefined && worst !== before) this.#worst = { ...worst, drawn, output };
  }
}
