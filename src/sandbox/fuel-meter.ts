// Fuel meter: makes a body pay for its instructions, so that every run of it stops at the same one.
//
// Straight code is paid for at its beginning, in one sum for the stretch up to the next place where
// control may come from or go elsewhere. A stretch whose sum is more than what is left does not begin.

import { endsReachability, type Instructions } from "./instructions.ts";
import { canonicalNan, type FloatKind, makesNan } from "./nan.ts";
import { OP, prefixed, PREFIX_GC, PREFIX_MISC, SHAPE } from "./opcodes.ts";
import { type AddedIndices, bulkCharge, fuelCharge } from "./snippets.ts";
import type { Splice } from "./splice.ts";
import { F32, F64, I32, I64, V128 } from "./types.ts";

/** What the meter must know of a module. */
export interface FuelPlan {
  readonly indices: AddedIndices;
  readonly charge: ReturnType<typeof fuelCharge>;
  /** Whether a memory or table's addresses are 64-bit, for the lengths of bulk operations. */
  readonly wideMemory: (index: number) => boolean;
  readonly wideTable: (index: number) => boolean;
  readonly hasSimd: boolean;
}

/** Types of the locals that the meter needs, in the order in which it numbers them. */
export function fuelLocals(hasSimd: boolean): readonly number[] {
  return [I32, I64, F32, F64, ...(hasSimd ? [V128] : [])];
}

export class FuelMeter {
  readonly #splice: Splice;
  readonly #plan: FuelPlan;
  readonly #lengths: { readonly i32: number; readonly i64: number };
  readonly #floats: Readonly<Record<FloatKind, number>>;
  /** Where the cost of the current stretch is written, or -1 before its first instruction. */
  #costAt = -1;
  #cost = 0;

  /** `first` is the index of the meter's first local. */
  constructor(splice: Splice, plan: FuelPlan, first: number) {
    this.#splice = splice;
    this.#plan = plan;
    this.#lengths = { i32: first, i64: first + 1 };
    this.#floats = { f32: first + 2, f64: first + 3, f32x4: first + 4, f64x2: first + 4 };
  }

  /** Counts `op`, the instruction just read, towards the current stretch. */
  before(op: number): void {
    if (!isFree(op)) {
      if (this.#costAt < 0) this.#openStretch();
      this.#cost++;
    }
    const bulk = op < 256 ? undefined : bulkLength(op);
    if (bulk === undefined) return;
    const wide = this.#isWide(bulk, this.#splice.code);
    const local = wide ? this.#lengths.i64 : this.#lengths.i32;
    this.#splice.addBefore(bulkCharge(this.#plan.indices, wide, local));
  }

  #openStretch(): void {
    const { bytes, costAt } = this.#plan.charge;
    this.#splice.addBefore(bytes);
    this.#costAt = this.#splice.writer.length - bytes.length + costAt;
  }

  /** Whether the length on the stack is an i64. Between two memories or tables, the narrower decides. */
  #isWide(bulk: Bulk, { shape, index, second }: Instructions): boolean {
    if (bulk === "array" || shape === SHAPE.memoryInit || shape === SHAPE.tableInit) return false;
    const wide = bulk === "memory" ? this.#plan.wideMemory : this.#plan.wideTable;
    const copies = shape === SHAPE.memoryCopy || shape === SHAPE.tableCopy;
    return wide(index) && (!copies || wide(second));
  }

  /** Makes a NaN canonical, and ends the stretch where control may come from or go elsewhere. */
  behind(op: number): void {
    const nan = makesNan(op);
    if (nan !== undefined) this.#splice.addBehind(canonicalNan(nan, this.#floats[nan]));
    if (!dividesStretches(op)) return;
    if (this.#costAt >= 0) this.#splice.writer.patch(this.#costAt, this.#cost);
    this.#costAt = -1;
    this.#cost = 0;
  }
}

/** Instructions that only mark structure cost nothing; every way back to a loop costs at least one. */
function isFree(op: number): boolean {
  switch (op) {
    case 0x01: // nop
    case OP.block:
    case OP.loop:
    case OP.try:
    case OP.tryTable:
    case OP.catch:
    case OP.catchAll:
    case OP.delegate:
    case OP.else:
    case OP.end:
      return true;
    default:
      return false;
  }
}

function dividesStretches(op: number): boolean {
  switch (op) {
    case OP.loop:
    case OP.if:
    case OP.else:
    case OP.end:
    case OP.try:
    case OP.tryTable:
    case OP.catch:
    case OP.catchAll:
    case OP.delegate:
    case OP.brIf:
    case OP.brOnNull:
    case OP.brOnNonNull:
    case OP.brOnCast:
    case OP.brOnCastFail:
      return true;
    default:
      return endsReachability(op);
  }
}

type Bulk = "memory" | "table" | "array";

const MEMORY_BULK = new Set([8, 10, 11].map((code) => prefixed(PREFIX_MISC, code)));
const TABLE_BULK = new Set([12, 14, 15, 17].map((code) => prefixed(PREFIX_MISC, code)));
const ARRAY_BULK = new Set([6, 7, 9, 10, 16, 17, 18, 19].map((code) => prefixed(PREFIX_GC, code)));

/** What an instruction whose last operand is a length works on. */
function bulkLength(op: number): Bulk | undefined {
  if (MEMORY_BULK.has(op)) return "memory";
  if (TABLE_BULK.has(op)) return "table";
  return ARRAY_BULK.has(op) ? "array" : undefined;
}
