// Spin: explores every state of a Promela model, and says what it found.

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const MODEL = fileURLToPath(new URL("ring.pml", import.meta.url));
/** What a search may use, in MiB: a larger state space is cut, and `cut` says so. */
const MEMORY_MIB = 4000;

export interface Explored {
  /** The first error, as spin names it; undefined when no order of steps has one. */
  readonly error: string | undefined;
  readonly states: number;
  /** The search ended before it had seen every state. */
  readonly cut: boolean;
}

/** Explores the ring's model as `defines` vary it, for example `ITEMS=3`. */
export function exploreModel(...defines: string[]): Explored {
  const folder = mkdtempSync(join(tmpdir(), "annulus-spin-"));
  try {
    const options = { cwd: folder, encoding: "utf8", stdio: "pipe" } as const;
    execFileSync("spin", ["-a", ...defines.map((define) => `-D${define}`), MODEL], options);
    const limits = ["-DSAFETY", "-DCOLLAPSE", `-DMEMLIM=${MEMORY_MIB}`];
    execFileSync("gcc", ["-w", "-O2", ...limits, "-o", "pan", "pan.c"], options);
    return read(execFileSync(join(folder, "pan"), ["-m100000"], options));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function read(report: string): Explored {
  const states = /^\s*(\d+) states, stored/m.exec(report)?.[1];
  if (states === undefined) throw new Error(`not a report of spin:\n${report}`);
  const error = /^pan:1: (.*) \(at depth \d+\)$/m.exec(report)?.[1];
  const cut = /max search depth too small|reached -DMEMLIM/.test(report);
  return { error, states: Number(states), cut };
}
