// Compare: what changed between two files of results: `node bench/compare.ts BEFORE.json AFTER.json`.
//
// Prints after / before of the medians, row by row: below 1 is faster. Only what both files measured
// is compared, under the same row and name. Two runs on a shared machine differ by a tenth for no
// reason at all, which is what the baselines in the list are good for: they did not change.

import { basename } from "node:path";

import { machineClass } from "./harness/machine.ts";
import { duration } from "./harness/print.ts";
import { readResults, type Results } from "./harness/results.ts";
import { geometricMean } from "./harness/statistics.ts";

export interface Change {
  readonly row: string;
  readonly name: string;
  readonly beforeNs: number;
  readonly afterNs: number;
  /** after / before. */
  readonly ratio: number;
  /** True for a row's first entry, which is ours. */
  readonly ours: boolean;
}

/** What both runs measured, in the order of the second. */
export function changesBetween(before: Results, after: Results): Change[] {
  const medians = new Map<string, number>();
  for (const { row, name, medianNs } of measured(before)) medians.set(keyOf(row, name), medianNs);
  return measured(after).flatMap(({ row, name, medianNs, ours }) => {
    const beforeNs = medians.get(keyOf(row, name));
    if (beforeNs === undefined) return [];
    return [{ row, name, beforeNs, afterNs: medianNs, ratio: medianNs / beforeNs, ours }];
  });
}

function measured({ rows }: Results) {
  return rows.flatMap(({ id, entries }) =>
    entries.flatMap((entry, i) =>
      entry.kind === "measured"
        ? [{ row: id, name: entry.name, medianNs: entry.medianNs, ours: i === 0 }]
        : [],
    ),
  );
}

function keyOf(row: string, name: string): string {
  return JSON.stringify([row, name]);
}

export function printChanges(changes: readonly Change[]): string {
  const lines = changes.map(({ row, name, beforeNs, afterNs, ratio, ours }) => {
    const times = `${duration(beforeNs).padStart(10)} -> ${duration(afterNs).padStart(10)}`;
    return `${ratio.toFixed(3).padStart(7)}x ${times}  ${ours ? "*" : " "} ${row}: ${name}`;
  });
  return [
    ...lines,
    ...meanLine(
      "ours (*)",
      changes.filter(({ ours }) => ours),
    ),
  ].join("\n");
}

function meanLine(name: string, changes: readonly Change[]): string[] {
  if (changes.length === 0) return [];
  const mean = geometricMean(changes.map(({ ratio }) => ratio));
  return [`${mean.toFixed(3).padStart(7)}x geometric mean of ${name}`];
}

if (import.meta.main) {
  const [before, after] = process.argv.slice(2);
  if (before === undefined || after === undefined)
    throw new Error("say which two files to compare: node bench/compare.ts BEFORE AFTER");
  const runs = [readResults(before), readResults(after)] as const;
  const classes = runs.map(({ machine }) => machineClass(machine));
  if (classes[0] !== classes[1]) console.log(`different machines: ${classes.join(" and ")}`);
  console.log(`after / before: ${basename(after)} / ${basename(before)}`);
  console.log(printChanges(changesBetween(...runs)));
}
