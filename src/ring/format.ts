// Format: a ring's whole memory, made and recognised.
//
// The host that makes a ring formats it once, before it hands the memory to anyone. Whoever attaches
// trusts the header only after every number in it has been derived again from the ring's shape.

import { Failure } from "../base/mod.ts";
import { fieldsOf, type RingGeometry, ringGeometry, type RingShape } from "../layout/mod.ts";
import { CONTROL, LANE_CURSORS, RING_HEADER, RING_MAGIC, RING_VERSION } from "../layout/mod.ts";
import { encodeControl } from "./codec.ts";

const PAGE_BYTES = 65_536;
/** Behind a ring that createRingMemory() made, for what executors keep there. */
const EXECUTOR_PAGES = 1;

/** Where the lanes begin to count. Tests start short of 2^32 to see positions wrap. */
export interface FormatOptions {
  readonly firstPosition?: number;
  /** Bytes behind the ring that are the host's own, such as payloads: from `totalBytes` on. */
  readonly behindBytes?: number;
}

/** Memory for a ring of this shape, formatted. Fails with RING_INVALID for a shape outside the limits. */
export function createRing(
  shape: Partial<RingShape> = {},
  options: FormatOptions = {},
): SharedArrayBuffer {
  const geometry = ringGeometry(shape);
  const memory = new SharedArrayBuffer(geometry.totalBytes + (options.behindBytes ?? 0));
  format(memory, geometry, options);
  return memory;
}

/**
 * As createRing(), in a memory that executors can also use from WebAssembly; its last page is theirs. Others
 * attach to its `buffer`.
 */
export function createRingMemory(
  shape: Partial<RingShape> = {},
  options: FormatOptions = {},
): WebAssembly.Memory {
  const geometry = ringGeometry(shape);
  const pages =
    Math.ceil((geometry.totalBytes + (options.behindBytes ?? 0)) / PAGE_BYTES) + EXECUTOR_PAGES;
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  format(memory.buffer, geometry, options);
  return memory;
}

function format(memory: ArrayBufferLike, geometry: RingGeometry, options: FormatOptions): void {
  new Uint32Array(memory, 0, RING_HEADER.bytes / 4).set(headerOf(geometry));
  writeControl(memory, geometry);
  writeTurns(memory, geometry, (options.firstPosition ?? 0) >>> 0);
}

/** Where everything is in a formatted memory. Fails with RING_INVALID for anything else. */
export function geometryOf(memory: ArrayBufferLike): RingGeometry {
  if (memory.byteLength < RING_HEADER.bytes)
    throw invalid("the memory", `${memory.byteLength} bytes`, `${RING_HEADER.bytes} or more`);
  const header = new Uint32Array(memory, 0, RING_HEADER.bytes / 4);
  if (header[0] !== RING_MAGIC) throw invalid("magic", hex(header[0]!), hex(RING_MAGIC));
  if (header[1] !== RING_VERSION) throw invalid("version", `${header[1]}`, `${RING_VERSION}`);
  const word = (name: keyof typeof RING_HEADER.fields): number =>
    header[RING_HEADER.fields[name].at / 4]!;
  const geometry = ringGeometry({
    ...{ slots: word("slots"), lanes: word("lanes") as 1 | 5, tenants: word("tenants") },
    ...{ observables: word("observables"), debugRecords: word("debug_records") },
    ioSlots: word("io_slots"),
  });
  const expected = headerOf(geometry);
  for (const [name, { at }] of fieldsOf(RING_HEADER)) {
    const [found, derived] = [header[at / 4]!, expected[at / 4]!];
    if (found !== derived) throw invalid(name, `${found}`, `${derived}`);
  }
  if (memory.byteLength < geometry.totalBytes)
    throw invalid("the memory", `${memory.byteLength} bytes`, `${geometry.totalBytes} or more`);
  return geometry;
}

/** Headers by their geometry, which rings of one shape share. */
const HEADERS = new WeakMap<RingGeometry, Uint32Array>();

function headerOf(geometry: RingGeometry): Uint32Array {
  const known = HEADERS.get(geometry);
  if (known !== undefined) return known;
  const header = new Uint32Array(RING_HEADER.bytes / 4);
  writeHeader(header, geometry);
  HEADERS.set(geometry, header);
  return header;
}

function writeHeader(header: Uint32Array, geometry: RingGeometry): void {
  const values: Readonly<Record<keyof typeof RING_HEADER.fields, number>> = {
    magic: RING_MAGIC,
    version: RING_VERSION,
    total_bytes: geometry.totalBytes,
    slots: geometry.slots,
    lanes: geometry.lanes,
    cursors_at: geometry.cursorsAt,
    control_at: geometry.controlAt,
    control_words: geometry.controlWords,
    observables: geometry.observables,
    tenants: geometry.tenants,
    slots_at: geometry.slotsAt,
    sides_at: geometry.sidesAt,
    debug_at: geometry.debugAt,
    debug_records: geometry.debugRecords,
    io_at: geometry.ioAt,
    io_slots: geometry.ioSlots,
  };
  for (const [name, { at }] of fieldsOf(RING_HEADER))
    header[at / 4] = values[name as keyof typeof values];
}

function writeControl(memory: ArrayBufferLike, geometry: RingGeometry): void {
  const { controlAt, controlWords, tenants, observables } = geometry;
  const words = new Uint32Array(memory, controlAt, controlWords);
  words.set(new Uint32Array(encodeControl({ tenants, observables }).buffer));
  words.set(geometry.laneStarts, CONTROL.fields.lane_starts.at / 4);
  words[CONTROL.fields.debug_records.at / 4] = geometry.debugRecords;
  words[CONTROL.fields.io_slots.at / 4] = geometry.ioSlots;
  words[CONTROL.fields.slot_count.at / 4] = geometry.slots;
}

/** Cursors at the first position, and every slot free for the first publisher that reaches it. */
function writeTurns(memory: ArrayBufferLike, geometry: RingGeometry, first: number): void {
  const turns = new Uint32Array(memory, geometry.sides.turn, geometry.slots);
  for (let lane = 0; lane + 1 < geometry.laneStarts.length; lane++) {
    const at = geometry.cursorsAt + lane * LANE_CURSORS.bytes;
    const cursors = new Uint32Array(memory, at, LANE_CURSORS.bytes / 4);
    cursors[LANE_CURSORS.fields.tail.at / 4] = first;
    cursors[LANE_CURSORS.fields.head.at / 4] = first;
    cursors[LANE_CURSORS.fields.counted.at / 4] = first;
    const start = geometry.laneStarts[lane]!;
    const size = geometry.laneStarts[lane + 1]! - start;
    for (let i = 0; i < size; i++) turns[start + ((first + i) & (size - 1))] = first + i;
  }
}

function hex(word: number): string {
  return `0x${word.toString(16)}`;
}

function invalid(at: string, found: string, expected: string): Failure {
  const fix = "Attach to memory that createRing() made, in the same version of the protocol.";
  return new Failure("RING_INVALID", { at, found, expected, fix });
}
