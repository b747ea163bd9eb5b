// Results: a run as a file, so that runs can be kept and compared.

import { readFileSync } from "node:fs";

import type { Machine } from "./machine.ts";
import type { Row } from "./row.ts";

/** Changes when a field changes its meaning: such files cannot be compared. */
const FORMAT = 1;

export interface Results {
  readonly format: number;
  /** UTC, to the second. */
  readonly at: string;
  /** The commit that was measured, where known; "+" behind it: with changes. */
  readonly commit: string | undefined;
  readonly machine: Machine;
  readonly effort: "full" | "quick";
  /** Mean number of processes that wanted to run in the minute before the start and before the end. */
  readonly load: readonly [atStart: number, atEnd: number];
  readonly rows: readonly Row[];
}

export function newResults(run: Omit<Results, "format">): Results {
  return { format: FORMAT, ...run };
}

/** Reads a file that `npm run bench` wrote. */
export function readResults(file: string): Results {
  return parseResults(readFileSync(file, "utf8"), file);
}

export function parseResults(text: string, name: string): Results {
  const value: unknown = JSON.parse(text);
  const isOurs = typeof value === "object" && value !== null && "format" in value;
  if (!isOurs || value.format !== FORMAT)
    throw new Error(`${name} is not a result of \`npm run bench\` in format ${FORMAT}`);
  return value as Results; // Written by this program.
}

export function printResults(results: Results): string {
  return `${JSON.stringify(results, rounded, 2)}\n`;
}

/** Digits beyond the sixth are noise, and make files hard to read. */
function rounded(_key: string, value: unknown): unknown {
  if (typeof value !== "number" || Number.isInteger(value)) return value;
  return Number(value.toPrecision(6));
}
