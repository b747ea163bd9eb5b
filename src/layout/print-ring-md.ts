// Print Markdown: the slot ring's tables, for the template of docs/reference/ring.md.

import { assert } from "../base/mod.ts";
import { fieldsOf, type Layout } from "./layout.ts";
import { cell, structTable } from "./print-md.ts";
import * as codes from "./ring-codes.ts";
import { RING_STRUCTURES } from "./ring-constants.ts";
import { RING_LOG_HEADER, RING_LOG_RECORD } from "./ring-log.layout.ts";
import { SIDE_TABLES } from "./ring.layout.ts";

/** The table of this name: a structure, such as `slot`, or one of the lists of codes. */
export function printRingTable(name: string): string {
  const structure = (RING_STRUCTURES as Readonly<Record<string, Layout>>)[name];
  if (structure !== undefined) return structTable(structure);
  const print = TABLES[name];
  assert(print !== undefined, `the ring has a table ${name}`);
  return print();
}

const TABLES: Readonly<Record<string, () => string>> = {
  "control words": () => wordTable(RING_STRUCTURES.control),
  "side tables": () => wordTable(SIDE_TABLES, "array"),
  statuses: () => codeTable(codes.SLOT_STATUS, codes.SLOT_STATUS_NOTES),
  priorities: () => codeTable(codes.PRIORITY),
  opcodes: opcodeTable,
  classes: () => codeTable(codes.OPCODE_CLASS, codes.OPCODE_CLASS_NOTES, "bit"),
  faults: () => codeTable(codes.FAULT_CODES, codes.FAULT_CODE_NOTES),
  flags: () => codeTable(codes.SLOT_FLAGS, codes.SLOT_FLAG_NOTES),
  "io operations": () => codeTable(codes.IO_OP),
  "io statuses": () => codeTable(codes.IO_STATUS),
  "task flags": () => codeTable(codes.TASK_FLAGS),
  "log header": () => structTable(RING_LOG_HEADER),
  "log record": () => structTable(RING_LOG_RECORD),
};

/** A table of words by index, which is how the protocol speaks of them. */
function wordTable(table: Layout, index = "word"): string {
  return rows(
    [`| ${index} | name | meaning |`, "| ---: | --- | --- |"],
    fieldsOf(table).map(([name, { at, count, note }]) => {
      const last = count === 1 ? "" : `–${at / 4 + count - 1}`;
      return `| ${at / 4}${last} | \`${name}\` | ${cell(note)} |`;
    }),
  );
}

function codeTable<Name extends string>(
  table: Readonly<Record<Name, number>>,
  notes?: Readonly<Record<Name, string>>,
  index = "code",
): string {
  const entries = Object.entries<number>(table);
  const [head, rule] = notes === undefined ? ["", ""] : [" meaning |", " --- |"];
  return rows(
    [`| ${index} | name |${head}`, `| ---: | --- |${rule}`],
    entries.map(([name, code]) => {
      const note = notes === undefined ? "" : ` ${cell(notes[name as Name])} |`;
      return `| ${code < 256 ? code : hex(code)} | \`${name}\` |${note}`;
    }),
  );
}

function opcodeTable(): string {
  return rows(
    [
      "| code | name | arguments | class | effect | bound | twice as once | packs |",
      "| ---: | --- | --- | --- | --- | ---: | --- | --- |",
    ],
    Object.entries<codes.Opcode>(codes.OPCODES).map(([name, opcode]) => {
      const { code, args, note, bound } = opcode;
      const [number, given] = [code < 256 ? code : hex(code), args.join(", ")];
      const traits = `${bound} | ${yes(opcode.idempotent)} | ${yes(opcode.packable)}`;
      return `| ${number} | \`${name}\` | ${given} | \`${opcode.class}\` | ${cell(note)} | ${traits} |`;
    }),
  );
}

function rows(head: readonly string[], body: readonly string[]): string {
  return [...head, ...body, ""].join("\n");
}

function yes(holds: boolean): string {
  return holds ? "yes" : "no";
}

function hex(code: number): string {
  return `0x${code.toString(16).toUpperCase()}`;
}
