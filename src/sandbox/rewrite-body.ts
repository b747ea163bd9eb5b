// Rewrite body: copies one function body, putting in checks and moving indices that shifted.
//
// What the author wrote is copied in runs, byte for byte; only indices of spaces that grew are
// written anew. Checks go where every long run must pass: behind each loop header, since only loops
// jump back, and at the entry of functions that call, since only calls repeat without a loop.

import { MODULE_LIMITS } from "../base/mod.ts";
import { Instructions, endsReachability } from "./instructions.ts";
import type { Body } from "./module.ts";
import { canonicalNan, type FloatKind, makesNan } from "./nan.ts";
import { OP, prefixed, PREFIX_GC, PREFIX_MISC, SHAPE } from "./opcodes.ts";
import { tooLarge } from "./reader.ts";
import {
  type AddedIndices,
  bulkCharge,
  enterFrame,
  fuelCharge,
  leaveFrame,
  resumeFrame,
} from "./snippets.ts";
import { F32, F64, I32, I64, V128 } from "./types.ts";
import { leb, type Writer } from "./writer.ts";

/** What holds for every body of a module. */
export interface BodyPlan {
  readonly interrupt: "epoch" | "fuel" | "none";
  readonly indices: AddedIndices;
  /** The epoch check, empty in the other modes. */
  readonly check: readonly number[];
  /** Indices from here on move up by `globalShift`. */
  readonly importedGlobals: number;
  readonly globalShift: number;
  readonly importedMemories: number;
  readonly memoryShift: number;
  /** Whether a memory or table's addresses are 64-bit, for the lengths of bulk operations. */
  readonly wideMemory: (index: number) => boolean;
  readonly wideTable: (index: number) => boolean;
  readonly hasSimd: boolean;
}

/** How one body is charged for its frame; absent for those that cannot recurse. */
export interface FramePlan {
  readonly bytes: number;
  /** The block type that wraps the body: no parameters, the function's results. */
  readonly blockType: readonly number[];
}

interface Frame {
  readonly loop: boolean;
  /** An exception may land behind this frame's end. */
  landing: boolean;
}

/** Copies `body` to `writer`, rewritten. `code` is moved over it. */
export function rewriteBody(
  writer: Writer,
  code: Instructions,
  body: Body,
  plan: BodyPlan,
  frame: FramePlan | undefined,
): void {
  new BodyRewriter(writer, code, body, plan, frame).rewrite();
}

class BodyRewriter {
  readonly #writer: Writer;
  readonly #code: Instructions;
  readonly #body: Body;
  readonly #plan: BodyPlan;
  readonly #frame: FramePlan | undefined;
  readonly #frames: Frame[] = [];
  readonly #added: readonly number[];
  /** Source offset up to which bytes have been copied. */
  #copied: number;
  /** First local of ours. */
  readonly #saved: number;
  readonly #lengths: { readonly i32: number; readonly i64: number };
  readonly #floats: Readonly<Record<FloatKind, number>>;
  /** Where the cost of the current stretch is written, or -1 before its first instruction. */
  #costAt = -1;
  #cost = 0;

  constructor(
    writer: Writer,
    code: Instructions,
    body: Body,
    plan: BodyPlan,
    frame: FramePlan | undefined,
  ) {
    this.#writer = writer;
    this.#code = code;
    this.#body = body;
    this.#plan = plan;
    this.#frame = frame;
    this.#copied = body.start;
    this.#saved = body.locals;
    this.#added = this.#isVerbatim() ? [] : this.#addedLocals();
    const first = body.locals + (frame === undefined ? 0 : 1);
    this.#lengths = { i32: first, i64: first + 1 };
    this.#floats = { f32: first + 2, f64: first + 3, f32x4: first + 4, f64x2: first + 4 };
  }

