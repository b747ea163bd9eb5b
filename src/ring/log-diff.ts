// Log diff: where two logs of the same slots first say something else.

import { SLOT } from "../layout/mod.ts";
import type { LogRecord } from "./log.ts";

export interface LogDifference {
  /** Counted from 1 in both logs. */
  readonly record: number;
  readonly slot: number;
  readonly ticket: number;
  /** What differs: "published word 4 (args[0])", "status", "control word 163". */
  readonly word: string;
  /** Undefined where a log ends before the other. */
  readonly left: number | undefined;
  readonly right: number | undefined;
}

/** The first difference; undefined where both tell the same. Slots, tickets and owners may differ. */
export function diffLogs(
  left: Iterable<LogRecord>,
  right: Iterable<LogRecord>,
): LogDifference | undefined {
  const others = right[Symbol.iterator]();
  let record = 0;
  for (const one of left) {
    record++;
    const other = others.next();
    if (other.done === true) return ended(record, one, { left: one.number, right: undefined });
    const found = firstDifference(one, other.value);
    if (found !== undefined) return { record, slot: one.slot, ticket: one.ticket, ...found };
  }
  const more = others.next();
  if (more.done === true) return undefined;
  return ended(record + 1, more.value, { left: undefined, right: more.value.number });
}

type Sides = Pick<LogDifference, "left" | "right">;

function ended(record: number, { slot, ticket }: LogRecord, sides: Sides): LogDifference {
  return { record, slot, ticket, word: "end of the log", ...sides };
}

function firstDifference(a: LogRecord, b: LogRecord): (Sides & { word: string }) | undefined {
  for (const [i, left] of a.published.entries()) {
    const right = b.published[i]!;
    if (left !== right) return { word: `published word ${i} (${nameOf(i)})`, left, right };
  }
  for (const word of ["status", "code", "detail"] as const)
    if (a[word] !== b[word]) return { word, left: a[word], right: b[word] };
  return writesDifference(a, b);
}

function writesDifference(a: LogRecord, b: LogRecord): (Sides & { word: string }) | undefined {
  for (const [i, { index, value }] of a.firstWrites.entries()) {
    const other = b.firstWrites[i];
    if (other === undefined) break;
    if (index !== other.index)
      return { word: `index of store ${i + 1}`, left: index, right: other.index };
    if (value !== other.value)
      return { word: `control word ${index}`, left: value, right: other.value };
  }
  if (a.writes !== b.writes)
    return { word: "number of stored control words", left: a.writes, right: b.writes };
  if (a.writesHash === b.writesHash) return undefined;
  return { word: "hash of the stored control words", left: a.writesHash, right: b.writesHash };
}

function nameOf(word: number): string {
  const names = ["status", "opcode", "tenant", "priority"];
  return names[word] ?? `args[${word - SLOT.fields.args.at / 4}]`;
}
