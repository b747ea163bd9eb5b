// annulus ring show: a log's records, one line each.

import { resolve } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { FAULT_CODES, OPCODES, SLOT_STATUS } from "../layout/mod.ts";
import { openRingLog } from "../platform/node/mod.ts";
import type { LogRecord } from "../ring/mod.ts";
import type { Io } from "./io.ts";
import { type Report, table } from "./output.ts";
import { verb } from "./verb.ts";

const DEFAULT_LIMIT = 50;

interface ShowOptions {
  readonly limit: number;
}

export function ringShow(ring: Command, io: Io): void {
  const command = ring
    .command("show")
    .description("Show the slots of a log and what became of them.")
    .argument("<log>", "a log")
    .option("--limit <count>", "records to show", count, DEFAULT_LIMIT);
  verb<ShowOptions>(command, io, async ([path], { limit }) => {
    using log = openRingLog(resolve(io.cwd, path!));
    const shown: LogRecord[] = [];
    let records = 0;
    for (const record of log.records()) if (records++ < limit) shown.push(record);
    return reportOf(shown, { records, torn: log.torn });
  });
}

function reportOf(
  shown: readonly LogRecord[],
  { records, torn }: { records: number; torn: number },
): Report {
  const rows = shown.map((record) => [
    ...[`${record.number}`, `${record.slot}`, `${record.owner}`, `${record.published[2]}`],
    ...[nameOf(OPCODES, record.published[1]!), outcome(record), `${record.writes}`],
  ]);
  const heads = ["number", "slot", "owner", "tenant", "opcode", "outcome", "stores"];
  const more = records > shown.length ? [`and ${records - shown.length} more; see --limit`] : [];
  const cut = torn > 0 ? [`${torn} bytes at the end are no whole record`] : [];
  return {
    json: { records: shown, total: records, tornBytes: torn },
    lines: [...table([heads, ...rows]), ...more, ...cut],
  };
}

function outcome({ status, code, detail }: LogRecord): string {
  if (status === SLOT_STATUS.DONE) return "done";
  const name = Object.entries(FAULT_CODES).find(([, number]) => number === code)?.[0] ?? `${code}`;
  return `${name} ${detail}`;
}

function nameOf(opcodes: typeof OPCODES, code: number): string {
  return Object.entries(opcodes).find(([, opcode]) => opcode.code === code)?.[0] ?? `${code}`;
}

function count(text: string): number {
  if (/^\d+$/.test(text) && Number(text) > 0) return Number(text);
  throw new InvalidArgumentError("a whole number from 1");
}
