// Codec: the ring's structures as plain bytes, for tools, tests and hosts that keep them elsewhere.
//
// Encoders make what the seed's encoders make, and fill in the words that declare sizes. Decoders are
// strict: what the protocol gives no meaning is refused with RING_INVALID, never guessed at.

import { Failure, RING_LIMITS } from "../base/mod.ts";
import { ARGS_PER_SLOT, CONTROL, CONTROL_WORDS, PRIORITY, SLOT } from "../layout/mod.ts";
import { DEBUG_RECORD, debugLogGeometry, SLOT_STATUS, SLOT_WORDS } from "../layout/mod.ts";
import { checkSlotWords } from "./slot-words.ts";

/** What the seed's encoder grants every tenant. */
const QUOTA = 1_000_000;
const ALL_CLASSES = 0xffff_ffff;

/** So many slots, all EMPTY. */
export function encodeEmptyRing(slots: number): Uint8Array<ArrayBuffer> {
  checkCount("slots", slots, 1, RING_LIMITS.slotsMax);
  return new Uint8Array(slots * SLOT.bytes);
}

export interface ControlShape {
  /** Tenants that may run everything, with a quota of 1,000,000 each. */
  readonly tenants: number;
  readonly observables: number;
}

/** The control words and observable words of a ring that nothing has run on. */
export function encodeControl({ tenants, observables }: ControlShape): Uint8Array<ArrayBuffer> {
  checkCount("tenants", tenants, 1, RING_LIMITS.tenantsMax);
  checkCount("observables", observables, 0, RING_LIMITS.observablesMax);
  const words = new Uint32Array(CONTROL_WORDS + observables);
  const masks = at("tenant_masks");
  words[at("tenant_base")] = masks;
  words.fill(ALL_CLASSES, masks, masks + tenants);
  words.fill(QUOTA, at("quotas"), at("quotas") + tenants);
  words[at("observable_words")] = observables;
  words[at("tenant_count")] = tenants;
  words[at("window_words")] = Math.floor(observables / tenants);
  return new Uint8Array(words.buffer);
}

export interface ControlSnapshot {
  readonly shutdown: boolean;
  readonly doneCount: number;
  readonly faultCount: number;
  readonly epoch: number;
  readonly masks: readonly number[];
  readonly quotas: readonly number[];
  readonly metrics: readonly number[];
  readonly tenantClaims: readonly number[];
  readonly priorityClaims: readonly number[];
  readonly laneStarts: readonly number[];
  readonly observables: readonly number[];
}

/** Reads control words. Fails with RING_INVALID where the sizes they declare are not their own. */
export function decodeControl(words: Int32Array): ControlSnapshot {
  if (words.length < CONTROL_WORDS)
    throw invalid("control", `${words.length} words`, "160 or more");
  const one = (name: ControlField): number => words[at(name)]! >>> 0;
  const many = (name: ControlField, count = CONTROL.fields[name].count): number[] =>
    Array.from(words.subarray(at(name), at(name) + count), (word) => word >>> 0);
  const observables = one("observable_words");
  if (observables !== words.length - CONTROL_WORDS)
    throw invalid("control word 141", `${observables}`, `${words.length - CONTROL_WORDS}`);
  const tenants = one("tenant_count");
  if (tenants < 1 || tenants > RING_LIMITS.tenantsMax)
    throw invalid("control word 142", `${tenants} tenants`, `1 to ${RING_LIMITS.tenantsMax}`);
  return {
    ...{ shutdown: one("shutdown") !== 0, doneCount: one("done_count"), epoch: one("epoch") },
    ...{ faultCount: one("fault_count"), metrics: many("metrics") },
    ...{ masks: many("tenant_masks", tenants), quotas: many("quotas", tenants) },
    ...{ tenantClaims: many("tenant_claims"), priorityClaims: many("priority_claims") },
    laneStarts: many("lane_starts"),
    observables: Array.from(words.subarray(CONTROL_WORDS), (word) => word >>> 0),
  };
}

export interface SlotRecord {
  readonly status: number;
  readonly opcode: number;
  readonly tenant: number;
  readonly priority: number;
  /** Twelve words. */
  readonly args: readonly number[];
}

/** Writes all sixteen words of slot `index`, whatever it held; for tools and tests on a ring of their own. */
export function encodeSlot(words: Int32Array, index: number, slot: SlotRecord): void {
  checkIndex(words, index);
  checkSlot(slot, index);
  const first = index * SLOT_WORDS;
  words.set([slot.status, slot.opcode, slot.tenant, slot.priority, ...slot.args], first);
}

