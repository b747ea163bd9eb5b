// Row: one question's answer: what was measured, what it is compared with, and which goals it reaches.
// Everything here is plain data, so that a row passes between processes and into a file as it is.

import type { Spread } from "./spread.ts";

/** What was measured here: nanoseconds of one call. */
export interface Measured {
  readonly kind: "measured";
  readonly name: string;
  readonly medianNs: number;
  /** 99th percentile of the samples. A sample of several calls is their mean, and hides one slow call. */
  readonly p99Ns: number;
  /** 99.9th percentile, where there are a thousand samples of few calls; undefined elsewhere. */
  readonly p999Ns?: number | undefined;
  /** How often which time was seen, until the processes of a benchmark are merged. */
  readonly spread?: Spread | undefined;
  /** The least of the samples: on a machine that others use, the time of a call that they left alone. */
  readonly leastNs: number;
  readonly samples: number;
  readonly callsPerSample: number;
  /** Bytes of JavaScript heap and of buffers that one call allocates; undefined where it was not asked. */
  readonly allocatedBytes?: number | undefined;
  /** The first entry's time over this one's, from samples taken in turn. Below 1 the first is faster. */
  readonly firstOverThis?: number | undefined;
}

/** What somebody says it takes: never measured here, so never part of a goal. */
export interface Claimed {
  readonly kind: "claimed";
  readonly name: string;
  readonly medianNs: number;
}

export interface NotMeasured {
  readonly kind: "not-measured";
  readonly name: string;
  readonly why: string;
}

/** A part of what was measured, and its share of the whole. */
export interface Part {
  readonly kind: "part";
  readonly name: string;
  readonly meanNs: number;
  /** From 0 to 1. */
  readonly share: number;
}

export type Entry = Measured | Claimed | NotMeasured | Part;

export interface Goal {
  /** For people: "<= 50 ns". */
  readonly text: string;
  readonly limit: number;
  /** True where more is better, as for bytes per second. */
  readonly atLeast: boolean;
  /** In the goal's own unit; undefined where what it needs was not measured. */
  readonly value: number | undefined;
}

export interface Row {
  /** Stable between runs: `compare.ts` matches rows by it. */
  readonly id: string;
  readonly what: string;
  /** Ours first; then baselines. */
  readonly entries: readonly Entry[];
  readonly goals: readonly Goal[];
  /** Bytes that one call reads and writes, for rates. */
  readonly bytes?: number | undefined;
  readonly notes?: readonly string[] | undefined;
  /** Rows of the same name stand in one table with a column for each entry. */
  readonly table?: string | undefined;
}

/** "unknown" where the goal's value could not be measured. */
export function verdict({ limit, value, atLeast }: Goal): "reached" | "missed" | "unknown" {
  if (value === undefined) return "unknown";
  return (atLeast ? value >= limit : value <= limit) ? "reached" : "missed";
}

export function atMost(text: string, limit: number, value: number | undefined): Goal {
  return { text, limit, value, atLeast: false };
}

export function atLeast(text: string, limit: number, value: number | undefined): Goal {
  return { text, limit, value, atLeast: true };
}

/** The measured entry of that name; undefined where it was not measured. */
export function measuredIn(entries: readonly Entry[], name: string): Measured | undefined {
  const found = entries.find((entry) => entry.name === name);
  return found?.kind === "measured" ? found : undefined;
}
