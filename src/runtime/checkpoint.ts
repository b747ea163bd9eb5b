// Checkpoint: a kernel at rest as bytes: which kernel, what it takes, its state, and the messages that waited.
// docs/reference/checkpoint.md has the format.
//
// Reading trusts nothing: each length is compared with what is there, each section with its checksum, and
// the messages with the types that the kernel took. Checksums find accidents; who may write checkpoints is
// for whoever stores them to guard.

import { CHECKPOINT_LIMITS, Failure } from "../base/mod.ts";
import {
  CHECKPOINT_HEADER,
  CHECKPOINT_MAGIC,
  CHECKPOINT_VERSION,
  MESSAGE_HEADER,
} from "../layout/mod.ts";
import { crc32c, decodeEnvelope, encodeEnvelope, type Envelope } from "../message/mod.ts";
import type { CheckpointOptions } from "./kernel-facts.ts";

export interface Checkpoint {
  /** Id of the kernel's definition. */
  readonly id: string;
  /** Messages that the kernel took. */
  readonly types: readonly number[];
  /** As `encodeState` writes it. */
  readonly state: Uint8Array;
  /** Messages that waited, oldest first. */
  readonly messages: readonly Envelope[];
  /** Calls that waited too. They are left out: their callers wait for the kernel that they called. */
  readonly calls: number;
  /** The clock when it was made. */
  readonly stampHigh: number;
  readonly stampLow: number;
}

type Bounds = Pick<CheckpointOptions, "bytesMax">;
type Word = keyof typeof CHECKPOINT_HEADER.fields;
const SECTIONS = ["id", "types", "state", "queue"] as const;
type Section = (typeof SECTIONS)[number];

const utf8 = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** Payloads were small enough for the runtime that took them; each is bounded by its section. */
const ANY_PAYLOAD = { payloadBytesMax: CHECKPOINT_LIMITS.bytesMax };

/** Fails with STATE_UNSAVABLE where there are more bytes than allowed. */
export function encodeCheckpoint(
  checkpoint: Checkpoint,
  options: Bounds = {},
): Uint8Array<ArrayBuffer> {
  const { id, types, state, messages, calls, stampHigh, stampLow } = checkpoint;
  const parts = messages.map((one) => encodeEnvelope(one, ANY_PAYLOAD));
  const sections = [[utf8.encode(id)], [typeBytes(types)], [state], parts];
  const lengths = sections.map((pieces) => pieces.reduce((sum, { length }) => sum + length, 0));
  const total = totalOf(lengths);
  const most = mostOf(options);
  if (total > most) throw tooLarge(id, total, most);

  const bytes = new Uint8Array(total);
  const view = new DataView(bytes.buffer);
  setWord(view, "magic", CHECKPOINT_MAGIC);
  setWord(view, "version", CHECKPOINT_VERSION);
  setWord(view, "stamp_low", stampLow);
  setWord(view, "stamp_high", stampHigh);
  setWord(view, "messages", messages.length);
  setWord(view, "calls", calls);
  let at: number = CHECKPOINT_HEADER.bytes;
  for (const [i, section] of SECTIONS.entries()) {
    const start = at;
    for (const piece of sections[i]!) {
      bytes.set(piece, at);
      at += piece.length;
    }
    setWord(view, `${section}_bytes`, at - start);
    setWord(view, `${section}_checksum`, crc32c(bytes, start, at));
  }
  setWord(view, "checksum", headChecksum(bytes));
  return bytes;
}

/** Reads a checkpoint, which must be all of `bytes`. Fails with CHECKPOINT_INVALID. */
export function decodeCheckpoint(bytes: Uint8Array, options: Bounds = {}): Checkpoint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  checkHead(bytes, view, mostOf(options));
  const { id, types, state, queue } = sectionsOf(bytes, view);
  const taken = typesOf(types);
  return {
    id: textOf(id),
    types: taken,
    state: state.slice(),
    messages: messagesOf(queue, word(view, "messages"), new Set(taken)),
    calls: word(view, "calls"),
    stampHigh: word(view, "stamp_high"),
    stampLow: word(view, "stamp_low"),
  };
}

function checkHead(bytes: Uint8Array, view: DataView, most: number): void {
  const { length } = bytes;
  if (length > most) throw invalid("size", `${length} bytes`, `${most} at most`);
  if (length < CHECKPOINT_HEADER.bytes)
    throw invalid("header", `${length} bytes`, `${CHECKPOINT_HEADER.bytes} at least`);
  expectWord(view, "magic", CHECKPOINT_MAGIC);
  expectWord(view, "version", CHECKPOINT_VERSION);
  expectWord(view, "checksum", headChecksum(bytes));
  expectWord(view, "reserved", 0);
}

