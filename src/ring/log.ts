// Log: the bytes of a ring's log, as words. What writes them and where they go is not its concern.
//
// The checksum is four hashes side by side, each of every fourth word, which processors compute at once.
// Each steps by `hash = (hash xor word) * 0x01000193` modulo 2^32, from 0x811c9dc5, and in the end the first
// steps through the other three. A step is one to one, so that no change within one word can keep it.

import { Failure } from "../base/mod.ts";
import { RING_LOG_HEADER, RING_LOG_MAGIC, RING_LOG_RECORD } from "../layout/mod.ts";
import { RING_LOG_VERSION, RING_LOG_WRITES, ringGeometry, type RingShape } from "../layout/mod.ts";
import { SLOT_WORDS } from "../layout/mod.ts";

export const LOG_HASH_START = 0x811c_9dc5 | 0;
export const LOG_HEADER_WORDS = RING_LOG_HEADER.bytes / 4;
export const LOG_RECORD_WORDS = RING_LOG_RECORD.bytes / 4;

const HEADER_CHECKSUM = RING_LOG_HEADER.fields.checksum.at / 4;
const RECORD_CHECKSUM = RING_LOG_RECORD.fields.checksum.at / 4;

/** Index of a record's field, in words. */
export function logWord(field: keyof typeof RING_LOG_RECORD.fields): number {
  return RING_LOG_RECORD.fields[field].at / 4;
}

/** What stands before the records. */
export interface LogHead {
  readonly shape: RingShape;
  /** Control and observable words before the first slot. */
  readonly control: Int32Array;
}

/** One slot's life. */
export interface LogRecord {
  readonly number: number;
  readonly slot: number;
  readonly ticket: number;
  readonly owner: number;
  readonly batch: number;
  readonly mask: number;
  /** Sixteen words. */
  readonly published: readonly number[];
  readonly status: number;
  readonly code: number;
  readonly detail: number;
  readonly writes: number;
  readonly writesHash: number;
  /** The first stores, two at most. */
  readonly firstWrites: readonly { readonly index: number; readonly value: number }[];
}

/** One step of the checksum. */
export function hashWord(hash: number, word: number): number {
  return Math.imul(hash ^ word, 0x0100_0193);
}

/** The checksum of words `from` to `to - 1`. */
export function hashWords(words: Int32Array, from: number, to: number): number {
  let [a, b, c, d] = [LOG_HASH_START, LOG_HASH_START, LOG_HASH_START, LOG_HASH_START];
  let i = from;
  for (; i + 4 <= to; i += 4) {
    a = hashWord(a, words[i]!);
    b = hashWord(b, words[i + 1]!);
    c = hashWord(c, words[i + 2]!);
    d = hashWord(d, words[i + 3]!);
  }
  if (i < to) a = hashWord(a, words[i++]!);
  if (i < to) b = hashWord(b, words[i++]!);
  if (i < to) c = hashWord(c, words[i]!);
  return hashWord(hashWord(hashWord(a, b), c), d);
}

export function encodeLogHead({ shape, control }: LogHead): Int32Array {
  const words = new Int32Array(LOG_HEADER_WORDS + control.length);
  words.set([RING_LOG_MAGIC, RING_LOG_VERSION, shape.slots, shape.lanes, shape.observables]);
  words.set([shape.tenants, shape.debugRecords, shape.ioSlots, control.length], 5);
  words.set(control, LOG_HEADER_WORDS);
  words[HEADER_CHECKSUM] = headChecksum(words);
  return words;
}

/** Words of the head that these first words begin. Fails with RING_LOG_INVALID where they are no log's. */
export function logHeadWords(header: Int32Array): number {
  const { magic, version, control_words } = RING_LOG_HEADER.fields;
  if (header.length < LOG_HEADER_WORDS)
    throw invalid("the head", `${header.length * 4} bytes`, `${RING_LOG_HEADER.bytes} or more`);
  const found = header[magic.at / 4]!;
  if (found !== RING_LOG_MAGIC)
    throw invalid("the first 4 bytes", hex(found), `${hex(RING_LOG_MAGIC)}, a ring log's`);
  const number = header[version.at / 4]!;
  if (number !== RING_LOG_VERSION) throw invalid("the version", `${number}`, `${RING_LOG_VERSION}`);
  const { controlWords } = ringGeometry(shapeOf(header));
  const declared = header[control_words.at / 4]! >>> 0;
  if (declared !== controlWords) throw invalid("control words", `${declared}`, `${controlWords}`);
  return LOG_HEADER_WORDS + controlWords;
}

