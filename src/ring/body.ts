// Body: a custom opcode's run, held to its tenant's window and to its bound.
//
// Writes are kept aside until the body is done, so that one that faults or throws leaves nothing behind.

import { SLOT_STATUS } from "../layout/mod.ts";
import type { Fault } from "./effects.ts";
import type { CustomOpcode, OpcodeCall } from "./opcodes.ts";
import { firstOutside, type Rights } from "./rights.ts";

/** Undefined: complete. `status`: stopped, and `data` says where. */
export type Outcome =
  | undefined
  | { readonly status: number; readonly data: number }
  | { readonly fault: Fault };

/** The words that a body may reach, and through which it does. */
export interface BodyRun {
  readonly rights: Rights;
  read(index: number): number;
  write(index: number, value: number): void;
}

export interface BodyCall {
  readonly args: readonly number[];
  readonly resumed: number;
  readonly bound: number;
  readonly run: BodyRun;
}

/** Runs a custom opcode's body. It never throws: what goes wrong in there is a fault. */
export function runBody(
  body: CustomOpcode["body"],
  { args, resumed, bound, run }: BodyCall,
): Outcome {
  const writes = new Map<number, number>();
  let steps = 0;
  const step = (count = 1): void => {
    steps += count;
    if (!(steps <= bound)) throw new Stopped({ code: "BUDGET", detail: bound });
  };
  const check = (index: number): void => {
    step();
    const outside = index >>> 0 === index ? firstOutside(run.rights, index) : 0xffff_ffff;
    if (outside !== undefined) throw new Stopped({ code: "OUT_OF_BOUNDS", detail: outside });
  };
  const call: OpcodeCall = {
    ...{ args, resumed, step },
    read: (index) => (check(index), writes.get(index) ?? run.read(index)),
    write: (index, value) => void (check(index), writes.set(index, value >>> 0)),
  };
  const outcome = outcomeOf(body, call);
  if (outcome !== undefined && "fault" in outcome) return outcome;
  for (const [index, value] of writes) run.write(index, value);
  return outcome;
}

/** A throw of the body's own says no more than that it failed: its text must not reach other tenants. */
function outcomeOf(body: CustomOpcode["body"], call: OpcodeCall): Outcome {
  try {
    const answer = body(call);
    if (answer === undefined) return undefined;
    if ("pause" in answer) return { status: SLOT_STATUS.YIELD, data: answer.pause >>> 0 };
    return { fault: { code: "HANDLER_ERROR", detail: answer.fault >>> 0 } };
  } catch (error) {
    if (error instanceof Stopped) return { fault: error.fault };
    return { fault: { code: "HANDLER_ERROR", detail: 0 } };
  }
}

/** Ends a body that broke a rule. One that catches this still has the step counted against it. */
class Stopped extends Error {
  readonly fault: Fault;

  constructor(fault: Fault) {
    super(fault.code);
    this.fault = fault;
  }
}
