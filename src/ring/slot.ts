// Slot: the description of one unit of work, and how it becomes sixteen words of a ring.
//
// Describing never fails; publishing checks everything before it writes the first word. The status is
// written last, with release order, so an executor that sees PUBLISHED sees the other fifteen words.
// Whoever publishes by index must be the only publisher of that slot: EMPTY and DONE belong to it.

import { ARGS_PER_SLOT, builtinOf, isCustomOpcode, OPCODES, PRIORITY } from "../layout/mod.ts";
import { PUBLISHABLE, SLOT, SLOT_STATUS, SLOT_WORDS } from "../layout/mod.ts";
import { type ArityOf, checkPacked, packableArity, type PackedOp, writePacked } from "./packed.ts";
import * as refusals from "./refusals.ts";
import { checkSlotWords } from "./slot-words.ts";

const OPCODE = SLOT.fields.opcode.at / 4;
const TENANT = SLOT.fields.tenant.at / 4;
const PRIORITY_WORD = SLOT.fields.priority.at / 4;
const ARGS = SLOT.fields.args.at / 4;

export interface SingleSlot {
  readonly tenant: number;
  /** A builtin's code, or a custom opcode's. */
  readonly opcode: number;
  /** At most 12; the rest are 0. */
  readonly args?: readonly number[];
  /** NORMAL when left out. */
  readonly priority?: number;
}

export interface PackedSlot {
  readonly tenant: number;
  readonly ops: readonly PackedOp[];
  readonly priority?: number;
  /** Which opcodes may be packed: the builtins' own when left out. The executor must use the same. */
  readonly arityOf?: ArityOf;
}

export class Slot {
  readonly tenant: number;
  readonly opcode: number;
  readonly priority: number;
  readonly #args: readonly number[];
  readonly #ops: readonly PackedOp[] | undefined;
  readonly #arityOf: ArityOf;

  private constructor(slot: SingleSlot, packed?: PackedSlot) {
    this.tenant = slot.tenant;
    this.opcode = slot.opcode;
    this.priority = slot.priority ?? PRIORITY.NORMAL;
    this.#args = slot.args ?? [];
    this.#ops = packed?.ops;
    this.#arityOf = packed?.arityOf ?? packableArity;
  }

  /** One operation with up to 12 arguments. */
  static single(slot: SingleSlot): Slot {
    return new Slot(slot);
  }

  /** Several operations that run one after the other as one slot. */
  static packed(slot: PackedSlot): Slot {
    return new Slot({ ...slot, opcode: OPCODES.PACKED_SLOT.code, args: [] }, slot);
  }

  /** Fails with SLOT_INVALID unless this can be published. */
  check(): void {
    if (this.#ops !== undefined) checkPacked(this.#ops, this.#arityOf);
    else checkSingle(this.opcode, this.#args);
    checkHead(this.tenant, this.priority);
  }

  /** Publishes into slot `index` of `words`. Fails with nothing written. */
  publishInto(words: Int32Array, index: number): void {
    checkFree(words, index);
    this.check();
    this.write(words, index);
    release(words, index);
  }

  /** The sixteen words, as `Ring.offer` takes them. Fails with SLOT_INVALID. */
  words(): Int32Array {
    this.check();
    const words = new Int32Array(SLOT_WORDS);
    this.write(words, 0);
    return words;
  }

  /** Writes words 1 to 15 of a slot that is free, checked and not yet to be seen. Allocates nothing. */
  write(words: Int32Array, index: number): void {
    const at = index * SLOT_WORDS;
    writeHead(words, at, this);
    if (this.#ops !== undefined) return writePacked(words, at + ARGS, this.#ops);
    writeArgs(words, at + ARGS, this.#args, 0);
  }
}

/** Fails with RING_INVALID or RING_FULL unless slot `index` exists and may be published over. */
export function checkFree(words: Int32Array, index: number): void {
  checkSlotWords(words);
  const slots = words.length / SLOT_WORDS;
  if (index >>> 0 !== index) throw refusals.notAWord("slot", index);
  if (index >= slots) throw refusals.noSuchSlot(index, slots);
  const status = Atomics.load(words, index * SLOT_WORDS);
  if (!PUBLISHABLE.has(status)) throw refusals.busySlot(index, status >>> 0);
}

/** Fails with SLOT_INVALID for arguments or an opcode that no single slot may have. */
export function checkSingle(opcode: number, args: readonly number[]): void {
  if (args.length > ARGS_PER_SLOT) throw refusals.tooManyArgs(args.length);
  checkWords("args", args);
  checkOpcode(opcode);
}

/** Fails with SLOT_INVALID for an opcode that is neither a builtin nor a custom one. */
export function checkOpcode(opcode: number): void {
  if (opcode >>> 0 !== opcode) throw refusals.notAWord("opcode", opcode);
  if (isCustomOpcode(opcode)) return;
  if (builtinOf(opcode) === undefined || opcode === OPCODES.PACKED_SLOT.code)
    throw refusals.reservedOpcode(opcode);
}

export function checkHead(tenant: number, priority: number): void {
  if (tenant >>> 0 !== tenant) throw refusals.notAWord("tenant", tenant);
  if (!(priority >>> 0 === priority && priority <= PRIORITY.IDLE))
    throw refusals.badPriority(priority);
}

export function checkWords(at: string, words: readonly number[]): void {
  for (let i = 0; i < words.length; i++)
    if (words[i]! >>> 0 !== words[i]) throw refusals.notAWord(`${at}[${i}]`, words[i]);
}

export interface SlotHead {
  readonly opcode: number;
  readonly tenant: number;
  readonly priority: number;
}

/** Writes opcode, tenant and priority of the slot whose first word is `at`. */
export function writeHead(words: Int32Array, at: number, head: SlotHead): void {
  words[at + OPCODE] = head.opcode;
  words[at + TENANT] = head.tenant;
  words[at + PRIORITY_WORD] = head.priority;
}

/** Writes arguments from number `first` on, and zero behind them. */
export function writeArgs(
  words: Int32Array,
  argsAt: number,
  args: readonly number[],
  first: number,
): void {
  for (let i = 0; i < args.length; i++) words[argsAt + first + i] = args[i]!;
  words.fill(0, argsAt + first + args.length, argsAt + ARGS_PER_SLOT);
}

/** Shows a filled slot to executors. */
export function release(words: Int32Array, index: number): void {
  Atomics.store(words, index * SLOT_WORDS, SLOT_STATUS.PUBLISHED);
}
