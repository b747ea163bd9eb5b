// Certificate: what was found out about one kernel on one engine, as a document. The same kernel,
// engine and corpus give the same bytes: it holds no time and no name of a machine.

import { Failure } from "../base/mod.ts";
import { type Accuracy, type KernelEntry, printJson } from "../pack/mod.ts";
import { inspect } from "../sandbox/mod.ts";
import { type Assessment, assess, type AssessOptions, type TestKernel } from "./assess.ts";
import type { Reference } from "../base/mod.ts";
import type { Comparison } from "./compare.ts";
import { corpusHash } from "./corpus.ts";
import { describeCase } from "./report.ts";

export const CERTIFICATE_FORMAT = "annulus-certificate/1";

/** A number; as text where JSON has none for it: NaN, the infinities and -0. */
export type Measured = number | "NaN" | "Infinity" | "-Infinity" | "-0";

export interface Certificate {
  readonly format: typeof CERTIFICATE_FORMAT;
  readonly verdict: "pass" | "fail";
  readonly pack: { readonly name: string; readonly version: string };
  readonly kernel: {
    readonly id: string;
    /** Of the module that ran. */
    readonly hash: string;
    /** Which of the kernel's modules that was. */
    readonly variant: string;
    /** WebAssembly features that the module uses, sorted. */
    readonly features: readonly string[];
  };
  /** Name and version of what ran it. */
  readonly engine: string;
  readonly corpus: {
    readonly seed: number;
    readonly cases: number;
    readonly hash: string;
  };
  /** What the manifest promises. */
  readonly accuracy: Readonly<Record<string, number>>;
  /** Cases by what became of them; `refused` were refused by kernel and reference alike. */
  readonly cases: {
    readonly compared: number;
    readonly refused: Readonly<Record<string, number>>;
    readonly skipped: number;
  };
  readonly numbers: number;
  /** The largest error in each measure; `share` is that of what the contract allows. */
  readonly errors: {
    readonly abs: Measured;
    readonly rel: Measured;
    readonly ulp: Measured;
    readonly row: Measured;
    readonly share: Measured;
  } | null;
  /** Where the largest share was. With seed and number any host draws the case again. */
  readonly worst: {
    readonly case: number;
    readonly drawn: string;
    readonly output: string;
    readonly index: number;
    readonly actual: Measured;
    readonly expected: Measured;
    readonly dims: Readonly<Record<string, number>>;
    readonly params: Readonly<Record<string, Measured | string | boolean>>;
    readonly shapes: Readonly<Record<string, readonly number[]>>;
  } | null;
  /** What the kernel may not do at all and did. */
  readonly violation: {
    readonly case: number;
    readonly found: string;
    readonly expected: string;
  } | null;
}

export interface CertifyOptions extends AssessOptions {
  /** Name and version of the engine, such as "node 24.11.0 (v8 13.6)". */
  readonly engine: string;
}

/** Judges a kernel on a corpus and writes down what was found. Fails where it promises no accuracy. */
export async function certify(
  tested: TestKernel,
  reference: Reference,
  options: CertifyOptions,
): Promise<Certificate> {
  return certificateOf(tested, await assess(tested, reference, options), options);
}

/** The certificate for an assessment that was made with these options. */
export async function certificateOf(
  { verified, kernel: { variant } }: TestKernel,
  assessment: Assessment,
  { engine, seed, cases }: CertifyOptions,
): Promise<Certificate> {
  const { entry, modules, packName: name, packVersion: version } = verified;
  const accuracy = promiseOf(entry);
  const { compared, refused, skipped, errors, hashes } = assessment;
  const { hash } = modules.find((module) => module.variant === variant)!;
  const features = inspect(verified.copyBytes(variant)).features.map(({ feature }) => feature);
  return {
    format: CERTIFICATE_FORMAT,
    verdict: passes(assessment) ? "pass" : "fail",
    pack: { name, version },
    kernel: { id: entry.id, hash, variant, features: features.toSorted() },
    engine,
    corpus: { seed, cases, hash: await corpusHash(hashes) },
    accuracy: promised(accuracy),
    cases: { compared, refused: sorted(refused), skipped },
    numbers: errors?.counted ?? 0,
    errors: errors === undefined ? null : errorsOf(errors),
    worst: worstOf(assessment),
    violation: violationOf(assessment),
  };
}

/** Whether a kernel kept its word on all that was compared, and something was. */
export function passes({ errors, violation }: Assessment): boolean {
  return violation === undefined && errors !== undefined && errors.share <= 1;
}

/** Whether a manifest promises anything. */
export function isPromised(accuracy: Accuracy | undefined): accuracy is Accuracy {
  return accuracy !== undefined && Object.keys(promised(accuracy)).length > 0;
}

/** What a kernel promises. Fails with KERNEL_INACCURATE where that is nothing. */
export function promiseOf({ id, accuracy }: KernelEntry): Accuracy {
  if (isPromised(accuracy)) return accuracy;
  throw new Failure("KERNEL_INACCURATE", {
    at: `kernel "${id}"`,
    found: "no accuracy in the manifest",
    expected: `one of ${MEASURES.join(", ")}`,
    fix: "Declare how far results may lie from the reference.",
  });
}

/** The certificate as a file: JSON whose keys are in the order of the interface. */
export function printCertificate(certificate: Certificate): string {
  return printJson(certificate);
}

const MEASURES = ["max_abs", "max_rel", "max_ulp", "max_row"] as const;

function promised(accuracy: Accuracy): Record<string, number> {
  return Object.fromEntries(
    MEASURES.flatMap((measure) => {
      const value = accuracy[measure];
      return value === undefined ? [] : [[measure, value]];
    }),
  );
}

function errorsOf({ maxAbs, maxRel, maxUlp, maxRow, share }: Comparison): Certificate["errors"] {
  const [abs, rel, ulp] = [measured(maxAbs), measured(maxRel), measured(maxUlp)];
  return { abs, rel, ulp, row: measured(maxRow), share: measured(share) };
}

function worstOf({ worst }: Assessment): Certificate["worst"] {
  if (worst === undefined) return null;
  const { drawn, output, index, actual, expected } = worst;
  const params = Object.entries(drawn.params).map(([name, value]) => {
    if (typeof value === "bigint") return [name, `${value}`] as const;
    return [name, typeof value === "number" ? measured(value) : value] as const;
  });
  return {
    case: drawn.number,
    drawn: describeCase(drawn),
    output,
    index,
    actual: measured(actual),
    expected: measured(expected),
    dims: drawn.dims,
    params: Object.fromEntries(params),
    shapes: Object.fromEntries(
      Object.entries(drawn.inputs).map(([name, { shape }]) => [name, shape]),
    ),
  };
}

function violationOf({ violation }: Assessment): Certificate["violation"] {
  if (violation === undefined) return null;
  const { drawn, found, expected } = violation;
  return { case: drawn.number, found, expected };
}

function measured(value: number): Measured {
  if (Object.is(value, -0)) return "-0";
  return Number.isFinite(value) ? value : (String(value) as Measured);
}

/** Keys in an order of their own, whatever came first in the corpus. */
function sorted(counts: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
