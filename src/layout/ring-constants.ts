// Ring constants: every number of the ring under one name, in the order in which each language prints
// them, and the structures that go with them.

import { type Layout, fieldsOf } from "./layout.ts";
import { constantName } from "./names.ts";
import * as codes from "./ring-codes.ts";
import * as ring from "./ring.layout.ts";

/** An unsigned 32-bit constant. */
export interface RingConstant {
  readonly name: string;
  readonly value: number;
  readonly note: string;
}

/** The structures that lie in memory as written, by the name of one of them. */
export const RING_STRUCTURES = {
  ring_header: ring.RING_HEADER,
  slot: ring.SLOT,
  control: ring.CONTROL,
  lane_cursors: ring.LANE_CURSORS,
  bells: ring.BELLS,
  debug_record: ring.DEBUG_RECORD,
  io_entry: ring.IO_ENTRY,
  task_slot: ring.TASK_SLOT,
} as const satisfies Readonly<Record<string, Layout>>;

/** Fields that several threads write, so that only atomic operations may touch them. */
export const ATOMIC_FIELDS: ReadonlySet<string> = new Set([
  ...["slot.status", "io_entry.status"],
  ...fieldsOf(ring.LANE_CURSORS).map(([name]) => `lane_cursors.${name}`),
  ...fieldsOf(ring.BELLS).map(([name]) => `bells.${name}`),
  ...fieldsOf(ring.CONTROL).map(([name]) => `control.${name}`),
]);

/** Every constant, by group. */
export function ringConstants(): readonly (readonly [title: string, readonly RingConstant[]])[] {
  return [
    ["The ring", shapeConstants()],
    ["Control words, as indices of words", wordsOf("CONTROL", ring.CONTROL)],
    ["Side tables, each as long as the ring has slots", wordsOf("SIDE", ring.SIDE_TABLES)],
    ["Statuses of a slot", coded("STATUS", codes.SLOT_STATUS, codes.SLOT_STATUS_NOTES)],
    ["Priorities", coded("PRIORITY", codes.PRIORITY)],
    ["Opcodes", opcodes("OP", "code")],
    ["Argument words of each opcode", opcodes("ARITY", "arity")],
    ["Bits of tenant masks", coded("CLASS", codes.OPCODE_CLASS, codes.OPCODE_CLASS_NOTES)],
    ["Faults", coded("FAULT", codes.FAULT_CODES, codes.FAULT_CODE_NOTES)],
    ["Flags of a slot", coded("FLAG", codes.SLOT_FLAGS, codes.SLOT_FLAG_NOTES)],
    ["IO operations", coded("IO", codes.IO_OP)],
    ["IO statuses", coded("IO_STATUS", codes.IO_STATUS)],
    ["Flags of a task", coded("TASK", codes.TASK_FLAGS)],
    ["Classes of a window's items", coded("WINDOW", codes.WINDOW_CLASS)],
  ];
}

function shapeConstants(): RingConstant[] {
  return [
    { name: "RING_MAGIC", value: ring.RING_MAGIC, note: "the bytes ANRG" },
    { name: "RING_VERSION", value: ring.RING_VERSION, note: "of this protocol" },
    { name: "SLOT_WORDS", value: ring.SLOT_WORDS, note: "words of one slot" },
    { name: "ARGS_PER_SLOT", value: ring.ARGS_PER_SLOT, note: "argument words of one slot" },
    {
      name: "FAULT_CODE_ARG",
      value: ring.FAULT_CODE_ARG,
      note: "argument that holds a fault's code",
    },
    { name: "FAULT_DETAIL_ARG", value: ring.FAULT_DETAIL_ARG, note: "and the one with its detail" },
    { name: "OBSERVABLE_BASE", value: ring.OBSERVABLE_BASE, note: "first observable word" },
    { name: "MEMCPY_WORDS_PER_RUN", value: codes.MEMCPY_WORDS_PER_RUN, note: "then MEMCPY yields" },
    {
      name: "STARVATION_CLAIMS",
      value: codes.STARVATION_CLAIMS,
      note: "above NORMAL in a row, then one below",
    },
  ];
}

function wordsOf(prefix: string, table: Layout): RingConstant[] {
  return fieldsOf(table).map(([name, { at, note }]) => {
    return { name: `${prefix}_${constantName(name)}`, value: at / 4, note };
  });
}

function coded<Name extends string>(
  prefix: string,
  table: Readonly<Record<Name, number>>,
  notes?: Readonly<Record<Name, string>>,
): RingConstant[] {
  return Object.entries<number>(table).map(([name, value]) => {
    return { name: `${prefix}_${name}`, value, note: notes?.[name as Name] ?? "" };
  });
}

function opcodes(prefix: string, field: "code" | "arity"): RingConstant[] {
  return Object.entries<codes.Opcode>(codes.OPCODES).map(([name, opcode]) => {
    const note = field === "code" ? opcode.note : opcode.args.join(", ");
    return { name: `${prefix}_${name}`, value: opcode[field], note };
  });
}
