// Operation: what each opcode does to the words of a ring, checked before and bounded while it runs.
//
// Stores to control words are atomic, but for MEMCPY's and custom bodies': the slot's status shows those.
// Operations that may take long, and those that touch words which count, first settle the slots before.

import { builtinOf, CONTROL, debugLogGeometry, DEBUG_RECORD, FAULT_CODES } from "../layout/mod.ts";
import { BELLS, IO_ENTRY, IO_OP, IO_STATUS, OBSERVABLE_BASE, OPCODE_CLASS } from "../layout/mod.ts";
import { ARGS_PER_SLOT, OPCODES, SLOT_STATUS, SLOT_WORDS } from "../layout/mod.ts";
import { type BodyRun, type Opcodes, type Ring, runBody, type SlotRecorder } from "../ring/mod.ts";
import type { Rights } from "./rights.ts";

const { DONE, FAULT, REQUEUE, WAIT_IO, YIELD } = SLOT_STATUS;
const NOP = OPCODES.NOP.code;
const STORE_U32 = OPCODES.STORE_U32.code;
const ATOMIC_ADD = OPCODES.ATOMIC_ADD.code;
const LOAD_U32 = OPCODES.LOAD_U32.code;
const COMPARE_SWAP = OPCODES.COMPARE_SWAP.code;
const MEMCPY = OPCODES.MEMCPY.code;
const DFA_STEP = OPCODES.DFA_STEP.code;
const BATCH_FENCE = OPCODES.BATCH_FENCE.code;
const LOAD_MISS = OPCODES.LOAD_MISS.code;
const PRINTF = OPCODES.PRINTF.code;
const SHUTDOWN = OPCODES.SHUTDOWN.code;
const SHUTDOWN_AT = CONTROL.fields.shutdown.at / 4;
const EPOCH_AT = CONTROL.fields.epoch.at / 4;
const RECORD_WORDS = DEBUG_RECORD.bytes / 4;
const ENTRY_WORDS = IO_ENTRY.bytes / 4;
const ENTRY_STATUS = IO_ENTRY.fields.status.at / 4;
const ENTRY_TAG = IO_ENTRY.fields.tag.at / 4;
const ENTRY_OP = IO_ENTRY.fields.op.at / 4;
const ENTRY_SOURCE = IO_ENTRY.fields.source.at / 4;

export interface OperationOptions {
  readonly opcodes: Opcodes;
  readonly settle: () => void;
  readonly recorder: SlotRecorder | undefined;
}

export class Operation {
  /** The slot that runs, and the arguments of its operation. */
  slot = 0;
  readonly args = new Int32Array(ARGS_PER_SLOT);
  /** After FAULT, or a check that said no. */
  code = 0;
  detail = 0;
  /** After YIELD, REQUEUE and WAIT_IO: what the operation has done so far. */
  data = 0;
  readonly #control: Int32Array;
  readonly #batches: Int32Array;
  readonly #debug: Int32Array;
  readonly #io: Int32Array;
  readonly #debugRecords: number;
  readonly #rights: Rights;
  readonly #opcodes: Opcodes;
  readonly #settle: () => void;
  readonly #recorder: SlotRecorder | undefined;
  readonly #body: BodyRun;

  constructor(ring: Ring, rights: Rights, { opcodes, settle, recorder }: OperationOptions) {
    const { geometry, words } = ring;
    const view = (at: number, length: number): Int32Array =>
      words.subarray(at / 4, at / 4 + length);
    const { batches } = BELLS.fields;
    this.#control = view(geometry.controlAt, geometry.controlWords);
    this.#batches = view(geometry.bellsAt + batches.at, batches.count);
    this.#debug = view(geometry.debugAt, debugLogGeometry(geometry.debugRecords).bytes / 4);
    this.#io = view(geometry.ioAt, geometry.ioSlots * ENTRY_WORDS);
    this.#debugRecords = geometry.debugRecords;
    this.#rights = rights;
    this.#opcodes = opcodes;
    this.#settle = settle;
    this.#recorder = recorder;
    this.#body = {
      rights,
      read: (index) => Atomics.load(this.#control, index) >>> 0,
      write: (index, value) => this.#store(index, value),
    };
  }

  /** Whether the arguments allow it to run. Everything that they alone decide is decided here. */
  check(opcode: number): boolean {
    const { args } = this;
    switch (opcode) {
      case NOP:
        return true;
      case STORE_U32:
      case ATOMIC_ADD:
        return this.#covers(args[1]!);
      case LOAD_U32:
        return this.#covers(args[0]!) && this.#coversResult(args[1]!);
      case COMPARE_SWAP:
        return this.#covers(args[0]!) && this.#coversResult(args[3]!);
      case MEMCPY:
        return this.#coversRun(args[0]!, args[2]!) && this.#coversRun(args[1]!, args[2]!);
      case DFA_STEP:
        return this.#checkDfa() && this.#coversResult(args[2]!);
      case BATCH_FENCE:
        return args[2] !== 0 || args[0] === 0 || this.#malformed(2); // Nothing counts in batch 0.
      default:
        return true;
    }
  }

