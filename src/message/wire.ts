// Wire: a message as bytes that leave this process: a header of 256 bytes, then the payload.
//
// What is read comes from strangers: everything is checked before a byte of payload is kept, and the
// payload is a copy, so that nobody changes it after its checksum was compared. The checksum finds
// accidents in the payload alone; who sent a message is for the channel to prove.

import { assert, Failure } from "../base/mod.ts";
import {
  MAX_PAYLOAD_BYTES,
  MESSAGE_HEADER,
  MESSAGE_MAGIC,
  MESSAGE_VERSION,
} from "../layout/mod.ts";
import { crc32c } from "./crc32c.ts";

/** A hybrid logical clock's stamp as it travels. Each part is a u64. */
export interface WireStamp {
  /** Microseconds of Unix time. */
  readonly physicalUs: bigint;
  readonly logical: bigint;
  readonly node: bigint;
}

/** 0 low, 1 normal, 2 high, 3 critical. The ring's own priorities run the other way. */
export type WirePriority = 0 | 1 | 2 | 3;

/** A message with all that must travel with it. Every bigint is a u64. */
export interface Envelope {
  readonly messageId: bigint;
  /** Number of the message that this one answers; 0 is none. */
  readonly correlationId: bigint;
  /** The kernel that sent it; 0 is the host. */
  readonly source: bigint;
  readonly dest: bigint;
  readonly messageType: bigint;
  /** 32 bits of the sender's own. */
  readonly flags: number;
  readonly priority: WirePriority;
  readonly timestamp: WireStamp;
  /** All three 0: none. */
  readonly deadline: WireStamp;
  /** 0 is unspecified. */
  readonly tenant: bigint;
  readonly auditOrg: bigint;
  readonly auditEngagement: bigint;
  readonly payload: Uint8Array;
}

export interface WireOptions {
  /** The largest payload taken. 65,536 unless given. */
  readonly payloadBytesMax?: number;
}

type HeaderField = keyof typeof MESSAGE_HEADER.fields;

const U64_MAX = 2n ** 64n - 1n;
const PRIORITY_MAX = 3;

/** Fails with MESSAGE_INVALID for a number that its field cannot hold, or a payload that is too large. */
export function encodeEnvelope(envelope: Envelope, options: WireOptions = {}): Uint8Array {
  const { payload, priority, flags } = envelope;
  checkSize(BigInt(payload.length), options);
  if (flags >>> 0 !== flags) throw invalid("flags", String(flags), "32 unsigned bits");
  checkPriority(priority);

  const bytes = new Uint8Array(MESSAGE_HEADER.bytes + payload.length);
  bytes.set(payload, MESSAGE_HEADER.bytes);
  const view = new DataView(bytes.buffer);
  setU64(view, "magic", MESSAGE_MAGIC);
  view.setUint32(at("version"), MESSAGE_VERSION, true);
  view.setUint32(at("flags"), flags, true);
  setU64(view, "message_id", envelope.messageId);
  setU64(view, "correlation_id", envelope.correlationId);
  setU64(view, "source_kernel", envelope.source);
  setU64(view, "dest_kernel", envelope.dest);
  setU64(view, "message_type", envelope.messageType);
  view.setUint8(at("priority"), priority);
  setU64(view, "payload_size", BigInt(payload.length));
  view.setUint32(at("checksum"), crc32c(bytes, MESSAGE_HEADER.bytes, bytes.length), true);
  setStamp(view, "timestamp", envelope.timestamp);
  setStamp(view, "deadline", envelope.deadline);
  setU64(view, "tenant", envelope.tenant);
  setU64(view, "audit_org", envelope.auditOrg);
  setU64(view, "audit_engagement", envelope.auditEngagement);
  return bytes;
}

/**
 * Reads one message, which must be all of `bytes`. Reserved bytes are not looked at: RingKernel leaves
 * some of them unset. Fails with MESSAGE_INVALID.
 */
