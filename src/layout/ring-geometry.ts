// Ring geometry: where each region of a ring lies in its memory, from the few numbers that shape it.
//
//   header | cursors, bells | control, observable words | slots | side tables | debug log | IO queue
//
// Lanes: with one, NORMAL holds every slot. With five, half the slots are NORMAL's and each other
// priority has an eighth, so that every lane is a power of two and a position's slot is a mask away.

import { Failure, RING_LIMITS } from "../base/mod.ts";
import { fieldsOf } from "./layout.ts";
import { PRIORITY } from "./ring-codes.ts";
import {
  BELLS,
  CONTROL_WORDS,
  DEBUG_LOG,
  DEBUG_RECORD,
  IO_ENTRY,
  LANE_CURSORS,
  REGION_ALIGN_BYTES,
  RING_HEADER,
  SIDE_TABLES,
  SLOT,
} from "./ring.layout.ts";

/** What shapes a ring. */
export interface RingShape {
  /** Slots of all lanes together: a power of two. */
  readonly slots: number;
  /** 1: no priorities. 5: one lane for each. */
  readonly lanes: 1 | 5;
  /** Observable words. */
  readonly observables: number;
  /** Tenants, whose windows are equal parts of the observable words. */
  readonly tenants: number;
  readonly debugRecords: number;
  readonly ioSlots: number;
}

/** Byte offsets of the regions, from the start of the memory. */
export interface RingGeometry extends RingShape {
  readonly totalBytes: number;
  /** The cursors of lane p start at `cursorsAt + p * LANE_CURSORS.bytes`. */
  readonly cursorsAt: number;
  readonly bellsAt: number;
  readonly controlAt: number;
  /** Control words, observable words included. */
  readonly controlWords: number;
  /** Observable words of each tenant. */
  readonly windowWords: number;
  readonly slotsAt: number;
  readonly sidesAt: number;
  /** Where each side table starts. */
  readonly sides: Readonly<Record<keyof typeof SIDE_TABLES.fields, number>>;
  readonly debugAt: number;
  readonly ioAt: number;
  /** First slot of each lane, in order of priority, then the end of the last. */
  readonly laneStarts: readonly [number, number, number, number, number, number];
}

export const RING_DEFAULTS = {
  slots: 256,
  lanes: 1,
  observables: 64,
  tenants: 1,
  debugRecords: 64,
  ioSlots: 64,
} as const satisfies RingShape;

/** Shapes that were asked for: few, and each by many rings. */
const KNOWN = new Map<string, RingGeometry>();
const KNOWN_MAX = 64;

/**
 * Lays the regions out; rings of one shape share what it returns. Fails with RING_INVALID for a shape outside the
 * limits.
 */
export function ringGeometry(options: Partial<RingShape> = {}): RingGeometry {
  const shape = { ...RING_DEFAULTS, ...options };
  checkShape(shape);
  const { slots, lanes, observables, tenants, debugRecords, ioSlots } = shape;
  const key = [slots, lanes, observables, tenants, debugRecords, ioSlots].join();
  const known = KNOWN.get(key);
  if (known !== undefined) return known;
  const geometry = laidOut(shape);
  if (KNOWN.size >= KNOWN_MAX) KNOWN.clear();
  KNOWN.set(key, geometry);
  return geometry;
}

function laidOut(shape: RingShape): RingGeometry {
  const { slots, lanes, observables, tenants, debugRecords, ioSlots } = shape;
  const cursorsAt = RING_HEADER.bytes;
  const bellsAt = cursorsAt + RING_LIMITS.lanes * LANE_CURSORS.bytes;
  const controlAt = aligned(bellsAt + BELLS.bytes);
  const controlWords = CONTROL_WORDS + observables;
  const slotsAt = aligned(controlAt + controlWords * 4);
  const sidesAt = aligned(slotsAt + slots * SLOT.bytes);
  const debugAt = aligned(sidesAt + slots * SIDE_TABLES.bytes);
  const ioAt = aligned(debugAt + debugLogGeometry(debugRecords).bytes);
  const totalBytes = aligned(ioAt + ioSlots * IO_ENTRY.bytes);
  const windowWords = Math.floor(observables / tenants);
  const sides = Object.fromEntries(
    fieldsOf(SIDE_TABLES).map(([name, { at }]) => [name, sidesAt + at * slots]),
  ) as RingGeometry["sides"];
  return {
    ...{ slots, lanes, observables, tenants, debugRecords, ioSlots, totalBytes },
    ...{ cursorsAt, bellsAt, controlAt, controlWords, windowWords, slotsAt, sidesAt, sides },
    ...{ debugAt, ioAt, laneStarts: laneStarts(slots, lanes) },
  };
}

/** The lane that slots of this priority are queued in. */
export function laneOf(lanes: 1 | 5, priority: number): number {
  return lanes === 1 ? PRIORITY.NORMAL : priority;
}

/** Byte offsets within a debug log, and its bytes. */
export function debugLogGeometry(records: number): {
  readonly recordsAt: number;
  /** Records that found no room; wraps. */
  readonly droppedAt: number;
  /** One u32 for each record: its sequence from 1, written last; 0 while the record is not whole. */
  readonly sequencesAt: number;
  readonly bytes: number;
} {
  const recordsAt = DEBUG_LOG.bytes;
  const droppedAt = recordsAt + records * DEBUG_RECORD.bytes;
  const sequencesAt = droppedAt + 4;
  return { recordsAt, droppedAt, sequencesAt, bytes: sequencesAt + records * 4 };
}

function laneStarts(slots: number, lanes: 1 | 5): RingGeometry["laneStarts"] {
  if (lanes === 1) return [0, 0, 0, slots, slots, slots];
  const eighth = slots / 8;
  return [0, eighth, 2 * eighth, 6 * eighth, 7 * eighth, slots];
}

function checkShape(shape: RingShape): void {
  const { slots, lanes, observables, tenants } = shape;
  if (lanes !== 1 && lanes !== RING_LIMITS.lanes) throw invalid("lanes", lanes, "1 or 5");
  const least = lanes === 1 ? 2 : 16; // A lane of one slot has one turn for full and free again.
  checkRange("slots", slots, least, RING_LIMITS.slotsMax);
  if ((slots & (slots - 1)) !== 0) throw invalid("slots", slots, "a power of two");
  checkRange("tenants", tenants, 1, RING_LIMITS.tenantsMax);
  checkRange("observables", observables, 0, RING_LIMITS.observablesMax);
  checkRange("debugRecords", shape.debugRecords, 0, RING_LIMITS.debugRecordsMax);
  checkRange("ioSlots", shape.ioSlots, 0, RING_LIMITS.ioSlotsMax);
}

function checkRange(name: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw invalid(name, value, `a whole number from ${least} to ${most}`);
}

function invalid(at: string, found: unknown, expected: string): Failure {
  const fix = "Choose the ring's shape within its limits.";
  return new Failure("RING_INVALID", { at, found: String(found), expected, fix });
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / REGION_ALIGN_BYTES) * REGION_ALIGN_BYTES;
}