  /** Runs a checked operation that has done `data` so far: DONE, FAULT, or the status it stops in. */
  run(opcode: number, data: number): number {
    const { args } = this;
    switch (opcode) {
      case NOP:
        return DONE;
      case STORE_U32:
        return this.#put(args[1]!, args[0]!);
      case ATOMIC_ADD:
        return this.#add(args[1]!, args[0]!);
      case LOAD_U32:
        return this.#put(OBSERVABLE_BASE + args[1]!, this.#get(args[0]!));
      case COMPARE_SWAP:
        return this.#compareSwap();
      case MEMCPY:
        return this.#memcpy(data);
      case DFA_STEP:
        return this.#dfaStep();
      case BATCH_FENCE:
        return this.#fence();
      case LOAD_MISS:
        return data === 0 ? this.#loadMiss() : this.#loaded(data - 1);
      case PRINTF:
        return this.#printf();
      case SHUTDOWN:
        return this.#put(SHUTDOWN_AT, 1);
      default:
        return this.#custom(opcode, data);
    }
  }

  #put(index: number, value: number): number {
    if (index < OBSERVABLE_BASE) this.#settle();
    this.#store(index, value);
    return DONE;
  }

  #get(index: number): number {
    if (index < OBSERVABLE_BASE) this.#settle();
    return Atomics.load(this.#control, index);
  }

  #store(index: number, value: number): void {
    Atomics.store(this.#control, index, value | 0);
    if (this.#recorder !== undefined) this.#recorder.wrote(index, value >>> 0);
  }

  #add(index: number, value: number): number {
    if (index < OBSERVABLE_BASE) this.#settle();
    const before = Atomics.add(this.#control, index, value);
    if (this.#recorder !== undefined) this.#recorder.wrote(index, (before + value) >>> 0);
    return DONE;
  }

  /** The result goes last: where both words are one, it is what the word held. */
  #compareSwap(): number {
    const { args } = this;
    const [index, expected, value] = [args[0]!, args[1]!, args[2]!];
    if (index < OBSERVABLE_BASE) this.#settle();
    const found = Atomics.compareExchange(this.#control, index, expected, value);
    if (found === expected) this.#recorder?.wrote(index, value >>> 0);
    return this.#put(OBSERVABLE_BASE + args[3]!, found);
  }

  /** Word by word upwards, also where the ranges overlap: then the first words repeat. */
  #memcpy(data: number): number {
    const { args } = this;
    const [from, to, words] = [args[0]!, args[1]!, args[2]! >>> 0];
    const end = Math.min(words, data + OPCODES.MEMCPY.bound);
    this.#settle();
    const control = this.#control;
    for (let i = data; i < end; i++) control[to + i] = control[from + i]!;
    if (this.#recorder !== undefined)
      for (let i = data; i < end; i++) this.#recorder.wrote(to + i, control[to + i]! >>> 0);
    return end < words ? this.#stop(YIELD, end) : DONE;
  }

  #checkDfa(): boolean {
    const { args } = this;
    const table = this.#opcodes.table(args[3]! >>> 0);
    if (table === undefined) return this.#malformed(3);
    if (args[0]! >>> 0 >= table.states) return this.#malformed(0);
    return args[1]! >>> 0 <= 255 || this.#malformed(1);
  }

  #dfaStep(): number {
    const { args } = this;
    const table = this.#opcodes.table(args[3]! >>> 0)!; // Checked.
    return this.#put(OBSERVABLE_BASE + args[2]!, table.next[256 * args[0]! + args[1]!]!);
  }

  /**
   * Takes the items from their counter, so that the next batch under it starts at 0; then the tag goes to
   * the first observable word that the tenant may touch, before the epoch moves.
   */
  #fence(): number {
    const { args } = this;
    const items = args[0]! >>> 0;
    this.#settle();
    if (items > 0 && !this.#takeItems((args[2]! >>> 0) % this.#batches.length, items))
      return this.#stop(REQUEUE, 0);
    const system = this.#rights.may(OPCODE_CLASS.SYSTEM);
    const place = system ? OBSERVABLE_BASE : this.#rights.first;
    if (place < this.#rights.end) this.#store(place, args[1]!);
    Atomics.add(this.#control, EPOCH_AT, 1);
    return DONE;
  }

  #takeItems(batch: number, items: number): boolean {
    const batches = this.#batches;
    for (;;) {
      const found = Atomics.load(batches, batch);
      if (found >>> 0 < items) return false;
      const left = (found - items) | 0;
      if (Atomics.compareExchange(batches, batch, found, left) === found) return true;
    }
  }

  /** `data`: 1 more than the entry that it waits for; 0 before it has asked. Never spins. */
  #loadMiss(): number {
    const io = this.#io;
    if (io.length === 0) return this.#fault(FAULT_CODES.HANDLER_ERROR, 0);
    this.#settle();
    for (let at = 0; at < io.length; at += ENTRY_WORDS) {
      const { EMPTY, CLAIMED, PUBLISHED } = IO_STATUS;
      if (Atomics.compareExchange(io, at + ENTRY_STATUS, EMPTY, CLAIMED) !== EMPTY) continue;
      io.fill(0, at, at + ENTRY_STATUS);
      io[at + ENTRY_OP] = IO_OP.READ;
      io[at + ENTRY_SOURCE] = this.args[0]!;
      io[at + ENTRY_TAG] = this.slot;
      Atomics.store(io, at + ENTRY_STATUS, PUBLISHED);
      return this.#stop(WAIT_IO, at / ENTRY_WORDS + 1);
    }
    return this.#stop(REQUEUE, 0);
  }

  /** The answer in the slot's own entry; answers to others may come in any order. */
  #loaded(entry: number): number {
    const io = this.#io;
    const at = entry * ENTRY_WORDS;
    const status = Atomics.load(io, at + ENTRY_STATUS);
    if (io[at + ENTRY_TAG]! !== this.slot) return this.#fault(FAULT_CODES.HANDLER_ERROR, 0);
    const { OK, ERROR, EMPTY } = IO_STATUS;
    if (status !== OK && status !== ERROR) return this.#stop(WAIT_IO, entry + 1);
    io.fill(0, at, at + ENTRY_STATUS);
    io[at + ENTRY_TAG] = 0;
    Atomics.store(io, at + ENTRY_STATUS, EMPTY);
    return status === OK ? DONE : this.#fault(FAULT_CODES.HANDLER_ERROR, 0);
  }

  /** The cursor never passes the end: what finds no room is counted, and spoils nothing before it. */
  #printf(): number {
    const debug = this.#debug;
    const { recordsAt, droppedAt, sequencesAt } = debugLogGeometry(this.#debugRecords);
    for (;;) {
      const cursor = Atomics.load(debug, 0);
      if (cursor + RECORD_WORDS > this.#debugRecords * RECORD_WORDS) {
        Atomics.add(debug, droppedAt / 4, 1);
        return DONE;
      }
      if (Atomics.compareExchange(debug, 0, cursor, cursor + RECORD_WORDS) !== cursor) continue;
      const at = recordsAt / 4 + cursor;
      for (let i = 0; i < 3; i++) debug[at + i] = this.args[i]!;
      debug[at + 3] = this.slot * SLOT_WORDS;
      const number = cursor / RECORD_WORDS;
      Atomics.store(debug, sequencesAt / 4 + number, number + 1);
      return DONE;
    }
  }

  #custom(opcode: number, data: number): number {
    if (builtinOf(opcode) !== undefined) return DONE;
    const { body, arity, bound } = this.#opcodes.custom(opcode)!; // Its class was found.
    this.#settle();
    const args = Array.from(this.args.subarray(0, arity), (word) => word >>> 0);
    const outcome = runBody(body!, { args, resumed: data, bound, run: this.#body });
    if (outcome === undefined) return DONE;
    if ("status" in outcome) return this.#stop(outcome.status, outcome.data);
    return this.#fault(FAULT_CODES[outcome.fault.code], outcome.fault.detail);
  }

  /** Whether the control word is the tenant's. Read as signed, what is no index is negative. */
  #covers(index: number): boolean {
    if (index >= this.#rights.first && index < this.#rights.end) return true;
    return this.#coversRun(index, 1);
  }

  #coversResult(to: number): boolean {
    const index = OBSERVABLE_BASE + (to >>> 0);
    if (index >= this.#rights.first && index < this.#rights.end) return true;
    this.#rights.covers(index, 1);
    return this.#outside();
  }

  #coversRun(from: number, words: number): boolean {
    return this.#rights.covers(from >>> 0, words >>> 0) || this.#outside();
  }

  #outside(): false {
    this.#fault(this.#rights.code, this.#rights.detail);
    return false;
  }

  #malformed(detail: number): false {
    this.#fault(FAULT_CODES.MALFORMED_ARGS, detail);
    return false;
  }

  #stop(status: number, data: number): number {
    this.data = data;
    return status;
  }

  #fault(code: number, detail: number): number {
    this.code = code;
    this.detail = detail;
    return FAULT;
  }
}
