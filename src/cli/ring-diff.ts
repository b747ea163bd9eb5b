// annulus ring diff: the first slot and word in which two logs differ. Exit code 1 where they do.

import { resolve } from "node:path";
import type { Command } from "commander";
import { Failure } from "../base/mod.ts";
import { openRingLog } from "../platform/node/mod.ts";
import { diffLogs, type LogDifference } from "../ring/mod.ts";
import type { Io } from "./io.ts";
import type { Report } from "./output.ts";
import { verb } from "./verb.ts";

export function ringDiff(ring: Command, io: Io): void {
  const command = ring
    .command("diff")
    .description("Name the first slot and word in which two logs differ; exit with 1 if they do.")
    .argument("<left>", "a log")
    .argument("<right>", "a log of the same slots, such as `ring replay --output` wrote");
  verb(command, io, async ([left, right]) => {
    using a = openRingLog(resolve(io.cwd, left!));
    using b = openRingLog(resolve(io.cwd, right!));
    const difference = diffLogs(a.records(), b.records());
    if (difference !== undefined) throw differ(difference);
    return same(a.size);
  });
}

/** A difference as the failure that names it. */
export function differ({ record, slot, ticket, word, left, right }: LogDifference): Failure {
  return new Failure("RINGS_DIFFER", {
    at: `record ${record}, slot ${slot}, ticket ${ticket}: ${word}`,
    found: right === undefined ? "nothing" : shown(right),
    expected: left === undefined ? "nothing" : shown(left),
    fix: "Look at this slot first: later differences may follow from it.",
  });
}

function same(slots: number): Report {
  return { json: { slots, differs: false }, lines: [`${slots} slots, no difference`] };
}

function shown(word: number): string {
  return `${word} (0x${word.toString(16)})`;
}