function sectionsOf(bytes: Uint8Array, view: DataView): Record<Section, Uint8Array> {
  const lengths = SECTIONS.map((section) => word(view, `${section}_bytes`));
  const total = totalOf(lengths);
  if (total !== bytes.length) throw invalid("sections", `${total} bytes`, `${bytes.length}`);
  let at: number = CHECKPOINT_HEADER.bytes;
  const found = SECTIONS.map((section, i) => {
    const start = at;
    at += lengths[i]!;
    expectWord(view, `${section}_checksum`, crc32c(bytes, start, at));
    return [section, bytes.subarray(start, at)] as const;
  });
  return Object.fromEntries(found) as Record<Section, Uint8Array>;
}

/** Bytes of a checkpoint whose sections have these lengths. */
function totalOf(lengths: readonly number[]): number {
  return lengths.reduce((sum, length) => sum + length, CHECKPOINT_HEADER.bytes);
}

function textOf(bytes: Uint8Array): string {
  const { idBytesMax } = CHECKPOINT_LIMITS;
  if (bytes.length > idBytesMax)
    throw invalid("id", `${bytes.length} bytes`, `${idBytesMax} at most`);
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw invalid("id", "bytes that are not UTF-8", "UTF-8", cause);
  }
}

function typesOf(bytes: Uint8Array): readonly number[] {
  const { typesMax } = CHECKPOINT_LIMITS;
  if (bytes.length % 4 !== 0 || bytes.length / 4 > typesMax)
    throw invalid("types", `${bytes.length} bytes`, `a multiple of 4, ${4 * typesMax} at most`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const types = Array.from({ length: bytes.length / 4 }, (_, i) => view.getUint32(4 * i, true));
  for (const [i, type] of types.entries())
    if (i > 0 && type <= types[i - 1]!)
      throw invalid("types", `${type} behind ${types[i - 1]}`, "ascending numbers");
  return types;
}

function messagesOf(bytes: Uint8Array, count: number, types: ReadonlySet<number>): Envelope[] {
  const { messagesMax } = CHECKPOINT_LIMITS;
  if (count > messagesMax) throw invalid("messages", String(count), `${messagesMax} at most`);
  const messages: Envelope[] = [];
  let at = 0;
  while (at < bytes.length && messages.length < count) {
    const end = at + messageBytes(bytes, at);
    messages.push(messageOf(bytes.subarray(at, end), messages.length, types));
    at = end;
  }
  if (at !== bytes.length || messages.length !== count)
    throw invalid("messages", `${messages.length} in ${at} bytes`, `${count} in ${bytes.length}`);
  return messages;
}

/** Bytes of the message at `at`, which lie in the section. */
function messageBytes(bytes: Uint8Array, at: number): number {
  const left = bytes.length - at - MESSAGE_HEADER.bytes;
  if (left < 0) throw invalid("messages", "half a header", "a whole one");
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, MESSAGE_HEADER.bytes);
  const payload = view.getBigUint64(MESSAGE_HEADER.fields.payload_size.at, true);
  if (payload > left) throw invalid("messages", `a payload of ${payload} bytes`, `${left} at most`);
  return MESSAGE_HEADER.bytes + Number(payload);
}

function messageOf(bytes: Uint8Array, number: number, types: ReadonlySet<number>): Envelope {
  let envelope: Envelope;
  try {
    envelope = decodeEnvelope(bytes, ANY_PAYLOAD);
  } catch (cause) {
    const { at, found, expected } = cause as Failure; // It throws nothing else.
    throw invalid(`message ${number}, ${at}`, found, expected, cause);
  }
  if (types.has(Number(envelope.messageType))) return envelope;
  throw invalid(`message ${number}`, `type ${envelope.messageType}`, "one that the kernel took");
}

function typeBytes(types: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 * types.length);
  const view = new DataView(bytes.buffer);
  for (const [i, type] of types.toSorted((a, b) => a - b).entries())
    view.setUint32(4 * i, type, true);
  return bytes;
}

function headChecksum(bytes: Uint8Array): number {
  return crc32c(bytes, 0, CHECKPOINT_HEADER.fields.checksum.at);
}

function setWord(view: DataView, name: Word, value: number): void {
  view.setUint32(CHECKPOINT_HEADER.fields[name].at, value, true);
}

function word(view: DataView, name: Word): number {
  return view.getUint32(CHECKPOINT_HEADER.fields[name].at, true);
}

function expectWord(view: DataView, name: Word, expected: number): void {
  const found = word(view, name);
  if (found !== expected) throw invalid(name, hex(found), hex(expected));
}

function mostOf({ bytesMax = CHECKPOINT_LIMITS.bytesDefault }: Bounds): number {
  return Math.min(bytesMax, CHECKPOINT_LIMITS.bytesMax);
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

function tooLarge(id: string, total: number, most: number): Failure {
  return new Failure("STATE_UNSAVABLE", {
    ...{ at: `kernel ${id}`, found: `${total} bytes`, expected: `${most} at most` },
    fix: "Allow more with `bytesMax`, or keep less in the state and in the queue.",
  });
}

/** Whoever reads a checkpoint says so of what does not belong to it. */
export function invalid(at: string, found: string, expected: string, cause?: unknown): Failure {
  const fix = "Take a checkpoint of this kernel that was stored whole.";
  return new Failure("CHECKPOINT_INVALID", { at, found, expected, fix }, { cause });
}
