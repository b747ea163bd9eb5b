// annulus doctor: proves that this machine can run Annulus, by doing what it takes, or says what fails.

import type { Command } from "commander";
import { Failure, type Issue } from "../base/mod.ts";
import type { Check } from "./doctor-check.ts";
import { checks } from "./doctor-checks.ts";
import type { Io } from "./io.ts";
import { plain, type Report, table } from "./output.ts";
import { verb } from "./verb.ts";

export function doctorVerb(program: Command, io: Io): void {
  const command = program
    .command("doctor")
    .description("Check that this machine can run Annulus: exit code 0 if so, else 1.");
  verb<object>(command, io, async () => {
    const found = await checks(io);
    const report = reportOf(found);
    const failed = found.filter(({ ok, needed }) => needed && !ok);
    if (failed.length === 0) return report;
    const isText = command.opts<{ json?: boolean }>().json !== true;
    if (isText) io.out(report.lines.map((line) => `${plain(line)}\n`).join(""));
    throw unfit(failed, found);
  });
}

function reportOf(found: readonly Check[]): Report {
  const ok = found.every((check) => check.ok || !check.needed);
  return {
    json: { checks: found },
    lines: [
      ...table(found.map((check) => [stateOf(check), check.name, wordsOf(check)])),
      ok ? "This machine can run Annulus." : "This machine cannot run Annulus.",
    ],
  };
}

function stateOf({ ok, needed }: Check): string {
  if (ok) return "ok";
  return needed ? "FAILED" : "absent";
}

/** What was found and, where that is not enough, what to do about it. */
function wordsOf({ ok, found, turnOn }: Check): string {
  return ok ? found : `${found.replace(/\.$/, "")}. ${turnOn}`;
}

function unfit(failed: readonly Check[], found: readonly Check[]): Failure {
  const issues = failed.map(issueOf);
  return new Failure("ENGINE_UNSUPPORTED", issues[0]!, { issues, detail: { checks: found } });
}

function issueOf({ name, found, expected, turnOn }: Check): Issue {
  return { code: "check-failed", at: name, found, expected, fix: turnOn };
}
