#!/usr/bin/env node
// Main: the command line `annulus`. Each verb registers itself from a file of its own.

import { existsSync, realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Command, CommanderError } from "commander";
import { Failure } from "../base/mod.ts";
import { doctorVerb } from "./doctor.ts";
import type { ExitCode } from "./exit-codes.ts";
import { generateVerb } from "./generate.ts";
import { initVerbs } from "./init.ts";
import { type Io, processIo } from "./io.ts";
import { presentFailure } from "./output.ts";
import { moduleVerbs } from "./module.ts";
import { packVerbs } from "./pack.ts";
import { ringVerbs } from "./ring.ts";
import { runVerb } from "./run.ts";
import { topVerb } from "./top.ts";

/** Every verb: a function that adds its command to the program. */
const VERBS: readonly ((program: Command, io: Io) => void)[] = [
  runVerb,
  generateVerb,
  packVerbs,
  initVerbs,
  moduleVerbs,
  ringVerbs,
  topVerb,
  doctorVerb,
];

/** Runs one command line, without the program's name. Never throws. */
export async function main(argv: readonly string[], io: Io): Promise<ExitCode> {
  const program = new Command("annulus")
    .description("Run signed, sandboxed WebAssembly kernels.")
    .version(io.version)
    .exitOverride()
    .configureOutput({
      writeOut: io.out,
      writeErr: io.err,
      outputError: () => {}, // Told by presentFailure, like every other mistake.
    });
  for (const register of VERBS) register(program, io);
  try {
    await program.parseAsync([...argv], { from: "user" });
    return 0;
  } catch (error) {
    if (!(error instanceof CommanderError))
      return presentFailure(io, error, argv.includes("--json"));
    if (error.exitCode === 0) return 0; // Help or the version, as asked.
    if (error.code === "commander.help") return 2; // No verb: the help is shown already.
    return presentFailure(io, usage(error), argv.includes("--json"));
  }
}

function usage(error: CommanderError): Failure {
  return new Failure(
    "USAGE",
    {
      found: error.message.replace(/^error: /, ""),
      expected: "a command as `annulus --help` describes it",
      fix: "Add --help to the command to see what it takes.",
    },
    { cause: error },
  );
}

/** A reader that has seen enough, such as `head`, closes the pipe: that is no failure of ours. */
function endOfOutput(cause: NodeJS.ErrnoException): void {
  if (cause.code === "EPIPE") process.exit(0);
  const facts = {
    at: "standard output",
    found: cause.message,
    expected: "a place to write to",
    fix: "Free some space where the output goes, or send it elsewhere.",
  };
  const failure = new Failure("OUTPUT_UNWRITABLE", facts, { cause });
  process.exit(presentFailure(processIo(), failure, false));
}

/** True when this file is the program and not an import; the program may be started by a link. */
function isProgram(): boolean {
  const started = process.argv[1];
  if (started === undefined || !existsSync(started)) return false;
  return realpathSync(started) === fileURLToPath(import.meta.url);
}

if (isProgram()) {
  process.stdout.on("error", endOfOutput);
  process.stderr.on("error", () => process.exit(1)); // There is nowhere left to say why.
  process.exitCode = await main(process.argv.slice(2), processIo());
}
