// Verb: the frame around every command: `--json`, one report when it is done.

import type { Command } from "commander";
import type { Io } from "./io.ts";
import { presentReport, type Report } from "./output.ts";

/** Adds `--json` and lets `run` do the work; what it throws is presented by `main`. */
export function verb<Options extends object>(
  command: Command,
  io: Io,
  run: (args: readonly string[], options: Options) => Promise<Report>,
): void {
  command.option("--json", "print one JSON document instead of text").action(async () => {
    const { json = false, ...options } = command.opts<Options & { json?: boolean }>();
    presentReport(io, await run(command.args, options as unknown as Options), json);
  });
}
