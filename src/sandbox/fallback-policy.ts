// Policy: which errors the next link of a chain may make good.
//
// A caller that is at fault must hear of it: another link would say the same, or worse, compute
// something. So shapes, types and params that do not fit, what was disposed, and the codes
// INVALID_INPUT, INVALID_OUTPUT and INVALID_PARAMS are thrown as they are. So is what is no Failure,
// such as a TypeError: a mistake of the host's own. Everything else is the kernel's failure or the
// sandbox's: traps, deadlines, modules that do not load, pools that are empty, memory that is full, and
// the codes OUT_OF_MEMORY, NOT_IMPLEMENTED and INTERNAL_ERROR, under which all others count.

import { Failure, type FailureCode } from "../base/mod.ts";
import { KERNEL_CODES } from "../layout/mod.ts";
import { KernelError } from "./trap.ts";

const CALLERS_FAULTS: ReadonlySet<FailureCode> = new Set([
  "NOT_VERIFIED",
  "KERNEL_NOT_FOUND",
  "SHAPE_MISMATCH",
  "DTYPE_MISMATCH",
  "PARAM_INVALID",
  "DISPOSED",
] as const);

const CALLERS_CODES: ReadonlySet<number> = new Set([
  KERNEL_CODES.INVALID_INPUT,
  KERNEL_CODES.INVALID_OUTPUT,
  KERNEL_CODES.INVALID_PARAMS,
]);

/** Whether the next link may run. False for what the caller must hear of. */
export function mayFallBack(error: unknown): error is Failure {
  if (!(error instanceof Failure)) return false;
  if (error instanceof KernelError && error.returned !== undefined)
    return !CALLERS_CODES.has(error.returned);
  return !CALLERS_FAULTS.has(error.code);
}
