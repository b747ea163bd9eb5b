// Output: the one place where results and failures become text, JSON and exit codes.
//
// Results go to standard output; failures go to standard error for people and, with --json, to standard
// output as `{ "ok": false, "error": … }`. What comes from a pack is shown without its control
// characters: a name must not move a terminal's cursor.

import { Failure, FAILURES, type Issue } from "../base/mod.ts";
import { printJson } from "../pack/mod.ts";
import { EXIT_CODES, type ExitCode } from "./exit-codes.ts";
import type { Io } from "./io.ts";

/** What a verb has to say when it is done. */
export interface Report {
  readonly json: Readonly<Record<string, unknown>>;
  readonly lines: readonly string[];
  readonly warnings?: readonly Issue[];
}

export function presentReport(io: Io, report: Report, json: boolean): void {
  const { warnings = [] } = report;
  if (json) {
    io.out(printJson({ ok: true, ...report.json, warnings }));
    return;
  }
  io.out(report.lines.map((line) => `${plain(line)}\n`).join(""));
  for (const issue of warnings) io.err(`warning: ${oneLine(issue)}\n`);
}

/** Shows what went wrong and says how the process should end. */
export function presentFailure(io: Io, error: unknown, json: boolean): ExitCode {
  if (json) io.out(printJson({ ok: false, error: describeError(error) }));
  else io.err(`${failureLines(error).map(plain).join("\n")}\n`);
  return error instanceof Failure ? EXIT_CODES[error.code] : 1;
}

/** Rows of cells as lines, each column as wide as its widest cell. Numbers, to the right, follow texts. */
export function table(rows: readonly (readonly string[])[], texts = Infinity): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => plain(row[column]!).length)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column]!;
        return column < texts ? plain(cell).padEnd(width) : plain(cell).padStart(width);
      })
      .join("  ")
      .trimEnd(),
  );
}

/** `text` with every character that a terminal would act on, or not show, spelt out. */
export function plain(text: string): string {
  return text.replaceAll(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`,
  );
}

function failureLines(error: unknown): string[] {
  if (!(error instanceof Failure)) {
    const trace = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return `annulus: unexpected: ${trace}`.split("\n");
  }
  const { code, at, found, expected, fix, issues } = error;
  const facts = Object.entries({ at, found, expected, fix }).filter(
    ([, fact]) => fact !== undefined,
  );
  return [
    `annulus: ${FAILURES[code]} [${code}]`,
    ...facts.map(([name, fact]) => `  ${name.padEnd(8)}  ${fact}`),
    ...(issues.length > 1 ? issues.map((issue) => `  - ${oneLine(issue)}`) : []),
  ];
}

function oneLine({ code, at, found, expected, fix }: Issue): string {
  const where = at === "" ? "" : ` at ${at}`;
  return plain(`${code}${where}: found ${found}; expected ${expected}. ${fix}`);
}

function describeError(error: unknown): unknown {
  if (error instanceof Failure) return error.toJSON();
  return { code: "INTERNAL", message: error instanceof Error ? error.message : String(error) };
}
