// Pack test report: what `annulus pack test` found, one line per kernel and variant.

import type { VerifiedKernel, VerifiedPack } from "../pack/mod.ts";
import type { Kernel } from "../sandbox/mod.ts";
import {
  type Assessment,
  type Certificate,
  describeCase,
  passes,
  printUlpReport,
} from "../testing/mod.ts";
import { type Report, table } from "./output.ts";
import type { TestOptions } from "./pack-test-options.ts";

/** One variant of one kernel, tested or not. */
export interface Tested {
  readonly verified: VerifiedKernel;
  readonly kernel: Kernel;
  /** The reference's name. */
  readonly reference: string | undefined;
  /** Why the kernel was not tested; undefined where it was. */
  readonly untested: string | undefined;
  readonly assessment?: Assessment;
  readonly certificate?: Certificate;
}

export function reportOf(
  pack: VerifiedPack,
  tested: readonly Tested[],
  files: readonly string[],
  { seed, cases }: TestOptions,
): Report {
  const { name, version } = pack.manifest;
  const count = (word: string): number => tested.filter((one) => wordOf(one) === word).length;
  const counts = { passed: count("pass"), failed: count("FAIL"), untested: count("untested") };
  return {
    json: { pack: name, version, seed, cases, ...counts, kernels: tested.map(asJson), files },
    lines: [
      `${name} ${version}, seed ${seed}, ${cases} cases per kernel`,
      ...table(tested.map(rowOf)),
      ...tested.flatMap(detailsOf),
      ...files.map((file) => `wrote ${file}`),
      `${counts.passed} passed, ${counts.failed} failed, ${counts.untested} untested`,
    ],
    warnings: pack.warnings,
  };
}

function asJson(one: Tested) {
  const { kernel, reference = null, untested = null, certificate = null } = one;
  const word = wordOf(one).toLowerCase();
  return {
    id: kernel.id,
    variant: kernel.variant,
    verdict: word,
    reference,
    untested,
    certificate,
  };
}

function wordOf({ untested, assessment }: Tested): "pass" | "FAIL" | "untested" {
  if (untested !== undefined || assessment === undefined) return "untested";
  return passes(assessment) ? "pass" : "FAIL";
}

function rowOf(one: Tested): string[] {
  const { kernel, untested, assessment } = one;
  const start = [wordOf(one), kernel.id, kernel.variant];
  if (untested !== undefined || assessment === undefined) return [...start, untested ?? "", ""];
  const { compared, skipped } = assessment;
  const refused = refusedIn(assessment);
  const counts = [
    `${compared} compared`,
    ...(refused === 0 ? [] : [`${refused} refused by both`]),
    ...(skipped === 0 ? [] : [`${skipped} too large`]),
  ];
  return [...start, errorsOf(one), counts.join(", ")];
}

function refusedIn({ refused }: Assessment): number {
  return Object.values(refused).reduce((sum, count) => sum + count, 0);
}

/** The worst error as a share of what was allowed there. */
function errorsOf({ kernel, assessment }: Tested): string {
  const { errors, violation } = assessment!;
  if (violation !== undefined) return "misbehaves";
  if (errors === undefined) return "";
  return `${digits(100 * errors.share)} % of ${promiseOf(kernel)}`;
}

function promiseOf({ entry }: Kernel): string {
  const { max_abs, max_rel, max_ulp, max_row } = entry.accuracy!;
  const promised = Object.entries({ max_abs, max_rel, max_ulp, max_row });
  const said = promised.flatMap(([name, value]) =>
    value === undefined ? [] : [`${name} ${value}`],
  );
  return said.join(" + ");
}

function digits(value: number): string {
  return Number(value.toPrecision(3)).toString();
}

/** What a person needs to see of a kernel that failed. */
function detailsOf(one: Tested): string[] {
  if (wordOf(one) !== "FAIL") return [];
  const { errors, worst, violation } = one.assessment!;
  const { found, expected } = verdictOf(one);
  const where = violation?.drawn ?? worst?.drawn;
  return [
    "",
    `${one.kernel.id}, ${one.kernel.variant}: ${found}; expected ${expected}`,
    ...(where === undefined ? [] : [describeCase(where)]),
    ...(errors === undefined ? [] : printUlpReport(errors).split("\n")),
  ];
}

/** How a kernel that was tested did, in words. */
export function verdictOf({ kernel, assessment }: Tested): {
  readonly passed: boolean;
  readonly found: string;
  readonly expected: string;
} {
  const { violation, errors, worst } = assessment!;
  const passed = passes(assessment!);
  if (violation !== undefined) {
    const { found, expected, drawn } = violation;
    return { passed, found: `${found} in case ${drawn.number}`, expected };
  }
  const where = worst === undefined ? "" : ` in case ${worst.drawn.number}`;
  const found = `${digits(errors?.share ?? 0)} times the error allowed${where}`;
  return { passed, found, expected: `errors within ${promiseOf(kernel)}` };
}