/** Reads slot `index`. Fails with RING_INVALID for a status or priority that has no meaning. */
export function decodeSlot(words: Int32Array, index: number): SlotRecord {
  checkIndex(words, index);
  const first = index * SLOT_WORDS;
  const [status, opcode, tenant, priority, ...args] = Array.from(
    words.subarray(first, first + SLOT_WORDS),
    (word) => word >>> 0,
  ) as [number, number, number, number, ...number[]];
  const slot = { status, opcode, tenant, priority, args };
  checkSlot(slot, index);
  return slot;
}

/** A debug log that holds nothing yet. */
export function encodeDebugLog(records: number): Uint8Array<ArrayBuffer> {
  checkCount("debugRecords", records, 0, RING_LIMITS.debugRecordsMax);
  return new Uint8Array(debugLogGeometry(records).bytes);
}

export interface DebugRecord {
  /** From 1, in the order in which records were reserved. */
  readonly sequence: number;
  readonly format: number;
  readonly a: number;
  readonly b: number;
  readonly slot: number;
}

export interface DebugLog {
  readonly records: readonly DebugRecord[];
  /** Records that are reserved but not whole: their writer is at work, or dead. */
  readonly torn: number;
  /** Records that found no room. */
  readonly dropped: number;
}

/** Reads a debug log of `capacity` records. Fails with RING_INVALID for a cursor that none can have. */
export function decodeDebugLog(words: Int32Array, capacity: number): DebugLog {
  const { recordsAt, droppedAt, sequencesAt, bytes } = debugLogGeometry(capacity);
  if (words.length !== bytes / 4)
    throw invalid("the debug log", `${words.length} words`, `${bytes / 4}`);
  const cursor = words[0]! >>> 0;
  const recordWords = DEBUG_RECORD.bytes / 4;
  if (cursor % recordWords !== 0 || cursor > capacity * recordWords)
    throw invalid(
      "the debug cursor",
      `${cursor}`,
      `a multiple of 4 up to ${capacity * recordWords}`,
    );
  const records: DebugRecord[] = [];
  const reserved = cursor / recordWords;
  for (let i = 0; i < reserved; i++) {
    const sequence = words[sequencesAt / 4 + i]! >>> 0;
    if (sequence === 0) continue;
    const [format, a, b, base] = wordsAt(words, recordsAt / 4 + i * recordWords, recordWords);
    if (base! % SLOT_WORDS !== 0)
      throw invalid(`debug record ${i}`, `slot base ${base}`, "a multiple of 16");
    records.push({ sequence, format: format!, a: a!, b: b!, slot: base! / SLOT_WORDS });
  }
  return { records, torn: reserved - records.length, dropped: words[droppedAt / 4]! >>> 0 };
}

type ControlField = keyof typeof CONTROL.fields;

function at(name: ControlField): number {
  return CONTROL.fields[name].at / 4;
}

function wordsAt(words: Int32Array, first: number, count: number): number[] {
  return Array.from(words.subarray(first, first + count), (word) => word >>> 0);
}

function checkSlot({ status, opcode, tenant, priority, args }: SlotRecord, index: number): void {
  const where = `slot ${index}`;
  if (status > SLOT_STATUS.FAULT) throw invalid(where, `status ${status}`, "0 to 7");
  if (priority > PRIORITY.IDLE) throw invalid(where, `priority ${priority}`, "0 to 4");
  if (args.length !== ARGS_PER_SLOT) throw invalid(where, `${args.length} arguments`, "12");
  for (const word of [status, opcode, tenant, priority, ...args])
    if (word >>> 0 !== word) throw invalid(where, String(word), "unsigned 32-bit words");
}

function checkIndex(words: Int32Array, index: number): void {
  checkSlotWords(words);
  const slots = words.length / SLOT_WORDS;
  if (index >>> 0 !== index || index >= slots)
    throw invalid(`slot ${index}`, "an index beyond the ring", `an index below ${slots}`);
}

function checkCount(name: string, count: number, least: number, most: number): void {
  if (Number.isInteger(count) && count >= least && count <= most) return;
  throw invalid(name, String(count), `a whole number from ${least} to ${most}`);
}

function invalid(where: string, found: string, expected: string): Failure {
  const fix = "Take the bytes from a ring of this protocol, or make the ring within its limits.";
  return new Failure("RING_INVALID", { at: where, found, expected, fix });
}
