// Constants: reads constant expressions, which initialise globals and tables and place segments.

import type { IndexSites } from "./index-sites.ts";
import type { Instructions } from "./instructions.ts";
import { OP, prefixed, PREFIX_GC, PREFIX_SIMD, SHAPE } from "./opcodes.ts";
import { malformed } from "./reader.ts";
import type { UseFeature } from "./types.ts";

/** Instructions that may stand in a constant expression. */
const CONSTANT = new Set<number>([
  OP.globalGet,
  OP.refFunc,
  OP.i32Const,
  OP.i64Const,
  0x43, // f32.const
  0x44, // f64.const
  0xd0, // ref.null
  prefixed(PREFIX_SIMD, 12), // v128.const
  ...[0, 1, 6, 7, 8, 26, 27, 28].map((code) => prefixed(PREFIX_GC, code)), // struct, array, i31.
]);
const EXTENDED_CONSTANT = new Set<number>([0x6a, 0x6b, 0x6c, 0x7c, 0x7d, 0x7e]);

/** How many of each thing an expression may name: of globals, those that stand before it. */
export interface Nameable {
  readonly globals: number;
  readonly importedGlobals: number;
  readonly functions: number;
  readonly types: number;
}

/** Where what an expression names is noted. */
export interface Notes {
  readonly use: UseFeature;
  readonly indexSites: IndexSites;
  readonly addressTaken: Set<number>;
}

/** Reads an expression and its `end`; returns the value of one that is a single i32.const. */
export function readConstant(
  code: Instructions,
  nameable: Nameable,
  notes: Notes,
): number | undefined {
  const first = code.at;
  let value: number | undefined;
  for (let op = code.next(); op !== OP.end; op = code.next()) {
    checkOpcode(code, op, notes.use);
    checkIndex(code, op, nameable, notes);
    const isFirst = op === OP.i32Const && code.start === first;
    value = isFirst ? signedAt(code.bytes, first + 1, code.at) : undefined;
  }
  return value;
}

function checkOpcode({ start }: Instructions, op: number, use: UseFeature): void {
  if (EXTENDED_CONSTANT.has(op)) use("extended-const", start);
  else if (!CONSTANT.has(op))
    throw malformed(start, `opcode 0x${op.toString(16)}`, "a constant expression");
}

function checkIndex(code: Instructions, op: number, nameable: Nameable, notes: Notes): void {
  const { index, indexAt, indexEnd } = code;
  if (op === OP.globalGet) {
    within(code, "global", nameable.globals);
    if (index >= nameable.importedGlobals) notes.use("gc", code.start);
    notes.indexSites.add("global", indexAt, indexEnd, index);
  } else if (op === OP.refFunc) {
    within(code, "function", nameable.functions);
    notes.addressTaken.add(index);
  } else if (code.shape === SHAPE.type || code.shape === SHAPE.typeCount) {
    within(code, "type", nameable.types);
  }
}

/** Refuses an index that the author's module does not have. */
function within({ index, indexAt }: Instructions, what: string, count: number): void {
  if (index >= count) throw malformed(indexAt, `${what} ${index}`, `one of ${count}`);
}

/** The value of a signed LEB128 of at most 32 bits that was checked before. */
function signedAt(bytes: Uint8Array, at: number, end: number): number {
  let value = 0;
  let shift = 0;
  for (let i = at; i < end; i++, shift += 7) value |= (bytes[i]! & 0x7f) << shift;
  return shift < 32 && bytes[end - 1]! & 0x40 ? value | (-1 << shift) : value;
}
