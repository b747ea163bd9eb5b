// Rewrite body: copies one function body, putting in checks and moving indices that shifted.
//
// What the author wrote is copied in runs, byte for byte; only indices of spaces that grew are
// written anew. Checks go where every long run must pass: behind each loop header, since only loops
// jump back, and at the entry of functions that call, since only calls repeat without a loop.

import { MODULE_LIMITS } from "../base/mod.ts";
import { FrameKeeper, type FramePlan } from "./frame-keeper.ts";
import { FuelMeter, fuelLocals, type FuelPlan } from "./fuel-meter.ts";
import type { Instructions } from "./instructions.ts";
import type { Body } from "./module.ts";
import { OP, SHAPE } from "./opcodes.ts";
import { tooLarge } from "./reader.ts";
import type { AddedIndices } from "./snippets.ts";
import { Splice } from "./splice.ts";
import { I32 } from "./types.ts";
import { leb, type Writer } from "./writer.ts";

/** By how much indices move up, and from which on: those of imports stay. */
export interface Shifts {
  readonly importedGlobals: number;
  readonly globals: number;
  readonly importedMemories: number;
  readonly memories: number;
}

/** What holds for every body of a module. */
export interface BodyPlan {
  readonly interrupt: "epoch" | "fuel" | "none";
  readonly indices: AddedIndices;
  /** The epoch check, empty in the other modes. */
  readonly check: readonly number[];
  readonly shifts: Shifts;
  /** In fuel mode, what the meter needs. */
  readonly fuel: FuelPlan | undefined;
}

/** Copies `body` to `writer`, rewritten. `code` is moved over it. */
export function rewriteBody(
  writer: Writer,
  code: Instructions,
  body: Body,
  plan: BodyPlan,
  frame: FramePlan | undefined,
): void {
  const opened = writer.open(body.at);
  if (isVerbatim(body, plan, frame)) writer.copy(body.start, body.end);
  else new BodyRewriter(writer, code, body, plan, frame).rewrite();
  writer.fill(opened);
  const bytes = writer.length - opened;
  if (bytes > MODULE_LIMITS.functionBytesMax) {
    const found = `a function of ${bytes} bytes with its checks`;
    throw tooLarge(body.at, found, MODULE_LIMITS.functionBytesMax);
  }
}

/** True where nothing is added and no index can have moved: leaves without loops, mostly. */
function isVerbatim(body: Body, plan: BodyPlan, frame: FramePlan | undefined): boolean {
  const { interrupt, shifts } = plan;
  if (frame !== undefined || shifts.globals > 0 || shifts.memories > 0) return false;
  return interrupt === "none" || (interrupt === "epoch" && !body.hasLoop && !body.calls);
}

class BodyRewriter {
  readonly #splice: Splice;
  readonly #code: Instructions;
  readonly #body: Body;
  readonly #plan: BodyPlan;
  readonly #keeper: FrameKeeper | undefined;
  readonly #meter: FuelMeter | undefined;
  /** Types of the locals that are added. */
  readonly #locals: number[] = [];

  constructor(
    writer: Writer,
    code: Instructions,
    body: Body,
    plan: BodyPlan,
    frame: FramePlan | undefined,
  ) {
    this.#splice = new Splice(writer, code, body.start);
    this.#code = code;
    this.#body = body;
    this.#plan = plan;
    if (frame !== undefined) {
      this.#keeper = new FrameKeeper(this.#splice, body, frame, plan.indices, body.locals);
      this.#locals.push(I32);
    }
    if (plan.fuel !== undefined) {
      this.#meter = new FuelMeter(this.#splice, plan.fuel, body.locals + this.#locals.length);
      this.#locals.push(...fuelLocals(plan.fuel.hasSimd));
    }
  }

  rewrite(): void {
    const { start, codeAt, end } = this.#body;
    this.#code.end = end;
    this.#code.at = start;
    if (this.#locals.length > 0) this.#addLocals();
    this.#code.at = codeAt;
    if (this.#body.calls) this.#splice.addBehind(this.#plan.check);
    if (this.#keeper !== undefined) this.#splice.addBehind(this.#keeper.enter);
    this.#instructions();
    this.#splice.flush(end);
  }

  #addLocals(): void {
    const { at, start, codeAt, locals } = this.#body;
    const all = locals + this.#locals.length;
    if (all > MODULE_LIMITS.localsMax) {
      throw tooLarge(at, `${all} locals with those of its checks`, MODULE_LIMITS.localsMax);
    }
    const groups = this.#code.u32();
    this.#splice.replaceIndex(start, this.#code.at, groups + this.#locals.length);
    this.#splice.flush(codeAt);
    const added = this.#locals.flatMap((type) => [1, type]);
    this.#splice.writer.add(added, codeAt);
  }

  #instructions(): void {
    const code = this.#code;
    const { check, shifts } = this.#plan;
    const [meter, keeper] = [this.#meter, this.#keeper];
    while (code.at < this.#body.end) {
      const op = code.next();
      if (meter !== undefined) meter.before(op);
      if (code.shape === SHAPE.global) this.#shiftGlobal(shifts);
      else if (shifts.memories > 0) this.#shiftMemories(shifts);
      if (op <= OP.tryTable) {
        if (op === OP.loop && check.length > 0) this.#splice.addBehind(check);
        if (keeper !== undefined) keeper.follow(op);
      }
      if (meter !== undefined) meter.behind(op);
    }
  }

  // Every index but these is of a space that only grows at its end, and stays part of the run.

  #shiftGlobal({ globals, importedGlobals }: Shifts): void {
    const { index, indexAt, indexEnd } = this.#code;
    if (globals > 0 && index >= importedGlobals) {
      this.#splice.replaceIndex(indexAt, indexEnd, index + globals);
    }
  }

  #shiftMemories(shifts: Shifts): void {
    const code = this.#code;
    switch (code.shape) {
      case SHAPE.memarg:
      case SHAPE.memargLane:
        if (code.index < shifts.importedMemories) return;
        return this.#splice.replace(code.indexAt, code.indexEnd, [
          code.second | 0x40,
          ...leb(code.index + shifts.memories),
        ]);
      case SHAPE.memory:
        return this.#shiftMemory(code.index, code.indexAt, code.indexEnd, shifts);
      case SHAPE.memoryInit:
        return this.#shiftMemory(code.second, code.secondAt, code.secondEnd, shifts);
      case SHAPE.memoryCopy:
        this.#shiftMemory(code.index, code.indexAt, code.indexEnd, shifts);
        return this.#shiftMemory(code.second, code.secondAt, code.secondEnd, shifts);
      default:
    }
  }

  #shiftMemory(index: number, at: number, end: number, shifts: Shifts): void {
    if (index < shifts.importedMemories) return;
    this.#splice.replaceIndex(at, end, index + shifts.memories);
  }
}