  rewrite(): void {
    const writer = this.#writer;
    const opened = writer.open(this.#body.at);
    this.#code.end = this.#body.end;
    if (this.#isVerbatim()) writer.copy(this.#body.start, this.#body.end);
    else {
      this.#locals();
      this.#entry();
      this.#instructions();
      this.#flush(this.#body.end);
    }
    writer.fill(opened);
    this.#checkSize(writer.length - opened);
  }

  /** Engines bound a body's bytes and its locals, and ours count too. */
  #checkSize(bytes: number): void {
    const { at, locals } = this.#body;
    const { functionBytesMax, localsMax } = MODULE_LIMITS;
    if (bytes > functionBytesMax)
      throw tooLarge(at, `a function of ${bytes} bytes with its checks`, functionBytesMax);
    const allLocals = locals + this.#added.length;
    if (allLocals > localsMax)
      throw tooLarge(at, `${allLocals} locals with those of its checks`, localsMax);
  }

  /** True where nothing is added and no index can have moved: leaves without loops, mostly. */
  #isVerbatim(): boolean {
    const { interrupt, globalShift, memoryShift } = this.#plan;
    if (this.#frame !== undefined || globalShift > 0 || memoryShift > 0) return false;
    return (
      interrupt === "none" || (interrupt === "epoch" && !this.#body.hasLoop && !this.#body.calls)
    );
  }

  /** Types of the locals that are added, in the order that the constructor numbers. */
  #addedLocals(): number[] {
    const types: number[] = [];
    if (this.#frame !== undefined) types.push(I32);
    if (this.#plan.interrupt === "fuel") {
      types.push(I32, I64, F32, F64);
      if (this.#plan.hasSimd) types.push(V128);
    }
    return types;
  }

  #locals(): void {
    const { start, codeAt } = this.#body;
    if (this.#added.length === 0) return this.#flush(codeAt);
    this.#code.at = start;
    const groups = this.#code.u32();
    this.#writer.add(leb(groups + this.#added.length), start);
    this.#copied = this.#code.at;
    this.#flush(codeAt);
    this.#writer.add(
      this.#added.flatMap((type) => [1, type]),
      codeAt,
    );
  }

  #entry(): void {
    const { check, indices } = this.#plan;
    if (this.#body.calls) this.#add(check);
    if (this.#frame === undefined) return;
    this.#add(enterFrame(indices, this.#saved, this.#frame.bytes));
    this.#add([OP.block, ...this.#frame.blockType]);
  }

  #instructions(): void {
    const code = this.#code;
    code.at = this.#body.codeAt;
    const fuel = this.#plan.interrupt === "fuel";
    const framed = this.#frame !== undefined;
    while (code.at < this.#body.end) {
      const op = code.next();
      if (fuel) this.#burn(op);
      this.#shiftIndices();
      if (op === OP.loop && !fuel) this.#addBehind(this.#plan.check);
      if (framed) this.#trackFrames(op);
      if (fuel) this.#behind(op);
    }
  }

  /** Writes indices that moved; all others stay part of the run that is copied. */
  #shiftIndices(): void {
    const code = this.#code;
    const { globalShift, importedGlobals, memoryShift, importedMemories } = this.#plan;
    switch (code.shape) {
      case SHAPE.global:
        if (globalShift > 0 && code.index >= importedGlobals) {
          this.#replace(code.indexAt, code.indexEnd, leb(code.index + globalShift));
        }
        return;
      case SHAPE.memarg:
      case SHAPE.memargLane:
        if (memoryShift > 0 && code.index >= importedMemories) {
          const bytes = [code.second | 0x40, ...leb(code.index + memoryShift)];
          this.#replace(code.indexAt, code.indexEnd, bytes);
        }
        return;
      case SHAPE.memory:
        return this.#shiftMemory(code.index, code.indexAt, code.indexEnd);
      case SHAPE.memoryInit:
        return this.#shiftMemory(code.second, code.secondAt, code.secondEnd);
      case SHAPE.memoryCopy:
        this.#shiftMemory(code.index, code.indexAt, code.indexEnd);
        return this.#shiftMemory(code.second, code.secondAt, code.secondEnd);
      default: // Every other index is of a space that only grows at its end.
    }
  }

  #shiftMemory(index: number, at: number, end: number): void {
    const { memoryShift, importedMemories } = this.#plan;
    if (memoryShift > 0 && index >= importedMemories)
      this.#replace(at, end, leb(index + memoryShift));
  }