export function decodeEnvelope(bytes: Uint8Array, options: WireOptions = {}): Envelope {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const payload = payloadOf(bytes, view, options);
  const priority = view.getUint8(at("priority"));
  checkPriority(priority);
  return {
    messageId: u64(view, "message_id"),
    correlationId: u64(view, "correlation_id"),
    source: u64(view, "source_kernel"),
    dest: u64(view, "dest_kernel"),
    messageType: u64(view, "message_type"),
    flags: view.getUint32(at("flags"), true),
    priority,
    timestamp: stamp(view, "timestamp"),
    deadline: stamp(view, "deadline"),
    tenant: u64(view, "tenant"),
    auditOrg: u64(view, "audit_org"),
    auditEngagement: u64(view, "audit_engagement"),
    payload,
  };
}

/** The payload, copied, once the header is known to describe it. */
function payloadOf(bytes: Uint8Array, view: DataView, options: WireOptions): Uint8Array {
  const found = `${bytes.length} bytes`;
  if (bytes.length < MESSAGE_HEADER.bytes)
    throw invalid("header", found, `${MESSAGE_HEADER.bytes} at least`);
  const magic = u64(view, "magic");
  if (magic !== MESSAGE_MAGIC) throw invalid("magic", hex(magic), hex(MESSAGE_MAGIC));
  const version = view.getUint32(at("version"), true);
  if (version !== MESSAGE_VERSION)
    throw invalid("version", String(version), String(MESSAGE_VERSION));

  const size = u64(view, "payload_size");
  checkSize(size, options);
  const there = bytes.length - MESSAGE_HEADER.bytes;
  if (size !== BigInt(there))
    throw invalid("payload_size", `${size} bytes`, `the ${there} that follow the header`);

  const payload = new Uint8Array(there);
  payload.set(bytes.subarray(MESSAGE_HEADER.bytes));
  const stated = view.getUint32(at("checksum"), true);
  const checksum = crc32c(payload, 0, there);
  if (stated !== checksum) throw invalid("checksum", hex(stated), `the payload's ${hex(checksum)}`);
  return payload;
}

function checkSize(size: bigint, { payloadBytesMax = MAX_PAYLOAD_BYTES }: WireOptions): void {
  assert(payloadBytesMax >= 0, "the largest payload is 0 bytes or more");
  if (size <= payloadBytesMax) return;
  throw invalid("payload_size", `${size} bytes`, `${payloadBytesMax} at most`);
}

function checkPriority(priority: number): asserts priority is WirePriority {
  if (Number.isInteger(priority) && priority >= 0 && priority <= PRIORITY_MAX) return;
  throw invalid("priority", String(priority), `0 to ${PRIORITY_MAX}`);
}

function setStamp(view: DataView, name: "timestamp" | "deadline", stamp: WireStamp): void {
  setU64(view, `${name}_physical`, stamp.physicalUs);
  setU64(view, `${name}_logical`, stamp.logical);
  setU64(view, `${name}_node`, stamp.node);
}

function stamp(view: DataView, name: "timestamp" | "deadline"): WireStamp {
  return {
    physicalUs: u64(view, `${name}_physical`),
    logical: u64(view, `${name}_logical`),
    node: u64(view, `${name}_node`),
  };
}

function setU64(view: DataView, field: HeaderField, value: bigint): void {
  if (value < 0n || value > U64_MAX) throw invalid(field, String(value), "64 unsigned bits");
  view.setBigUint64(at(field), value, true);
}

function u64(view: DataView, field: HeaderField): bigint {
  return view.getBigUint64(at(field), true);
}

function at(field: HeaderField): number {
  return MESSAGE_HEADER.fields[field].at;
}

function hex(value: number | bigint): string {
  return `0x${value.toString(16)}`;
}

function invalid(field: HeaderField | "header", found: string, expected: string): Failure {
  const fix = "Send the message whole, as encodeEnvelope() writes it.";
  return new Failure("MESSAGE_INVALID", { at: field, found, expected, fix }, { detail: { field } });
}
