// Opcodes: what follows each opcode in the bytes, and the feature it belongs to.
//
// An opcode is one number: the byte itself, or for the prefixes FB to FE the prefix and the LEB128
// behind it, `prefix << 12 | code`. An opcode that has no row here is refused, never skipped: its
// immediates are unknown, so everything behind it could be misread.

import { type Feature, FEATURES } from "../base/mod.ts";

/** What follows an opcode. Numbers, since the reader switches on them once per instruction. */
export const SHAPE = {
  unknown: 0,
  none: 1,
  block: 2, // A block type.
  label: 3,
  branchTable: 4,
  func: 5,
  callIndirect: 6, // A type, then a table.
  type: 7,
  local: 8,
  global: 9,
  table: 10,
  memarg: 11, // Alignment, perhaps a memory, offset.
  memory: 12,
  i32: 13,
  i64: 14,
  f32: 15,
  f64: 16,
  selectTypes: 17,
  heapType: 18,
  tag: 19,
  tryTable: 20,
  memoryInit: 21, // A data segment, then a memory.
  data: 22,
  memoryCopy: 23, // Two memories.
  tableInit: 24, // An element segment, then a table.
  elem: 25,
  tableCopy: 26, // Two tables.
  bytes16: 27, // v128.const and i8x16.shuffle.
  lane: 28,
  memargLane: 29,
  fence: 30, // One reserved zero byte.
  typeField: 31, // A type, then a field.
  typeCount: 32, // A type, then a count.
  typeData: 33, // A type, then a data segment.
  typeElem: 34, // A type, then an element segment.
  typeType: 35,
  castBranch: 36, // Flags, a label, two heap types.
} as const;

export const PREFIX_GC = 0xfb;
export const PREFIX_MISC = 0xfc;
export const PREFIX_SIMD = 0xfd;
export const PREFIX_ATOMIC = 0xfe;

/** The number of an opcode behind a prefix. */
export function prefixed(prefix: number, code: number): number {
  return (prefix << 12) | code;
}

/** The opcodes that the walker and the rewriter know by name. */
export const OP = {
  unreachable: 0x00,
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  try: 0x06,
  catch: 0x07,
  throw: 0x08,
  rethrow: 0x09,
  throwRef: 0x0a,
  end: 0x0b,
  br: 0x0c,
  brIf: 0x0d,
  brTable: 0x0e,
  return: 0x0f,
  call: 0x10,
  callIndirect: 0x11,
  returnCall: 0x12,
  returnCallIndirect: 0x13,
  callRef: 0x14,
  returnCallRef: 0x15,
  delegate: 0x18,
  catchAll: 0x19,
  tryTable: 0x1f,
  localGet: 0x20,
  localSet: 0x21,
  localTee: 0x22,
  globalGet: 0x23,
  globalSet: 0x24,
  i32Load: 0x28,
  memorySize: 0x3f,
  memoryGrow: 0x40,
  i32Const: 0x41,
  i64Const: 0x42,
  i32GeS: 0x4e,
  i64LtS: 0x53,
  i32Sub: 0x6b,
  i64Sub: 0x7d,
  refFunc: 0xd2,
  brOnNull: 0xd5,
  brOnNonNull: 0xd6,
  brOnCast: prefixed(PREFIX_GC, 24),
  brOnCastFail: prefixed(PREFIX_GC, 25),
  atomicWait32: prefixed(PREFIX_ATOMIC, 1),
  atomicWait64: prefixed(PREFIX_ATOMIC, 2),
} as const;

/** Rows of one table: from, to (inclusive), shape, and the feature the opcodes came with. */
type Row = readonly [from: number, to: number, shape: number, feature?: Feature];

const S = SHAPE;

