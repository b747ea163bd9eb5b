// Effects: what running one slot does to a ring, as data, and the one place that carries it out.
//
// `step` reads a state and returns effects; `apply` writes them. Replay, tests and other executors
// compare effects or the words that they leave. Every word is unsigned, although the arrays are
// Int32Array, as atomic operations ask for.

import { BELLS, CONTROL, DEBUG_RECORD, debugLogGeometry, IO_ENTRY } from "../layout/mod.ts";
import { FAULT_CODE_ARG, FAULT_DETAIL_ARG, type FaultCode } from "../layout/mod.ts";
import { FAULT_CODES, SLOT, SLOT_STATUS, SLOT_WORDS } from "../layout/mod.ts";
import { geometryOf } from "./format.ts";
import type { Opcodes } from "./opcodes.ts";

/** The regions of one ring that opcodes may reach, and the opcodes that it knows. */
export interface RingState {
  /** Control words, then observable words. */
  readonly control: Int32Array;
  readonly slots: Int32Array;
  /** Slots completed of each batch, by its id modulo their number. */
  readonly batches: Int32Array;
  readonly debug: Int32Array;
  readonly io: Int32Array;
  readonly opcodes: Opcodes;
}

/** Where a slot that stopped midway goes on; its executor keeps it. */
export interface Continuation {
  /** The packed operation that is next; 0 for a slot that is not packed. */
  readonly pc: number;
  /** What that operation has done so far, in a unit of its own; an IO entry's index for LOAD_MISS. */
  readonly data: number;
  /** The tenant's mask when the slot was admitted: later changes of it concern later slots. */
  readonly mask: number;
}

/** A claimed slot. */
export interface StepSlot {
  readonly index: number;
  /** From the side table; 0 is no batch. */
  readonly batch?: number;
  /** What the last step returned as `next`. Without it the slot is admitted first. */
  readonly resume?: Continuation | undefined;
}

/** `value` goes to, or is added to, control word `index`. */
export interface WordEffect {
  readonly index: number;
  readonly value: number;
}

export interface Fault {
  readonly code: FaultCode;
  readonly detail: number;
}

export interface Effects {
  readonly slot: number;
  /** DONE, FAULT, WAIT_IO, YIELD or REQUEUE. */
  readonly status: number;
  /** Stores to control words, in this order. */
  readonly writes: readonly WordEffect[];
  /** Additions to control words, after the status was stored; sums wrap. */
  readonly counters: readonly WordEffect[];
  /** Change of the counter of one batch, by its id. */
  readonly batch?: WordEffect | undefined;
  /** A debug record, for which there may be no room. */
  readonly debug?: readonly number[] | undefined;
  /** The new words of one entry of the IO queue. */
  readonly io?: { readonly entry: number; readonly words: readonly number[] } | undefined;
  readonly fault?: Fault | undefined;
  /** With WAIT_IO, YIELD and REQUEUE: what to resume with. */
  readonly next?: Continuation | undefined;
}

/** The state of a formatted ring, over its own memory. */
export function stateOf(memory: ArrayBufferLike, opcodes: Opcodes): RingState {
  const geometry = geometryOf(memory);
  const { controlAt, controlWords, slotsAt, slots, bellsAt, debugAt, ioAt, ioSlots } = geometry;
  const { at, count } = BELLS.fields.batches;
  const debugBytes = debugLogGeometry(geometry.debugRecords).bytes;
  return {
    control: new Int32Array(memory, controlAt, controlWords),
    slots: new Int32Array(memory, slotsAt, slots * SLOT_WORDS),
    batches: new Int32Array(memory, bellsAt + at, count),
    debug: new Int32Array(memory, debugAt, debugBytes / 4),
    io: new Int32Array(memory, ioAt, (ioSlots * IO_ENTRY.bytes) / 4),
    opcodes,
  };
}

/** Carries `effects` out: results first, then the status, then what counts completed slots. */
export function apply(state: RingState, effects: Effects): void {
  const { control, slots, batches } = state;
  for (const { index, value } of effects.writes) control[index] = value;
  if (effects.debug !== undefined) appendRecord(state.debug, effects.debug);
  if (effects.io !== undefined)
    state.io.set(effects.io.words, (effects.io.entry * IO_ENTRY.bytes) / 4);
  const first = effects.slot * SLOT_WORDS;
  if (effects.fault !== undefined) {
    const args = first + SLOT.fields.args.at / 4;
    slots[args + FAULT_DETAIL_ARG] = effects.fault.detail;
    slots[args + FAULT_CODE_ARG] = FAULT_CODES[effects.fault.code];
  }
  slots[first] = effects.status;
  for (const { index, value } of effects.counters) control[index]! += value;
  const { batch } = effects;
  if (batch !== undefined) batches[batch.index % batches.length]! += batch.value;
}

/** PUBLISHED to CLAIMED. False, with nothing changed, for any other status. */
export function claim({ slots }: RingState, index: number): boolean {
  if (slots[index * SLOT_WORDS] !== SLOT_STATUS.PUBLISHED) return false;
  slots[index * SLOT_WORDS] = SLOT_STATUS.CLAIMED;
  return true;
}

/** Index of a control word. */
export function controlWord(name: keyof typeof CONTROL.fields): number {
  return CONTROL.fields[name].at / 4;
}

/** The cursor never passes the end: what finds no room is counted, and spoils nothing before it. */
function appendRecord(debug: Int32Array, record: readonly number[]): void {
  const recordWords = DEBUG_RECORD.bytes / 4;
  const capacity = Math.floor((debug.length - 2) / (recordWords + 1));
  const { recordsAt, droppedAt, sequencesAt } = debugLogGeometry(capacity);
  const cursor = debug[0]! >>> 0;
  if (cursor + recordWords > capacity * recordWords) {
    debug[droppedAt / 4]!++;
    return;
  }
  debug.set(record, recordsAt / 4 + cursor);
  debug[0] = cursor + recordWords;
  const sequence = cursor / recordWords;
  debug[sequencesAt / 4 + sequence] = sequence + 1;
}
