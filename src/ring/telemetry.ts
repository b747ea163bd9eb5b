// Telemetry: what a ring says of itself, read while others work on it.
//
// Each word is read on its own, so that numbers of one reading may be a few slots apart. Counters wrap:
// `since` takes differences modulo 2^32, which are right while fewer slots than that lie in between.

import { SLOT, SLOT_STATUS, type SlotStatus, WINDOW_CLASS } from "../layout/mod.ts";
import { type ControlSnapshot, decodeControl } from "./codec.ts";
import type { Ring } from "./ring.ts";

const OPCODE_AT = SLOT.fields.opcode.at / 4;
const ARGS_AT = SLOT.fields.args.at / 4;

/** Statuses of slots that are out and not settled. */
const ACTIVE = ["PUBLISHED", "CLAIMED", "WAIT_IO", "YIELD", "REQUEUE"] as const;
const NAMES = Object.keys(SLOT_STATUS) as readonly SlotStatus[];

/** Whether a slot that is out with this status has not settled. */
export function isActive(status: number): boolean {
  return ACTIVE.some((name) => SLOT_STATUS[name] === status);
}

/** The control words and the observable words, now. */
export function controlSnapshot({ words, geometry }: Ring): ControlSnapshot {
  const at = geometry.controlAt / 4;
  return decodeControl(words.slice(at, at + geometry.controlWords));
}

/** What moved between two snapshots of one ring. */
export interface ControlChange {
  readonly done: number;
  readonly faults: number;
  readonly epochs: number;
  /** Operations run, by opcode, of those that ran. */
  readonly operations: ReadonlyMap<number, number>;
  /** Claims by tenant, of those that had any. */
  readonly tenantClaims: ReadonlyMap<number, number>;
  readonly priorityClaims: readonly number[];
}

/** The change from `before` to `after`, across a wrap of any counter. */
export function since(before: ControlSnapshot, after: ControlSnapshot): ControlChange {
  return {
    done: (after.doneCount - before.doneCount) >>> 0,
    faults: (after.faultCount - before.faultCount) >>> 0,
    epochs: (after.epoch - before.epoch) >>> 0,
    operations: nonZero(moved(before.metrics, after.metrics)),
    tenantClaims: nonZero(moved(before.tenantClaims, after.tenantClaims)),
    priorityClaims: moved(before.priorityClaims, after.priorityClaims),
  };
}

function moved(before: readonly number[], after: readonly number[]): number[] {
  return after.map((word, i) => (word - before[i]!) >>> 0);
}

function nonZero(counts: readonly number[]): ReadonlyMap<number, number> {
  return new Map([...counts.entries()].filter(([, count]) => count !== 0));
}

export interface Occupancy {
  readonly slots: number;
  /** Slots that nobody has published into. */
  readonly free: number;
  /** Slots that are out, by status. */
  readonly byStatus: Readonly<Record<SlotStatus, number>>;
  /** Slots that are out with a status that is none. */
  readonly unknown: number;
  /** Slots that are out and not settled. */
  readonly active: number;
}

/** Looks at every slot once. */
export function occupancy(ring: Ring): Occupancy {
  const { slots } = ring.geometry;
  const byStatus = statusCounts();
  let [free, unknown] = [0, 0];
  for (let slot = 0; slot < slots; slot++) {
    const name = NAMES[ring.status(slot) >>> 0];
    if (!ring.isOut(slot)) free++;
    else if (name === undefined) unknown++;
    else byStatus[name]++;
  }
  const active = ACTIVE.reduce((sum, name) => sum + byStatus[name], 0);
  return { slots, free, byStatus, unknown, active };
}

export interface WindowTelemetry {
  readonly required: Readonly<Record<SlotStatus, number>>;
  readonly lookahead: Readonly<Record<SlotStatus, number>>;
  /** Whether there are required slots, and all that are out are done. */
  readonly converged: boolean;
}

/** Slots that are out and carry a window's ticket and opcode, by class and status. */
export function windowTelemetry(ring: Ring, ticket: number, opcode: number): WindowTelemetry {
  const [required, lookahead] = [statusCounts(), statusCounts()];
  let all = 0;
  for (let slot = 0; slot < ring.geometry.slots; slot++) {
    const at = ring.at(slot);
    const name = NAMES[ring.status(slot) >>> 0];
    const word = (index: number): number => ring.words[at + index]! >>> 0;
    if (word(OPCODE_AT) !== opcode || word(ARGS_AT) !== ticket >>> 0) continue;
    if (name === undefined || !ring.isOut(slot)) continue;
    const isRequired = word(ARGS_AT + 1) === WINDOW_CLASS.REQUIRED;
    (isRequired ? required : lookahead)[name]++;
    if (isRequired) all++;
  }
  return { required, lookahead, converged: all > 0 && required.DONE === all };
}

function statusCounts(): Record<SlotStatus, number> {
  return Object.fromEntries(NAMES.map((name) => [name, 0])) as Record<SlotStatus, number>;
}