const CORE: readonly Row[] = [
  [0x00, 0x01, S.none],
  [0x02, 0x04, S.block],
  [0x05, 0x05, S.none],
  [0x06, 0x06, S.block, "legacy-exceptions"],
  [0x07, 0x07, S.tag, "legacy-exceptions"],
  [0x08, 0x08, S.tag, "exceptions"],
  [0x09, 0x09, S.label, "legacy-exceptions"],
  [0x0a, 0x0a, S.none, "exceptions"],
  [0x0b, 0x0b, S.none],
  [0x0c, 0x0d, S.label],
  [0x0e, 0x0e, S.branchTable],
  [0x0f, 0x0f, S.none],
  [0x10, 0x10, S.func],
  [0x11, 0x11, S.callIndirect],
  [0x12, 0x12, S.func, "tail-call"],
  [0x13, 0x13, S.callIndirect, "tail-call"],
  [0x14, 0x14, S.type, "function-references"],
  [0x15, 0x15, S.type, "tail-call"],
  [0x18, 0x18, S.label, "legacy-exceptions"],
  [0x19, 0x19, S.none, "legacy-exceptions"],
  [0x1a, 0x1b, S.none],
  [0x1c, 0x1c, S.selectTypes, "reference-types"],
  [0x1f, 0x1f, S.tryTable, "exceptions"],
  [0x20, 0x22, S.local],
  [0x23, 0x24, S.global],
  [0x25, 0x26, S.table, "reference-types"],
  [0x28, 0x3e, S.memarg],
  [0x3f, 0x40, S.memory],
  [0x41, 0x41, S.i32],
  [0x42, 0x42, S.i64],
  [0x43, 0x43, S.f32],
  [0x44, 0x44, S.f64],
  [0x45, 0xbf, S.none],
  [0xc0, 0xc4, S.none, "sign-ext"],
  [0xd0, 0xd0, S.heapType, "reference-types"],
  [0xd1, 0xd1, S.none, "reference-types"],
  [0xd2, 0xd2, S.func, "reference-types"],
  [0xd3, 0xd3, S.none, "gc"],
  [0xd4, 0xd4, S.none, "function-references"],
  [0xd5, 0xd6, S.label, "function-references"],
];

const GC: readonly Row[] = [
  [0, 1, S.type],
  [2, 5, S.typeField],
  [6, 7, S.type],
  [8, 8, S.typeCount],
  [9, 9, S.typeData],
  [10, 10, S.typeElem],
  [11, 14, S.type],
  [15, 15, S.none],
  [16, 16, S.type],
  [17, 17, S.typeType],
  [18, 18, S.typeData],
  [19, 19, S.typeElem],
  [20, 23, S.heapType],
  [24, 25, S.castBranch],
  [26, 30, S.none],
];

const MISC: readonly Row[] = [
  [0, 7, S.none, "nontrapping-fptoint"],
  [8, 8, S.memoryInit, "bulk-memory"],
  [9, 9, S.data, "bulk-memory"],
  [10, 10, S.memoryCopy, "bulk-memory"],
  [11, 11, S.memory, "bulk-memory"],
  [12, 12, S.tableInit, "bulk-memory"],
  [13, 13, S.elem, "bulk-memory"],
  [14, 14, S.tableCopy, "bulk-memory"],
  [15, 17, S.table, "reference-types"],
];

const SIMD: readonly Row[] = [
  [0, 11, S.memarg],
  [12, 13, S.bytes16],
  [14, 20, S.none],
  [21, 34, S.lane],
  [35, 83, S.none],
  [84, 91, S.memargLane],
  [92, 93, S.memarg],
  [94, 255, S.none],
  [0x100, 0x113, S.none, "relaxed-simd"],
];

/** Numbers between the SIMD instructions that name none. */
const SIMD_HOLES = [
  0x9a, 0xa2, 0xa5, 0xa6, 0xaf, 0xb0, 0xb2, 0xb3, 0xb4, 0xbb, 0xc2, 0xc5, 0xc6, 0xcf, 0xd0, 0xd2,
  0xd3, 0xd4, 0xe2, 0xee,
];

const ATOMIC: readonly Row[] = [
  [0, 2, S.memarg],
  [3, 3, S.fence],
  [0x10, 0x4e, S.memarg],
];

/** Shape and feature of each opcode of one table; feature is an index into FEATURES, or NO_FEATURE. */
export interface OpcodeTable {
  readonly shapes: Uint8Array;
  readonly features: Uint8Array;
}

export const NO_FEATURE = 255;

export const CORE_TABLE = table(256, CORE);
export const PREFIXED_TABLES: Readonly<Record<number, OpcodeTable>> = {
  [PREFIX_GC]: table(32, GC, "gc"),
  [PREFIX_MISC]: table(18, MISC),
  [PREFIX_SIMD]: table(0x114, SIMD, "simd", SIMD_HOLES),
  [PREFIX_ATOMIC]: table(0x4f, ATOMIC, "threads"),
};

function table(
  size: number,
  rows: readonly Row[],
  all?: Feature,
  holes: readonly number[] = [],
): OpcodeTable {
  const shapes = new Uint8Array(size);
  const features = new Uint8Array(size).fill(NO_FEATURE);
  for (const [from, to, shape, own] of rows) {
    const feature = own ?? all;
    shapes.fill(shape, from, to + 1);
    if (feature !== undefined) features.fill(FEATURES.indexOf(feature), from, to + 1);
  }
  for (const hole of holes) shapes[hole] = SHAPE.unknown;
  return { shapes, features };
}
