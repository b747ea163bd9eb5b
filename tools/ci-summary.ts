// CiSummary: turns what the checks and vitest reported into what was skipped and one last line.
//
//   node tools/ci-summary.ts REPORT.json [STEP=EXIT_CODE ...]
//
// Each step counts as one test beside those of vitest's JSON report. A report that is missing, or a
// test file that never loaded, counts as a failure: nothing that did not run may look like a pass.

import { readFileSync } from "node:fs";

export interface Summary {
  readonly passed: number;
  readonly failed: readonly string[];
  readonly skipped: readonly string[];
}

interface Report {
  readonly success: boolean;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
}

/** Sums one report of vitest's, given as the text of its file, or undefined where there is none. */
export function summaryOf(text: string | undefined): Summary {
  if (text === undefined) return { passed: 0, failed: ["vitest wrote no report"], skipped: [] };
  const report = JSON.parse(text) as Report;
  const tests = report.testResults.flatMap((file) => file.assertionResults);
  const named = (...statuses: string[]): string[] =>
    tests.filter(({ status }) => statuses.includes(status)).map(({ fullName }) => fullName);
  const passed = named("passed").length;
  const skipped = named("skipped", "pending", "todo", "disabled");
  const failed = [...named("failed"), ...broken(report)];
  if (passed + skipped.length + named("failed").length !== tests.length) {
    failed.push("vitest's report holds a status that is not known");
  }
  if (!report.success && failed.length === 0) failed.push("vitest failed outside of any test");
  return { passed, failed, skipped };
}

/** Files that failed as a whole, so that their tests were never counted. */
function broken({ testResults }: Report): string[] {
  return testResults
    .filter(({ status, assertionResults }) => {
      return status === "failed" && !assertionResults.some((one) => one.status === "failed");
    })
    .map(({ name, message }) => `${name}: ${message.split("\n")[0]}`);
}

/** Adds steps such as "check=0": the name of a command and the exit code it ended with. */
export function withSteps(summary: Summary, steps: readonly string[]): Summary {
  const failed = steps.filter((step) => !step.endsWith("=0"));
  return {
    passed: summary.passed + steps.length - failed.length,
    failed: [...failed.map((step) => `step ${step}`), ...summary.failed],
    skipped: summary.skipped,
  };
}

/** The lines to print; the last one is the sum. */
export function linesOf({ passed, failed, skipped }: Summary): string[] {
  return [
    ...failed.map((name) => `failed: ${name}`),
    ...skipped.map((name) => `skipped: ${name}`),
    `${passed} passed, ${failed.length} failed, ${skipped.length} skipped`,
  ];
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

if (import.meta.main) {
  const [path = "", ...steps] = process.argv.slice(2);
  const summary = withSteps(summaryOf(textOf(path)), steps);
  for (const line of linesOf(summary)) console.log(line);
  process.exitCode = summary.failed.length === 0 ? 0 : 1;
}
