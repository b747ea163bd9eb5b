// Check: whether the operations of a slot may run, before the first of them does.
//
// All that arguments alone decide is decided here, so that a packed slot runs as a whole or not at all;
// only custom bodies can still fail midway. `detail` of MALFORMED_ARGS is the argument's index, and in a
// packed slot the operation's.

import { OBSERVABLE_BASE, OPCODES } from "../layout/mod.ts";
import type { Fault } from "./effects.ts";
import type { Opcodes } from "./opcodes.ts";
import { type PackedOp, PackedOps } from "./packed.ts";
import { firstOutside, mayRun, type Rights } from "./rights.ts";

const WORD_MAX = 0xffff_ffff;

/** Argument `index` of an operation; what it leaves out is 0. */
export function arg(op: PackedOp, index: number): number {
  return op.args[index] ?? 0;
}

/** The fault of the tenant or the opcode that the slot itself names. The first rule that fails counts. */
export function checkSlot(rights: Rights, opcode: number, opcodes: Opcodes): Fault | undefined {
  const known = opcodes.opcode(opcode);
  if (rights.mask === 0) return { code: "UNAUTHORISED", detail: 0 };
  if (known === undefined) return { code: "UNKNOWN_OPCODE", detail: opcode };
  return checkClass(rights, opcode, opcodes);
}

/** The operations of a slot's twelve argument words, or why they are none. */
export function operations(
  opcode: number,
  args: Int32Array,
  opcodes: Opcodes,
): readonly PackedOp[] | Fault {
  if (opcode !== OPCODES.PACKED_SLOT.code)
    return [{ opcode, args: Array.from(args, (word) => word >>> 0) }];
  const packed = new PackedOps();
  if (!packed.read(args, 0, opcodes.packableArity))
    return { code: "MALFORMED_ARGS", detail: packed.faultAt };
  return Array.from({ length: packed.count }, (_, index) => packed.op(index));
}

/** The first fault among operations, in their order. */
export function checkOperations(
  rights: Rights,
  ops: readonly PackedOp[],
  opcodes: Opcodes,
  packed: boolean,
): Fault | undefined {
  for (const [index, op] of ops.entries()) {
    const fault = checkClass(rights, op.opcode, opcodes) ?? checkArgs(rights, op, opcodes);
    if (fault?.code === "MALFORMED_ARGS" && packed) return { ...fault, detail: index };
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function checkClass(rights: Rights, opcode: number, opcodes: Opcodes): Fault | undefined {
  const known = opcodes.opcode(opcode);
  if (known !== undefined && mayRun(rights.mask, known.class)) return undefined;
  return { code: "UNAUTHORISED", detail: rights.mask };
}

function checkArgs(rights: Rights, op: PackedOp, opcodes: Opcodes): Fault | undefined {
  const at = (index: number): number => arg(op, index);
  switch (op.opcode) {
    case OPCODES.STORE_U32.code:
    case OPCODES.ATOMIC_ADD.code:
      return inside(rights, at(1));
    case OPCODES.LOAD_U32.code:
      return inside(rights, at(0)) ?? inside(rights, OBSERVABLE_BASE + at(1));
    case OPCODES.COMPARE_SWAP.code:
      return inside(rights, at(0)) ?? inside(rights, OBSERVABLE_BASE + at(3));
    case OPCODES.MEMCPY.code:
      return inside(rights, at(0), at(2)) ?? inside(rights, at(1), at(2));
    case OPCODES.DFA_STEP.code:
      return checkDfa(op, opcodes) ?? inside(rights, OBSERVABLE_BASE + at(2));
    case OPCODES.BATCH_FENCE.code:
      return at(2) === 0 && at(0) !== 0 ? malformed(2) : undefined; // Nothing counts in batch 0.
    default:
      return undefined;
  }
}

function checkDfa(op: PackedOp, opcodes: Opcodes): Fault | undefined {
  const table = opcodes.table(arg(op, 3));
  if (table === undefined) return malformed(3);
  if (arg(op, 0) >= table.states) return malformed(0);
  return arg(op, 1) > 255 ? malformed(1) : undefined;
}

function inside(rights: Rights, index: number, words = 1): Fault | undefined {
  const outside = firstOutside(rights, index, words);
  if (outside === undefined) return undefined;
  return { code: "OUT_OF_BOUNDS", detail: Math.min(outside, WORD_MAX) };
}

function malformed(detail: number): Fault {
  return { code: "MALFORMED_ARGS", detail };
}
