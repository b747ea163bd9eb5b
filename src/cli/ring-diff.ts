// annulus ring diff: the first slot and word in which two logs differ.

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
    .description("Name the first slot and word in which two logs differ.")
    .argument("<left>", "a log")
    .argument("<right>", "a log of the same slots, such as `ring replay --output` wrote")
    .addHelpText("after", HELP);
  verb(command, io, async ([left, right]) => {
    using a = openRingLog(resolve(io.cwd, left!));
    using b = openRingLog(resolve(io.cwd, right!));
    let slots = 0;
    const difference = diffLogs(
      counted(a.records(), () => slots++),
      b.records(),
    );
    if (difference !== undefined) throw differ(difference);
    return same(slots, a.torn + b.torn);
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

function* counted<Item>(items: Iterable<Item>, count: () => void): Iterable<Item> {
  for (const item of items) {
    count();
    yield item;
  }
}

function same(slots: number, tornBytes: number): Report {
  const cut = tornBytes > 0 ? [`${tornBytes} bytes at an end were no whole record`] : [];
  return {
    json: { slots, differs: false, tornBytes },
    lines: [`${slots} slots, no difference`, ...cut],
  };
}

function shown(word: number): string {
  return `${word} (0x${word.toString(16)})`;
}

const HELP = `
Slots, tickets and owners may differ: words as published, outcomes and stores may not.

Exit codes: 0 the logs say the same, 5 they differ, 2 usage or unusable input.
`;
