// Trap classes: which kind, code and advice belong to each class of trap.
//
// Kinds are the seed's KernelError; several classes share one, so the class keeps the original name.

import type { FailureCode } from "../base/mod.ts";
import type { TrapName } from "./trap-messages.ts";

export type KernelErrorKind =
  | "EpochDeadline"
  | "MemoryAccessViolation"
  | "IntegerOverflow"
  | "Unreachable"
  | "StackOverflow"
  | "IndirectCallTypeMismatch"
  | "KernelTrap";

/** The kinds of error that a caller tells apart, each with its failure code. */
export const CLASSES = {
  EpochDeadline: { kind: "EpochDeadline", code: "KERNEL_DEADLINE" },
  MemoryAccessViolation: { kind: "MemoryAccessViolation", code: "KERNEL_MEMORY" },
  IntegerOverflow: { kind: "IntegerOverflow", code: "KERNEL_ARITHMETIC" },
  Unreachable: { kind: "Unreachable", code: "KERNEL_UNREACHABLE" },
  StackOverflow: { kind: "StackOverflow", code: "KERNEL_STACK" },
  IndirectCallTypeMismatch: { kind: "IndirectCallTypeMismatch", code: "KERNEL_INDIRECT_CALL" },
  KernelTrap: { kind: "KernelTrap", code: "KERNEL_TRAP" },
} as const satisfies Record<KernelErrorKind, { kind: KernelErrorKind; code: FailureCode }>;

export const KIND_OF: Readonly<Record<TrapName, KernelErrorKind>> = {
  unreachable: "Unreachable",
  "memory-out-of-bounds": "MemoryAccessViolation",
  "data-segment-out-of-bounds": "MemoryAccessViolation",
  "table-out-of-bounds": "IndirectCallTypeMismatch",
  "element-segment-out-of-bounds": "IndirectCallTypeMismatch",
  "indirect-call-mismatch": "IndirectCallTypeMismatch",
  "indirect-call-to-null": "IndirectCallTypeMismatch",
  "integer-divide-by-zero": "IntegerOverflow",
  "integer-overflow": "IntegerOverflow",
  "bad-conversion-to-integer": "IntegerOverflow",
  "stack-overflow": "StackOverflow",
  "heap-misaligned": "KernelTrap",
  "atomic-wait-not-allowed": "KernelTrap",
  "null-reference": "KernelTrap",
  "cast-failure": "KernelTrap",
  "array-out-of-bounds": "KernelTrap",
  "allocation-too-large": "KernelTrap",
  exception: "KernelTrap",
  deadline: "EpochDeadline",
  fuel: "KernelTrap",
  code: "KernelTrap",
  other: "KernelTrap",
};

interface Reason {
  readonly found: string;
  readonly expected: string;
  readonly fix: string;
}

export const AUTHOR = "Report it to the kernel's author with the function and byte given here.";

function reason(found: string, expected: string, fix = AUTHOR): Reason {
  return { found, expected, fix };
}

export const REASONS: Readonly<Record<TrapName, Reason>> = {
  unreachable: reason("an unreachable instruction", "code that is never reached"),
  "memory-out-of-bounds": reason("an access outside linear memory", "addresses within memory"),
  "data-segment-out-of-bounds": reason("a range outside a data segment", "ranges within it"),
  "table-out-of-bounds": reason("an index outside a table", "indices within the table"),
  "element-segment-out-of-bounds": reason("a range outside an element segment", "ranges within it"),
  "indirect-call-mismatch": reason(
    "an indirect call to null or to another signature",
    "an entry of the called signature",
  ),
  "indirect-call-to-null": reason("an indirect call to null", "an entry that holds a function"),
  "integer-divide-by-zero": reason("an integer division by zero", "a divisor other than zero"),
  "integer-overflow": reason("an integer result out of range", "a result that fits its type"),
  "bad-conversion-to-integer": reason(
    "a NaN or too large a float converted to an integer",
    "a float within the integer's range",
  ),
  "stack-overflow": reason(
    "calls nested deeper than the stack allows",
    "calls within max_stack_size and the engine's stack",
    "Raise max_stack_size if the recursion is meant to be deep, else report it to the author.",
  ),
  "heap-misaligned": reason("an atomic access off its boundary", "aligned atomic accesses"),
  "atomic-wait-not-allowed": reason("an atomic wait where none may be", "no waiting in a kernel"),
  "null-reference": reason("a null reference in use", "a reference to an object"),
  "cast-failure": reason("a cast to a type that the object has not", "an object of that type"),
  "array-out-of-bounds": reason("an index outside an array", "indices within the array"),
  "allocation-too-large": reason("an object too large to allocate", "objects that fit the heap"),
  exception: reason("an exception that nothing caught", "exceptions caught within the kernel"),
  deadline: reason(
    "a call that was still running at its deadline",
    "an end within the budget of ticks",
    "Raise the budget within the host's ceiling, or do less in one call.",
  ),
  fuel: reason(
    "a call that used all its fuel",
    "an end within the fuel given",
    "Give more fuel, or do less in one call.",
  ),
  code: reason("an error code", "OK (0)"),
  other: reason("a trap that this version does not know", "no trap"),
};