/** Reads a whole head. Fails with RING_LOG_INVALID where it is damaged. */
export function decodeLogHead(words: Int32Array): LogHead {
  const length = logHeadWords(words);
  if (words.length < length)
    throw invalid("the head", `${words.length * 4} bytes`, `${length * 4} or more`);
  const [found, expected] = [words[HEADER_CHECKSUM]!, headChecksum(words.subarray(0, length))];
  if (found !== expected) throw invalid("the head's checksum", hex(found), hex(expected));
  return { shape: shapeOf(words), control: words.slice(LOG_HEADER_WORDS, length) };
}

/** Stores the checksum of the record that starts at `at`. */
export function sealRecord(words: Int32Array, at: number): void {
  words[at + RECORD_CHECKSUM] = hashWords(words, at, at + RECORD_CHECKSUM);
}

/** Whether the record that starts at `at` is as it was sealed, and has this number. */
export function isSealed(words: Int32Array, at: number, number: number): boolean {
  if (words[at + logWord("number")] !== (number | 0)) return false;
  return words[at + RECORD_CHECKSUM] === hashWords(words, at, at + RECORD_CHECKSUM);
}

/** Reads the sealed record that starts at `at`. */
export function decodeRecord(words: Int32Array, at: number): LogRecord {
  const one = (field: keyof typeof RING_LOG_RECORD.fields): number =>
    words[at + logWord(field)]! >>> 0;
  const from = at + logWord("published");
  const writes = one("writes");
  const first = at + logWord("first_writes");
  return {
    ...{ number: one("number"), slot: one("slot"), ticket: one("ticket"), owner: one("owner") },
    ...{ batch: one("batch"), mask: one("mask"), status: one("status"), code: one("code") },
    ...{ detail: one("detail"), writes, writesHash: one("writes_hash") },
    published: Array.from(words.subarray(from, from + SLOT_WORDS), (word) => word >>> 0),
    firstWrites: Array.from({ length: Math.min(writes, RING_LOG_WRITES) }, (_, i) => ({
      index: words[first + 2 * i]! >>> 0,
      value: words[first + 2 * i + 1]! >>> 0,
    })),
  };
}

export function logDamaged(number: number): Failure {
  return new Failure("RING_LOG_INVALID", {
    at: `record ${number}`,
    found: "a checksum or a number that is not its own, and records behind it",
    expected: "a record as it was written",
    fix: "Use a copy of the log that is whole; only a torn end is cut by itself.",
  });
}

function shapeOf(header: Int32Array): RingShape {
  const word = (field: keyof typeof RING_LOG_HEADER.fields): number =>
    header[RING_LOG_HEADER.fields[field].at / 4]! >>> 0;
  return {
    ...{ slots: word("slots"), lanes: word("lanes") as 1 | 5, tenants: word("tenants") },
    ...{ observables: word("observables"), debugRecords: word("debug_records") },
    ioSlots: word("io_slots"),
  };
}

/** Of the header without its own checksum, and then of the control words. */
function headChecksum(words: Int32Array): number {
  const control = hashWords(words, LOG_HEADER_WORDS, words.length);
  return hashWord(hashWords(words, 0, HEADER_CHECKSUM), control);
}

function hex(word: number): string {
  return `0x${(word >>> 0).toString(16)}`;
}

function invalid(at: string, found: string, expected: string): Failure {
  const fix = "Give a file that `annulus ring` or an executor's `log` option wrote.";
  return new Failure("RING_LOG_INVALID", { at, found, expected, fix });
}
