// Run: what each opcode does, as effects. One `Run` is the life of one step: operations read through it,
// so that they see what those before them in the same slot wrote.

import { builtinOf, IO_ENTRY, IO_OP, IO_STATUS, OBSERVABLE_BASE, OPCODES } from "../layout/mod.ts";
import { SLOT_STATUS, SLOT_WORDS } from "../layout/mod.ts";
import { arg } from "./check.ts";
import { controlWord, type Effects, type RingState } from "./effects.ts";
import { type Outcome, runBody } from "./body.ts";
import type { PackedOp } from "./packed.ts";
import { mayRun, type Rights } from "./rights.ts";

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

export class Run {
  readonly effects: Mutable<Pick<Effects, "batch" | "debug" | "io">> = {};
  readonly counters: { index: number; value: number }[] = [];
  readonly writes: { index: number; value: number }[] = [];
  readonly #written = new Map<number, number>();
  readonly #state: RingState;
  readonly #slot: number;
  readonly rights: Rights;

  constructor(state: RingState, slot: number, rights: Rights) {
    this.#state = state;
    this.#slot = slot;
    this.rights = rights;
  }

  read(index: number): number {
    return this.#written.get(index) ?? this.#state.control[index]! >>> 0;
  }

  write(index: number, value: number): void {
    const word = value >>> 0;
    this.writes.push({ index, value: word });
    this.#written.set(index, word);
  }

  /** Adds to a control word that counts. */
  count(index: number, value = 1): void {
    this.counters.push({ index, value });
  }

  /** Goes on with a checked operation that has done `data` so far, up to its bound. */
  operation(op: PackedOp, data: number): Outcome {
    const at = (index: number): number => arg(op, index);
    switch (op.opcode) {
      case OPCODES.STORE_U32.code:
        this.write(at(1), at(0));
        return undefined;
      case OPCODES.ATOMIC_ADD.code:
        this.write(at(1), this.read(at(1)) + at(0));
        return undefined;
      case OPCODES.LOAD_U32.code:
        this.write(OBSERVABLE_BASE + at(1), this.read(at(0)));
        return undefined;
      case OPCODES.COMPARE_SWAP.code:
        return this.#compareSwap(op);
      case OPCODES.MEMCPY.code:
        return this.#memcpy(op, data);
      case OPCODES.DFA_STEP.code:
        return this.#dfaStep(op);
      case OPCODES.BATCH_FENCE.code:
        return this.#fence(op);
      case OPCODES.LOAD_MISS.code:
        return this.#loadMiss(op, data);
      case OPCODES.PRINTF.code:
        this.effects.debug = [at(0), at(1), at(2), this.#slot * SLOT_WORDS];
        return undefined;
      case OPCODES.SHUTDOWN.code:
        this.write(controlWord("shutdown"), 1);
        return undefined;
      default:
        return builtinOf(op.opcode) === undefined ? this.#custom(op, data) : undefined; // NOP.
    }
  }

  /** The result goes last: where both words are one, it is what the word held. */
  #compareSwap(op: PackedOp): undefined {
    const found = this.read(arg(op, 0));
    if (found === arg(op, 1)) this.write(arg(op, 0), arg(op, 2));
    this.write(OBSERVABLE_BASE + arg(op, 3), found);
  }

  /** Word by word upwards, also where the ranges overlap: then the first words repeat. */
  #memcpy(op: PackedOp, data: number): Outcome {
    const [from, to, words] = [arg(op, 0), arg(op, 1), arg(op, 2)];
    const end = Math.min(words, data + OPCODES.MEMCPY.bound);
    for (let i = data; i < end; i++) this.write(to + i, this.read(from + i));
    return end < words ? { status: SLOT_STATUS.YIELD, data: end } : undefined;
  }

  #dfaStep(op: PackedOp): undefined {
    const table = this.#state.opcodes.table(arg(op, 3))!; // Checked.
    const next = table.next[256 * arg(op, 0) + arg(op, 1)]!;
    this.write(OBSERVABLE_BASE + arg(op, 2), next);
  }

  /**
   * The tag goes to the first observable word that the tenant may touch, before the epoch moves. The
   * counter gives the items back, so that the next batch under it starts at 0.
   */
  #fence(op: PackedOp): Outcome {
    const { batches } = this.#state;
    const [items, tag] = [arg(op, 0), arg(op, 1)];
    const index = arg(op, 2) % batches.length;
    if (items > 0 && batches[index]! >>> 0 < items) return { status: SLOT_STATUS.REQUEUE, data: 0 };
    const { mask, first, end } = this.rights;
    const place = mayRun(mask, "SYSTEM") ? OBSERVABLE_BASE : first;
    if (place < end) this.write(place, tag);
    this.count(controlWord("epoch"));
    if (items > 0) this.effects.batch = { index, value: -items };
    return undefined;
  }

  /** `data`: 1 more than the entry that it waits for; 0 before it has asked. Never spins. */
  #loadMiss(op: PackedOp, data: number): Outcome {
    const { io } = this.#state;
    const entries = io.length / ENTRY_WORDS;
    if (entries === 0) return HANDLER_ERROR;
    if (data > 0) return this.#loaded(data - 1);
    for (let entry = 0; entry < entries; entry++) {
      if (io[entry * ENTRY_WORDS + ENTRY_STATUS] !== IO_STATUS.EMPTY) continue;
      const words = [IO_OP.READ, arg(op, 0), 0, 0, 0, 0, IO_STATUS.PUBLISHED, this.#slot];
      this.effects.io = { entry, words };
      return { status: SLOT_STATUS.WAIT_IO, data: entry + 1 };
    }
    return { status: SLOT_STATUS.REQUEUE, data: 0 };
  }

  /** The answer in the slot's own entry; answers to others may come in any order. */
  #loaded(entry: number): Outcome {
    const words = this.#state.io.slice(entry * ENTRY_WORDS, (entry + 1) * ENTRY_WORDS);
    if (words[ENTRY_TAG]! >>> 0 !== this.#slot) return HANDLER_ERROR;
    const status = words[ENTRY_STATUS]!;
    if (status !== IO_STATUS.OK && status !== IO_STATUS.ERROR)
      return { status: SLOT_STATUS.WAIT_IO, data: entry + 1 };
    this.effects.io = { entry, words: Array<number>(ENTRY_WORDS).fill(0) };
    return status === IO_STATUS.OK ? undefined : HANDLER_ERROR;
  }

  #custom(op: PackedOp, data: number): Outcome {
    const { body, arity, bound } = this.#state.opcodes.opcode(op.opcode)!; // Checked.
    const args = Array.from({ length: arity }, (_, index) => arg(op, index));
    return runBody(body!, { args, resumed: data, bound, run: this });
  }
}

const ENTRY_WORDS = IO_ENTRY.bytes / 4;
const ENTRY_STATUS = IO_ENTRY.fields.status.at / 4;
const ENTRY_TAG = IO_ENTRY.fields.tag.at / 4;
const HANDLER_ERROR: Outcome = { fault: { code: "HANDLER_ERROR", detail: 0 } };
