// Entries: the functions that the rewriter adds for the host to call, instruction by instruction.
//
//   armed entry   arms the call, then calls the author's function with the author's parameters
//   batch entry   does that for one descriptor after the other, from `at` up to `end`
//
// A batch entry arms anew for each descriptor, so that a request has the budget that a call has. It
// stops at the first result that is not 0, and says in a global at which descriptor it is: where a trap
// leaves it too, and 0 once all is done. The loop is the host's own: no check stands in it, and fuel is charged for none of it.

import { OP } from "./opcodes.ts";
import { type AddedIndices, epochLoad } from "./snippets.ts";
import { leb, signedLeb } from "./writer.ts";

/** How calls of one module are armed. */
export interface Arming {
  readonly interrupt: "epoch" | "fuel" | "none";
  readonly indices: AddedIndices;
  /** What stops a call whose deadline has passed before it begins. */
  readonly check: readonly number[];
  /** Bytes of stack to grant; undefined where no function is charged for its frame. */
  readonly stackBytes: number | undefined;
}

/** `(armed..., params...)`: the body, with its size, of an entry to function `target`. */
export function armedEntry(arming: Arming, target: number, params: number): number[] {
  const own = arming.interrupt === "none" ? 0 : 1;
  const code = [0]; // No locals.
  if (arming.interrupt === "epoch")
    code.push(OP.localGet, 0, OP.globalSet, ...leb(arming.indices.deadline), ...arming.check);
  code.push(...fuelAndStack(arming));
  for (let i = 0; i < params; i++) code.push(OP.localGet, ...leb(own + i));
  code.push(OP.call, ...leb(target), OP.end);
  return sized(code);
}

const I32 = 0x7f;
const I32_EQ = 0x46;
const I32_ADD = 0x6a;
const EMPTY_BLOCK = 0x40;

/** `(budget, at, end) -> code`: the budget, in ticks or fuel, is each descriptor's; "none" has none. */
export function batchEntry(arming: Arming, target: number, strideBytes: number): number[] {
  const { interrupt, indices } = arming;
  const at = interrupt === "none" ? 0 : 1;
  const [end, result] = [at + 1, at + 2];
  return sized([
    ...[1, 1, I32], // One local: the result.
    ...[OP.loop, EMPTY_BLOCK],
    ...[OP.localGet, at, OP.localGet, end, I32_EQ],
    ...[OP.if, EMPTY_BLOCK, OP.i32Const, 0, OP.globalSet, ...leb(indices.request)],
    ...[OP.i32Const, 0, OP.return, OP.end],
    ...[OP.localGet, at, OP.globalSet, ...leb(indices.request)],
    ...(interrupt === "epoch" ? armFromNow(arming) : []),
    ...fuelAndStack(arming),
    ...[OP.localGet, at, OP.call, ...leb(target), OP.localTee, result],
    ...[OP.if, EMPTY_BLOCK, OP.localGet, result, OP.return, OP.end],
    ...[OP.localGet, at, OP.i32Const, ...signedLeb(strideBytes), I32_ADD, OP.localSet, at],
    ...[OP.br, 0, OP.end],
    ...[OP.unreachable, OP.end], // The loop is only left by a return.
  ]);
}

/** `deadline = epoch + budget`, and the check. */
function armFromNow({ indices, check }: Arming): number[] {
  return [
    ...[...epochLoad(indices), OP.localGet, 0, I32_ADD, OP.globalSet, ...leb(indices.deadline)],
    ...check,
  ];
}

/** Fuel is the first parameter, and the stack's grant a constant. */
function fuelAndStack({ interrupt, indices, stackBytes }: Arming): number[] {
  const code: number[] = [];
  if (interrupt === "fuel") code.push(OP.localGet, 0, OP.globalSet, ...leb(indices.fuel));
  if (stackBytes !== undefined)
    code.push(OP.i32Const, ...signedLeb(stackBytes), OP.globalSet, ...leb(indices.stack));
  return code;
}

function sized(code: readonly number[]): number[] {
  return [...leb(code.length), ...code];
}
