// Print: rows as text for a terminal, baselines side by side.

import { type Entry, type Goal, type Measured, type Row, verdict } from "./row.ts";

const NAME_WIDTH = 44;

export function printRow(row: Row): string {
  const lines = row.entries.map((entry) => `  ${printEntry(entry, row.bytes)}`);
  const goals = row.goals.map((goal) => `  goal ${printGoal(goal)}`);
  const notes = (row.notes ?? []).map((note) => `  note ${note}`);
  return [`${row.id}: ${row.what}`, ...lines, ...goals, ...notes].join("\n");
}

export function printGoal(goal: Goal): string {
  const { text, value } = goal;
  if (value === undefined) return `${text}: not measured`;
  return `${text}: ${verdict(goal)} (${shortNumber(value, 4)})`;
}

function printEntry(entry: Entry, bytes: number | undefined): string {
  const name = entry.name.padEnd(NAME_WIDTH);
  switch (entry.kind) {
    case "measured":
      return `${name} ${printMeasured(entry, bytes)}`;
    case "claimed":
      return `${name} ${duration(entry.medianNs).padStart(10)}  claimed, not measured here`;
    case "not-measured":
      return `${name} not measured: ${entry.why}`;
    case "part":
      return `${name} ${duration(entry.meanNs).padStart(10)}  ${percent(entry.share)}`;
    default:
      return entry satisfies never;
  }
}

function printMeasured(entry: Measured, bytes: number | undefined): string {
  const { medianNs, p99Ns, p999Ns, leastNs } = entry;
  const { allocatedBytes, firstOverThis, samples, callsPerSample } = entry;
  const facts = [
    duration(medianNs).padStart(10),
    `p99 ${duration(p99Ns).padStart(9)}`,
    p999Ns === undefined ? undefined : `p99.9 ${duration(p999Ns).padStart(9)}`,
    `least ${duration(leastNs).padStart(9)}`,
    bytes === undefined ? undefined : rate(bytes, medianNs).padStart(10),
    (firstOverThis === undefined ? "" : `${firstOverThis.toFixed(3)}x`).padStart(8),
    (allocatedBytes === undefined ? "" : `${allocatedBytes} B/call`).padStart(13),
    `${samples} samples of ${callsPerSample}`,
  ];
  return facts.filter((fact) => fact !== undefined).join("  ");
}

/** A share from 0 to 1, to a tenth of a percent. */
export function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

/** Three digits and the unit that suits them. */
export function duration(ns: number): string {
  if (ns < 999.5) return `${shortNumber(ns)} ns`;
  if (ns < 999_500) return `${shortNumber(ns / 1e3)} µs`;
  if (ns < 999_500_000) return `${shortNumber(ns / 1e6)} ms`;
  return `${shortNumber(ns / 1e9)} s`;
}

/** Bytes per nanosecond are gigabytes per second. */
export function rate(bytes: number, ns: number): string {
  const gigabytes = bytes / ns;
  return gigabytes < 1 ? `${shortNumber(gigabytes * 1e3)} MB/s` : `${shortNumber(gigabytes)} GB/s`;
}

/** A few significant digits, without exponent and without digits that mean nothing. */
export function shortNumber(value: number, precision = 3): string {
  const rounded = Math.abs(Number(value.toPrecision(precision)));
  const whole = Math.floor(Math.log10(Math.max(rounded, 0.001))) + 1;
  return value.toFixed(Math.max(0, Math.min(3, precision - whole)));
}
