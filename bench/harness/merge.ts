// Merge: what several fresh processes measured, as one run. A process may be lucky or unlucky as a whole: where its
// memory lies, when the engine compiled what. So a median is that of the processes' medians, as is a goal's value and
// a ratio, while p99 and p99.9 are of all samples together.

import { duration } from "./print.ts";
import type { Entry, Goal, Measured, Row } from "./row.ts";
import { quantilesOf } from "./spread.ts";
import { median } from "./statistics.ts";

/** Of fewer samples a thousandth is none. */
const SAMPLES_FOR_P999 = 1000;
/** The mean of more calls hides a slow one. */
const CALLS_FOR_P999 = 8;

/** The rows of every process, in the order of the first one's. Of one process: its rows, without their spreads. */
export function mergeRuns(runs: readonly (readonly Row[])[]): Row[] {
  const [first = []] = runs;
  return first.map((row, i) =>
    mergeRow(
      row,
      runs.map((run) => same(row, run[i])),
    ),
  );
}

function same(row: Row, other: Row | undefined): Row {
  if (other?.id !== row.id) throw new Error(`a process has no row "${row.id}" in its place`);
  return other;
}

function mergeRow(row: Row, rows: readonly Row[]): Row {
  const entries = row.entries.map((entry, i) =>
    mergeEntry(
      entry,
      rows.map(({ entries: own }) => own[i]!),
    ),
  );
  const goals = row.goals.map((goal, i) =>
    mergeGoal(
      goal,
      rows.map(({ goals: own }) => own[i]!),
    ),
  );
  if (rows.length === 1) return { ...row, entries };
  return { ...row, entries, goals, notes: [...(row.notes ?? []), ...rangeOf(rows)] };
}

function mergeEntry(entry: Entry, entries: readonly Entry[]): Entry {
  if (entry.kind !== "measured") return entry;
  const all = entries.filter((one): one is Measured => one.kind === "measured");
  const { spread: _, ...plain } = entry;
  const spreads = all.flatMap(({ spread }) => (spread === undefined ? [] : [spread]));
  const samples = all.reduce((sum, one) => sum + one.samples, 0);
  const at = spreads.length === all.length ? quantilesOf(spreads) : undefined; // `measure` makes none.
  const ratios = all.flatMap(({ firstOverThis }) => firstOverThis ?? []);
  const hasTail =
    at !== undefined && entry.callsPerSample <= CALLS_FOR_P999 && samples >= SAMPLES_FOR_P999;
  return {
    ...plain,
    samples,
    medianNs: median(all.map(({ medianNs }) => medianNs)),
    p99Ns: all.length > 1 && at !== undefined ? at(0.99) : median(all.map(({ p99Ns }) => p99Ns)),
    leastNs: Math.min(...all.map(({ leastNs }) => leastNs)),
    ...(hasTail ? { p999Ns: at(0.999) } : {}),
    ...(ratios.length === all.length ? { firstOverThis: median(ratios) } : {}),
  };
}

/** Unknown where a process does not know it. */
function mergeGoal(goal: Goal, goals: readonly Goal[]): Goal {
  const values = goals.flatMap(({ value }) => value ?? []);
  return { ...goal, value: values.length < goals.length ? undefined : median(values) };
}

/** How far the processes' medians of ours lie apart. */
function rangeOf(rows: readonly Row[]): string[] {
  const medians = rows.flatMap(({ entries: [ours] }) =>
    ours?.kind === "measured" ? [ours.medianNs] : [],
  );
  if (medians.length === 0) return [];
  const [least, most] = [Math.min(...medians), Math.max(...medians)].map(duration);
  return [`${rows[0]!.id}: ours in ${rows.length} fresh processes: medians ${least} to ${most}`];
}
