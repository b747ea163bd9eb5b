// Snippets: the instructions that the rewriter adds, in the only place where they are spelled.
//
// Each leaves the operand stack as it found it, branches nowhere, and calls nothing: a call in the
// hot path costs 17 to 123 %, a trap behind a comparison 0 to 12 % (docs/INTERRUPTION.md).

import { INTERRUPTED } from "./interrupted.ts";
import { OP } from "./opcodes.ts";
import { leb, signedLeb } from "./writer.ts";

/** Indices of what the rewriter imports, in the rewritten module's spaces. */
export interface AddedIndices {
  /** The memory whose first word is the epoch. */
  readonly epoch: number;
  /** i32: the epoch at which the running call ends. */
  readonly deadline: number;
  /** i32: one of INTERRUPTED. */
  readonly interrupted: number;
  /** i64: what is left to burn; below zero the call ends. */
  readonly fuel: number;
  /** i32: bytes of stack left; below zero the call ends. */
  readonly stack: number;
  /** i32: the descriptor that a batch entry calls; 0 when it is done. */
  readonly request: number;
}

const EMPTY_BLOCK = 0x40;
const I32_STORE_ALIGN = 2;

/** `interrupted = reason; unreachable`. */
function stop(interrupted: number, reason: number): number[] {
  return [OP.i32Const, ...signedLeb(reason), OP.globalSet, ...leb(interrupted), OP.unreachable];
}

/**
 * Stops at the deadline: `if ((epoch - deadline) >= 0) stop`. The signed difference lets the epoch
 * wrap; a plain load suffices, since the engines do not lift loads out of loops and a late tick is late
 * by one turn only.
 */
export function epochCheck(indices: AddedIndices): number[] {
  const { deadline, interrupted } = indices;
  return [
    ...epochLoad(indices),
    ...[OP.globalGet, ...leb(deadline), OP.i32Sub],
    ...[OP.i32Const, 0, OP.i32GeS],
    ...[OP.if, EMPTY_BLOCK, ...stop(interrupted, INTERRUPTED.deadline), OP.end],
  ];
}

/** The epoch now, as an i32 on the stack: the one snippet that leaves something there. */
export function epochLoad({ epoch }: AddedIndices): number[] {
  const memarg = epoch === 0 ? [I32_STORE_ALIGN] : [I32_STORE_ALIGN | 0x40, ...leb(epoch)];
  return [OP.i32Const, 0, OP.i32Load, ...memarg, 0];
}

/**
 * Burns fuel and stops when it is gone. The cost is five bytes at `FUEL_COST_AT`, filled in when the
 * stretch of instructions that it pays for is complete.
 */
export function fuelCharge({ fuel, interrupted }: AddedIndices): {
  bytes: number[];
  costAt: number;
} {
  const before = [OP.globalGet, ...leb(fuel), OP.i64Const];
  return {
    costAt: before.length,
    bytes: [
      ...before,
      ...[0x80, 0x80, 0x80, 0x80, 0x00],
      ...[OP.i64Sub, OP.globalSet, ...leb(fuel)],
      ...fuelStop(fuel, interrupted),
    ],
  };
}

function fuelStop(fuel: number, interrupted: number): number[] {
  return [
    ...[OP.globalGet, ...leb(fuel), OP.i64Const, 0, OP.i64LtS],
    ...[OP.if, EMPTY_BLOCK, ...stop(interrupted, INTERRUPTED.fuel), OP.end],
  ];
}

const I64_EXTEND_I32_U = 0xad;
const I64_SHR_U = 0x88;

/** One unit of fuel for every 16 bytes or elements of a bulk operation, whose length is on the stack. */
export function bulkCharge(
  { fuel, interrupted }: AddedIndices,
  wide: boolean,
  length: number,
): number[] {
  return [
    ...[OP.localSet, ...leb(length), OP.globalGet, ...leb(fuel)],
    ...[OP.localGet, ...leb(length), ...(wide ? [] : [I64_EXTEND_I32_U])],
    ...[OP.i64Const, 4, I64_SHR_U, OP.i64Sub, OP.globalSet, ...leb(fuel)],
    ...fuelStop(fuel, interrupted),
    ...[OP.localGet, ...leb(length)],
  ];
}

/** Takes a frame from the stack budget, keeping what was left in local `saved`; stops when too deep. */
export function enterFrame(
  { stack, interrupted }: AddedIndices,
  saved: number,
  bytes: number,
): number[] {
  return [
    ...[OP.globalGet, ...leb(stack), OP.localTee, ...leb(saved)],
    ...[OP.i32Const, ...signedLeb(bytes), OP.i32Sub, OP.globalSet, ...leb(stack)],
    ...[OP.globalGet, ...leb(stack), OP.i32Const, 0, 0x48 /* i32.lt_s */],
    ...[OP.if, EMPTY_BLOCK, ...stop(interrupted, INTERRUPTED.stack), OP.end],
  ];
}

/** Gives the frame back. */
export function leaveFrame({ stack }: AddedIndices, saved: number): number[] {
  return [OP.localGet, ...leb(saved), OP.globalSet, ...leb(stack)];
}

/** Where an exception is caught: frames that it unwound gave nothing back, so the budget is set anew. */
export function resumeFrame({ stack }: AddedIndices, saved: number, bytes: number): number[] {
  return [
    ...[OP.localGet, ...leb(saved), OP.i32Const, ...signedLeb(bytes), OP.i32Sub],
    ...[OP.globalSet, ...leb(stack)],
  ];
}
