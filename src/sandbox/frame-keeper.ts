// Frame keeper: charges a function that can recurse for its frame, and gives the frame back on every
// way out.
//
// The body is wrapped in one block, so that `return` becomes a branch to its end, where the budget is
// set to what it was at entry. Frames that an exception unwinds give nothing back themselves; so
// wherever a clause of this function may catch one, the budget is set to what this frame left.

import type { Body } from "./module.ts";
import { OP } from "./opcodes.ts";
import { type AddedIndices, enterFrame, leaveFrame, resumeFrame } from "./snippets.ts";
import type { Splice } from "./splice.ts";
import { leb } from "./writer.ts";

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

export class FrameKeeper {
  readonly #splice: Splice;
  readonly #catches: boolean;
  readonly #frames: Frame[] = [];
  /** What goes in front of the body's first instruction. */
  readonly enter: readonly number[];
  readonly #leave: readonly number[];
  readonly #resume: readonly number[];

  /** `saved` is the local that holds the budget at entry. */
  constructor(splice: Splice, body: Body, plan: FramePlan, indices: AddedIndices, saved: number) {
    this.#splice = splice;
    this.#catches = body.catches;
    this.enter = [...enterFrame(indices, saved, plan.bytes), OP.block, ...plan.blockType];
    this.#leave = leaveFrame(indices, saved);
    this.#resume = resumeFrame(indices, saved, plan.bytes);
  }

  /** Follows blocks; `op` is the instruction just read, and one of those up to OP.tryTable. */
  follow(op: number): void {
    const splice = this.#splice;
    switch (op) {
      case OP.block:
      case OP.if:
      case OP.try:
        this.#frames.push({ loop: false, landing: false });
        return;
      case OP.loop:
        this.#frames.push({ loop: true, landing: false });
        if (this.#catches) splice.addBehind(this.#resume); // A catch clause may jump to the header.
        return;
      case OP.tryTable:
        this.#land(splice.code.labels);
        this.#frames.push({ loop: false, landing: false });
        return;
      case OP.catch:
      case OP.catchAll:
        return splice.addBehind(this.#resume);
      case OP.return: // To the end of the block that wraps the body.
        return splice.replace(splice.code.start, splice.code.at, [
          OP.br,
          ...leb(this.#frames.length),
        ]);
      case OP.returnCall:
      case OP.returnCallIndirect:
      case OP.returnCallRef:
        return splice.addBefore(this.#leave);
      case OP.delegate: // Ends its try, and a clause elsewhere may have landed behind it.
      case OP.end:
        return this.#close();
      default:
    }
  }

  #land(labels: readonly number[]): void {
    for (const label of labels) {
      const target = this.#frames.at(-1 - label);
      if (target !== undefined) target.landing = true; // Else the end of the function, which leaves.
    }
  }

  #close(): void {
    const frame = this.#frames.pop();
    if (frame === undefined) this.#splice.addBehind([...this.#leave, OP.end]);
    else if (frame.landing && !frame.loop) this.#splice.addBehind(this.#resume);
  }
}