  /** Follows blocks, so that every way out of the function gives its frame back. */
  #trackFrames(op: number): void {
    const code = this.#code;
    const { indices } = this.#plan;
    const resume = (): number[] => resumeFrame(indices, this.#saved, this.#frame!.bytes);
    switch (op) {
      case OP.block:
      case OP.if:
      case OP.try:
        this.#frames.push({ loop: false, landing: false });
        return;
      case OP.loop:
        this.#frames.push({ loop: true, landing: false });
        if (this.#body.catches) this.#addBehind(resume()); // A catch clause may jump to the header.
        return;
      case OP.tryTable:
        for (const label of code.labels) {
          const target = this.#frames.at(-1 - label);
          if (target !== undefined) target.landing = true;
        }
        this.#frames.push({ loop: false, landing: false });
        return;
      case OP.catch:
      case OP.catchAll:
        return this.#addBehind(resume());
      case OP.return: // To the end of the block that wraps the body.
        return this.#replace(code.start, code.at, [OP.br, ...leb(this.#frames.length)]);
      case OP.returnCall:
      case OP.returnCallIndirect:
      case OP.returnCallRef:
        this.#flush(code.start);
        return this.#writer.add(leaveFrame(indices, this.#saved), code.start);
      case OP.delegate: // Ends its try, and a clause elsewhere may have landed behind it.
      case OP.end:
        return this.#closeFrame(resume);
      default:
    }
  }

  #closeFrame(resume: () => number[]): void {
    const frame = this.#frames.pop();
    if (frame === undefined)
      this.#addBehind([...leaveFrame(this.#plan.indices, this.#saved), OP.end]);
    else if (frame.landing && !frame.loop) this.#addBehind(resume());
  }

  /** Counts `op` towards the current stretch of straight code, which is paid for at its beginning. */
  #burn(op: number): void {
    if (!isFree(op)) {
      if (this.#costAt < 0) this.#openStretch();
      this.#cost++;
    }
    const bulk = bulkLength(op);
    if (bulk === undefined) return;
    const wide =
      bulk === "memory" ? this.#wideMemories() : bulk === "table" ? this.#wideTables() : false;
    const local = wide ? this.#lengths.i64 : this.#lengths.i32;
    this.#flush(this.#code.start);
    this.#writer.add(bulkCharge(this.#plan.indices, wide, local), this.#code.start);
  }

  #wideMemories(): boolean {
    const { wideMemory } = this.#plan;
    const { shape, index, second } = this.#code;
    if (shape === SHAPE.memoryInit) return false; // The length counts the segment's bytes.
    if (shape === SHAPE.memoryCopy) return wideMemory(index) && wideMemory(second);
    return wideMemory(index);
  }

  #wideTables(): boolean {
    const { wideTable } = this.#plan;
    const { shape, index, second } = this.#code;
    if (shape === SHAPE.tableInit) return false;
    if (shape === SHAPE.tableCopy) return wideTable(index) && wideTable(second);
    return wideTable(index);
  }

  #openStretch(): void {
    const { bytes, costAt } = fuelCharge(this.#plan.indices);
    this.#flush(this.#code.start);
    this.#costAt = this.#writer.length + costAt;
    this.#writer.add(bytes, this.#code.start);
  }

  /** Ends the stretch where control may come from or go elsewhere; makes NaNs canonical. */
  #behind(op: number): void {
    const nan = makesNan(op);
    if (nan !== undefined) this.#addBehind(canonicalNan(nan, this.#floats[nan]));
    if (!dividesStretches(op)) return;
    if (this.#costAt >= 0) this.#writer.patch(this.#costAt, this.#cost);
    this.#costAt = -1;
    this.#cost = 0;
  }

  /** Copies the author's bytes up to `to`. */
  #flush(to: number): void {
    this.#writer.copy(this.#copied, to);
    this.#copied = to;
  }

  /** Adds in front of the next byte to be copied. */
  #add(bytes: readonly number[]): void {
    if (bytes.length > 0) this.#writer.add(bytes, this.#copied);
  }

  /** Adds behind the instruction just read. */
  #addBehind(bytes: readonly number[]): void {
    this.#flush(this.#code.at);
    this.#add(bytes);
  }

  #replace(at: number, end: number, bytes: readonly number[]): void {
    this.#flush(at);
    this.#writer.add(bytes, at);
    this.#copied = end;
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

const MEMORY_BULK = new Set([8, 10, 11].map((code) => prefixed(PREFIX_MISC, code)));
const TABLE_BULK = new Set([12, 14, 15, 17].map((code) => prefixed(PREFIX_MISC, code)));
const ARRAY_BULK = new Set([6, 7, 9, 10, 16, 17, 18, 19].map((code) => prefixed(PREFIX_GC, code)));

/** What an instruction whose last operand is a length works on. */
function bulkLength(op: number): "memory" | "table" | "array" | undefined {
  if (op < 256) return undefined;
  if (MEMORY_BULK.has(op)) return "memory";
  if (TABLE_BULK.has(op)) return "table";
  return ARRAY_BULK.has(op) ? "array" : undefined;
}
