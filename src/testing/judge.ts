// Judge: an assessment that fails aloud, for a kernel author's own tests under any test runner.

import { Failure, type Reference } from "../base/mod.ts";
import { type Assessment, assess, type AssessOptions, type TestKernel } from "./assess.ts";
import { passes, promiseOf } from "./certificate.ts";
import { describeCase, describeWorst, printUlpReport, shown } from "./report.ts";

export type JudgeOptions = Partial<AssessOptions>;

export const SEED_DEFAULT = 1;
export const CASES_DEFAULT = 100;

/**
 * Runs `kernel` and `reference` on a corpus and compares them. Fails with KERNEL_INACCURATE where the
 * kernel breaks the accuracy that its manifest promises, or promises none; with KERNEL_MISBEHAVED where
 * it traps, or refuses what the reference computes, or the other way round.
 */
export async function judge(
  kernel: TestKernel,
  reference: Reference,
  options: JudgeOptions = {},
): Promise<Assessment> {
  const { seed = SEED_DEFAULT, cases = CASES_DEFAULT } = options;
  const { entry } = kernel.verified;
  const { id } = entry;
  const accuracy = promiseOf(entry);
  const assessment = await assess(kernel, reference, { ...options, seed, cases });
  const { errors, violation, worst } = assessment;
  if (violation !== undefined) throw misbehaved(id, seed, violation);
  if (errors === undefined) throw nothingCompared(id, assessment);
  if (passes(assessment)) return assessment;
  const facts = {
    at: `kernel "${id}", seed ${seed}, case ${worst!.drawn.number}`,
    found: `${shown(errors.share)} times the error allowed: ${describeWorst(worst!)}`,
    expected: `errors within ${JSON.stringify(accuracy)}`,
    fix: `Correct the kernel, or what its manifest promises.\n${printUlpReport(errors)}`,
  };
  throw new Failure("KERNEL_INACCURATE", facts, { detail: { share: errors.share } });
}

function misbehaved(
  id: string,
  seed: number,
  { drawn, found, expected, cause }: NonNullable<Assessment["violation"]>,
): Failure {
  const at = `kernel "${id}", seed ${seed}, ${describeCase(drawn)}`;
  const fix = "Correct the kernel, or the reference if it is the one that is wrong.";
  return new Failure("KERNEL_MISBEHAVED", { at, found, expected, fix }, { cause });
}

function nothingCompared(id: string, { refused, skipped }: Assessment): Failure {
  return new Failure("KERNEL_MISBEHAVED", {
    at: `kernel "${id}"`,
    found: `no case that was computed: ${JSON.stringify(refused)} refused, ${skipped} too large`,
    expected: "sizes and params that kernel and reference accept",
    fix: "Pass `hints` that draw them, or correct both.",
  });
}
