// Io: all that a command line touches of the world around it, so that tests can stand in for it.

import { readFileSync } from "node:fs";

export interface Io {
  /** Results, for people or, with --json, for programs. */
  readonly out: (text: string) => void;
  /** Everything else: failures, warnings, help after a mistake. */
  readonly err: (text: string) => void;
  /** Relative paths start here. */
  readonly cwd: string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** This runtime's version. */
  readonly version: string;
}

/** The process that this is. */
export function processIo(): Io {
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    cwd: process.cwd(),
    now: Date.now,
    version: packageVersion(),
  };
}

/** Two folders up lies package.json, whether this file runs as source or as built. */
function packageVersion(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { readonly version: string }).version;
}
