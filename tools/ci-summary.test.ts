import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, test } from "vitest";

import { linesOf, summaryOf, withSteps } from "./ci-summary.ts";

const tool = join(import.meta.dirname, "ci-summary.ts");

/** A report of vitest's with one file per list of statuses. */
function report(files: Readonly<Record<string, readonly string[]>>, success = true): string {
  const testResults = Object.entries(files).map(([name, statuses]) => ({
    name,
    status: success ? "passed" : "failed",
    message: "it broke\nbadly",
    assertionResults: statuses.map((status, index) => ({ fullName: `${name} ${index}`, status })),
  }));
  return JSON.stringify({ success, testResults });
}

const sum = (text: string | undefined): string => linesOf(summaryOf(text)).at(-1)!;

test("summaryOf() sums the statuses over files", () => {
  const text = report({ a: ["passed", "skipped", "todo"], b: ["passed", "pending"] });
  expect(sum(text)).toBe("2 passed, 0 failed, 3 skipped");
});

test("linesOf() names what failed and what was skipped before the sum", () => {
  const text = report({ a: ["failed", "skipped", "passed"] }, false);
  expect(linesOf(summaryOf(text))).toEqual([
    "failed: a 0",
    "skipped: a 1",
    "1 passed, 1 failed, 1 skipped",
  ]);
});

test("summaryOf() counts a file that never loaded as one failure", () => {
  const text = report({ a: [] }, false);
  expect(linesOf(summaryOf(text))).toEqual([
    "failed: a: it broke",
    "0 passed, 1 failed, 0 skipped",
  ]);
});

test("summaryOf() counts a missing report, a failure without a test and an unknown status", () => {
  expect(sum(undefined)).toBe("0 passed, 1 failed, 0 skipped");
  expect(sum(JSON.stringify({ success: false, testResults: [] }))).toBe(
    "0 passed, 1 failed, 0 skipped",
  );
  expect(sum(report({ a: ["exploded"] }))).toBe("0 passed, 1 failed, 0 skipped");
});

test("withSteps() counts each command as one test", () => {
  const summary = withSteps(summaryOf(report({ a: ["passed"] })), ["install=0", "check=2"]);
  expect(linesOf(summary)).toEqual(["failed: step check=2", "2 passed, 1 failed, 0 skipped"]);
});

test("ci-summary ends with the sum and says in its exit code whether all is well", () => {
  const folder = mkdtempSync(join(tmpdir(), "annulus-ci-"));
  try {
    const path = join(folder, "report.json");
    writeFileSync(path, report({ a: ["passed"] }));
    const good = execFileSync(process.execPath, [tool, path, "check=0"], { encoding: "utf8" });
    expect(good).toBe("2 passed, 0 failed, 0 skipped\n");
    const bad = spawnSync(process.execPath, [tool, path, "check=1"], { encoding: "utf8" });
    expect(bad.status).toBe(1);
    expect(bad.stdout.trimEnd().split("\n").at(-1)).toBe("1 passed, 1 failed, 0 skipped");
    const none = spawnSync(process.execPath, [tool, join(folder, "none")], { encoding: "utf8" });
    expect([none.status, none.stdout.split("\n").length]).toEqual([1, 3]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
