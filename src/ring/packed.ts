// Packed: several small operations in the twelve argument words of one slot.
//
//   byte 0: operations n   byte 1: argument words w   then n pairs (opcode, offset)   zero to a word
//   then w argument words; an operation's own begin `offset` words into them
//
// Arguments lie in the order of the operations, so an operation ends where the next begins. What it
// leaves out reads as 0. One set of limits serves both sides: what `writePacked` accepts is exactly
// what `PackedOps.read` accepts, and an operation is never skipped in silence.

import { ARGS_PER_SLOT, builtinOf } from "../layout/mod.ts";
import { badPacked, notAWord } from "./refusals.ts";

/** The most operations whose heads fit; they then have no arguments. */
export const PACKED_OPS_MAX = 23;

/** Detail of the fault of a packed slot whose head is malformed, where no operation is to blame. */
export const PACKED_HEAD = 0xffff_ffff;

/** Argument words of an opcode inside a packed slot; undefined where it may not stand in one. */
export type ArityOf = (opcode: number) => number | undefined;

/** The builtins that may be packed. A host with custom opcodes below 256 adds its registry's. */
export const packableArity: ArityOf = (opcode) => {
  const builtin = builtinOf(opcode);
  return builtin?.packable === true ? builtin.arity : undefined;
};

export interface PackedOp {
  readonly opcode: number;
  readonly args: readonly number[];
}

/** Words that the head of `ops` operations takes. */
export function packedHeadWords(ops: number): number {
  return Math.ceil((2 + 2 * ops) / 4);
}

/** Fails with SLOT_INVALID unless `ops` fit one slot and may stand in it. Allocates nothing else. */
export function checkPacked(ops: readonly PackedOp[], arityOf: ArityOf): void {
  if (ops.length === 0) throw badPacked("empty", "ops", "no operation", "at least 1");
  if (ops.length > PACKED_OPS_MAX)
    throw badPacked("ops", "ops", `${ops.length} operations`, `at most ${PACKED_OPS_MAX}`);
  let words = packedHeadWords(ops.length);
  for (let i = 0; i < ops.length; i++) {
    checkOp(ops[i]!, i, arityOf);
    words += ops[i]!.args.length;
  }
  if (words <= ARGS_PER_SLOT) return;
  throw badPacked("payload", "ops", `${words} words with the head`, `at most ${ARGS_PER_SLOT}`);
}

function checkOp({ opcode, args }: PackedOp, index: number, arityOf: ArityOf): void {
  const arity = (opcode & 0xff) === opcode ? arityOf(opcode) : undefined;
  if (arity === undefined) {
    const allowed = "an opcode that may be packed";
    throw badPacked("opcode", `ops[${index}].opcode`, String(opcode), allowed);
  }
  if (args.length > arity) {
    const found = `${args.length} arguments`;
    throw badPacked("arity", `ops[${index}].args`, found, `at most ${arity}`);
  }
  for (let i = 0; i < args.length; i++)
    if (args[i]! >>> 0 !== args[i]) throw notAWord(`ops[${index}].args[${i}]`, args[i]);
}

/** Writes checked operations to the twelve argument words that start at `at`. Allocates nothing. */
export function writePacked(words: Int32Array, at: number, ops: readonly PackedOp[]): void {
  words.fill(0, at, at + ARGS_PER_SLOT);
  const payload = at + packedHeadWords(ops.length);
  let offset = 0;
  for (let i = 0; i < ops.length; i++) {
    const { opcode, args } = ops[i]!;
    putByte(words, at, 2 + 2 * i, opcode);
    putByte(words, at, 3 + 2 * i, offset);
    for (let k = 0; k < args.length; k++) words[payload + offset + k] = args[k]!;
    offset += args.length;
  }
  putByte(words, at, 0, ops.length);
  putByte(words, at, 1, offset);
}

function putByte(words: Int32Array, at: number, byte: number, value: number): void {
  words[at + (byte >> 2)]! |= value << (8 * (byte & 3));
}

/** The operations of one packed slot as an executor sees them. One instance is read into again and again. */
export class PackedOps {
  readonly #words = new Int32Array(ARGS_PER_SLOT);
  readonly #bytes = new Uint8Array(this.#words.buffer); // Hosts are little-endian, as the wire is.
  readonly #opcodes = new Uint8Array(PACKED_OPS_MAX);
  /** Where each operation's arguments begin in `#words`, and where the last one's end. */
  readonly #begins = new Uint8Array(PACKED_OPS_MAX + 1);
  #count = 0;

  /** Operations, after a `read` that returned true. */
  get count(): number {
    return this.#count;
  }

  /** After a `read` that returned false: the operation at fault, or PACKED_HEAD. */
  faultAt: number = PACKED_HEAD;

  /**
   * Copies the twelve argument words that start at `at`, so that no publisher can change them later, and
   * checks all of them. False leaves `faultAt`, and then no operation may run.
   */
  read(words: Int32Array, at: number, arityOf: ArityOf = packableArity): boolean {
    for (let i = 0; i < ARGS_PER_SLOT; i++) this.#words[i] = words[at + i]!;
    const bytes = this.#bytes;
    const count = bytes[0]!;
    const total = bytes[1]!;
    this.#count = count;
    this.faultAt = PACKED_HEAD;
    if (count === 0 || count > PACKED_OPS_MAX) return false;
    const payload = packedHeadWords(count);
    if (payload + total > ARGS_PER_SLOT) return false;
    if (bytes[3] !== 0) return this.#fault(0);
    this.#begins[count] = payload + total;
    for (let op = 0; op < count; op++) {
      this.#opcodes[op] = bytes[2 + 2 * op]!;
      this.#begins[op] = payload + Math.min(bytes[3 + 2 * op]!, ARGS_PER_SLOT);
    }
    for (let op = 0; op < count; op++) {
      const arity = arityOf(this.#opcodes[op]!);
      const given = this.given(op);
      if (arity === undefined || given < 0 || given > arity) return this.#fault(op);
    }
    return true;
  }

  opcode(op: number): number {
    return this.#opcodes[op]!;
  }

  /** How many arguments operation `op` was given. */
  given(op: number): number {
    return this.#begins[op + 1]! - this.#begins[op]!;
  }

  /** Argument `index` of operation `op`, unsigned; 0 where the operation left it out. */
  arg(op: number, index: number): number {
    const at = this.#begins[op]! + index;
    return at < this.#begins[op + 1]! ? this.#words[at]! >>> 0 : 0;
  }

  /** Operation `op` with the arguments that it was given. Allocates: for tools and tests. */
  op(op: number): PackedOp {
    const args = Array.from({ length: this.given(op) }, (_, index) => this.arg(op, index));
    return { opcode: this.opcode(op), args };
  }

  #fault(op: number): false {
    this.faultAt = op;
    return false;
  }
}
