// Expectations: what a reference says of the cases of a corpus.

import { Failure, type Reference, type ReferenceCall, type ReferenceOutput } from "../base/mod.ts";
import { tensorBytes, type TensorView, viewOf } from "../base/mod.ts";
import { KERNEL_CODES } from "../layout/mod.ts";
import type { Accuracy, KernelEntry, TensorSpec } from "../pack/mod.ts";
import type { CorpusCase, CorpusInput } from "./corpus.ts";
import { isFloat, numbersOf } from "./format.ts";
import { elementsOf } from "./sizes.ts";

type Outputs = Readonly<Record<string, ReferenceOutput>>;

export interface Expected {
  /** OK, or the code that the kernel should refuse with. */
  readonly code: number;
  readonly outputs: Outputs;
}

export class Expectations {
  readonly #entry: KernelEntry;
  readonly #reference: Reference;
  /** What was said of the last case asked for, which is mostly the one that is run next. */
  #last: { readonly drawn: CorpusCase; readonly expected: Expected } | undefined;

  constructor(entry: KernelEntry, reference: Reference) {
    this.#entry = entry;
    this.#reference = reference;
  }

  readonly accepts = (drawn: CorpusCase): boolean => this.of(drawn).code === KERNEL_CODES.OK;

  of(drawn: CorpusCase): Expected {
    if (this.#last?.drawn !== drawn)
      this.#last = { drawn, expected: this.#ask(drawn, ({ data }) => data) };
    return this.#last.expected;
  }

  /**
   * What comes out for the magnitudes of the inputs, where the contract measures by rows: sums of terms
   * that cannot cancel. Undefined where the reference refuses them.
   */
  termsOf(drawn: CorpusCase): Outputs | undefined {
    if (this.#entry.accuracy?.max_row === undefined) return undefined;
    const { code, outputs } = this.#ask(drawn, magnitudes);
    return code === KERNEL_CODES.OK ? outputs : undefined;
  }

  #ask({ inputs, numbers: params, dims }: CorpusCase, take: (input: CorpusInput) => TensorView) {
    const { accuracy, outputs: specs } = this.#entry;
    const outputs = Object.fromEntries(
      specs.map((spec) => [spec.name, outputOf(spec, dims, isExact(accuracy))]),
    );
    const taken = Object.entries(inputs).map(([name, input]) => [name, take(input)] as const);
    const code = this.#codeOf({ inputs: Object.fromEntries(taken), outputs, params, dims });
    return { code, outputs };
  }

  /** Fails with REFERENCE_FAILED: a reference that throws, or forgets its code, says nothing of kernels. */
  #codeOf(call: ReferenceCall): number {
    let code: unknown;
    try {
      code = this.#reference(call);
    } catch (cause) {
      throw referenceFailed(this.#entry.id, cause instanceof Error ? cause.message : cause, cause);
    }
    if (Number.isInteger(code)) return code as number;
    throw referenceFailed(this.#entry.id, `the code ${String(code)}`);
  }
}

function referenceFailed(kernel: string, found: unknown, cause?: unknown): Failure {
  const facts = {
    at: `reference of kernel "${kernel}"`,
    found: String(found),
    expected: "a reference that returns 0 or another code, and throws nothing",
    fix: "Mend the reference: the kernel was not judged.",
  };
  return new Failure("REFERENCE_FAILED", facts, cause === undefined ? {} : { cause });
}

function magnitudes({ data, dtype }: CorpusInput): TensorView {
  if (data instanceof Float32Array || data instanceof Float16Array) return data.map(Math.abs);
  return dtype === "bf16" ? data.map((bits) => bits & 0x7fff) : data;
}

export function isFinite({ data, dtype }: CorpusInput): boolean {
  const numbers = numbersOf(data, dtype);
  for (let i = 0; i < numbers.length; i++) if (!Number.isFinite(numbers[i])) return false;
  return true;
}

/** Whether a contract allows no error at all. Then the reference rounds as the output's type does. */
function isExact(accuracy: Accuracy | undefined): boolean {
  const { max_abs = 0, max_rel = 0, max_ulp = 0, max_row = 0 } = accuracy ?? {};
  return accuracy !== undefined && max_abs + max_rel + max_ulp + max_row === 0;
}

/** Where the reference writes: f64 for floats that need not be exact, else the output's own type. */
function outputOf(
  spec: TensorSpec,
  dims: CorpusCase["dims"],
  isJudgedExactly: boolean,
): ReferenceOutput {
  const elements = elementsOf(spec, dims);
  if (isFloat(spec.dtype) && !isJudgedExactly) return new Float64Array(elements);
  const bytes = tensorBytes(spec.dtype, elements);
  return viewOf(spec.dtype, new ArrayBuffer(bytes), 0, bytes);
}
