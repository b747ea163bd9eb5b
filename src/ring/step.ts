// Step: the oracle. What running one claimed slot does, as effects; it changes nothing itself.
//
// Every executor must leave the words that these effects leave. A step takes a bounded time: what would
// take longer yields, what must wait for others is put back, and neither ever spins.
//
//   1. Admit   once for each slot: tenant, opcode, quota. A slot that goes on later keeps its rights.
//   2. Check   all operations, so that a packed slot runs wholly or not at all.
//   3. Run     one operation after the other, until one stops.
//   4. Settle  status, counters, and where to go on.

import { assert } from "../base/mod.ts";
import { OPCODES, PRIORITY, SLOT, SLOT_STATUS, SLOT_WORDS } from "../layout/mod.ts";
import { checkOperations, checkSlot, operations } from "./check.ts";
import type { Continuation, Effects, Fault, RingState, StepSlot } from "./effects.ts";
import { controlWord } from "./effects.ts";
import type { PackedOp } from "./packed.ts";
import { type Rights, rightsOf, rightsUnder, tenantCount } from "./rights.ts";
import type { Outcome } from "./body.ts";
import { Run } from "./run.ts";

/** Opcodes below this have a counter of their own. */
const METRICS = 32;

/** What a slot says, read once: whoever writes to it later changes nothing. */
interface Work {
  readonly slot: StepSlot;
  readonly opcode: number;
  readonly tenant: number;
  readonly priority: number;
  readonly args: Int32Array;
}

/** The effects of one step of a slot that an executor has claimed, or resumes. */
export function step(state: RingState, slot: StepSlot): Effects {
  const work = workOf(state, slot);
  const { resume } = slot;
  const rights =
    resume === undefined
      ? rightsOf(state.control, work.tenant)
      : rightsUnder(state.control, work.tenant, resume.mask);
  const run = new Run(state, slot.index, rights);
  if (resume === undefined) {
    countClaim(run, state, work);
    const refused = admit(run, state, work);
    if (refused !== undefined) return settle(run, work, { fault: refused });
  }
  const ops = checked(rights, state, work);
  if ("code" in ops) return settle(run, work, { fault: ops });
  return runFrom(run, work, ops, resume ?? { pc: 0, data: 0, mask: rights.mask });
}

function workOf({ slots }: RingState, slot: StepSlot): Work {
  const first = slot.index * SLOT_WORDS;
  assert(first >= 0 && first < slots.length, "a slot's index lies within its ring");
  const words = slots.slice(first, first + SLOT_WORDS);
  const { opcode, tenant, priority, args } = SLOT.fields;
  const word = (field: { readonly at: number }): number => words[field.at / 4]! >>> 0;
  return {
    ...{ slot, opcode: word(opcode), tenant: word(tenant), priority: word(priority) },
    args: words.subarray(args.at / 4),
  };
}

/** An id that is no tenant's is counted nowhere: it would be counted as another's. */
function countClaim(run: Run, { control }: RingState, { tenant, priority }: Work): void {
  if (tenant < tenantCount(control)) run.count(controlWord("tenant_claims") + tenant);
  run.count(controlWord("priority_claims") + Math.min(priority, PRIORITY.IDLE));
}

/** Takes 1 from the quota, also for a slot whose arguments then prove wrong. */
function admit(run: Run, { control, opcodes }: RingState, work: Work): Fault | undefined {
  const refused = checkSlot(run.rights, work.opcode, opcodes);
  if (refused !== undefined) return refused;
  const quota = controlWord("quotas") + work.tenant;
  if (control[quota] === 0) return { code: "QUOTA", detail: 0 };
  run.write(quota, control[quota]! - 1);
  return undefined;
}

function checked(rights: Rights, { opcodes }: RingState, work: Work): readonly PackedOp[] | Fault {
  const ops = operations(work.opcode, work.args, opcodes);
  if ("code" in ops) return ops;
  const packed = work.opcode === OPCODES.PACKED_SLOT.code;
  return checkOperations(rights, ops, opcodes, packed) ?? ops;
}

function runFrom(run: Run, work: Work, ops: readonly PackedOp[], from: Continuation): Effects {
  let { data } = from;
  for (let pc = from.pc; pc < ops.length; pc++) {
    const op = ops[pc]!;
    const outcome = run.operation(op, data);
    if (outcome !== undefined) return settle(run, work, outcome, { ...from, pc });
    if (op.opcode < METRICS) run.count(controlWord("metrics") + op.opcode);
    data = 0;
  }
  return settle(run, work, undefined);
}

function settle(run: Run, work: Work, outcome: Outcome, from?: Continuation): Effects {
  const { counters, writes } = run;
  const base = { slot: work.slot.index, writes, counters, ...run.effects };
  if (outcome !== undefined && "status" in outcome) {
    assert(from !== undefined, "a slot that stops knows where");
    return { ...base, status: outcome.status, next: { ...from, data: outcome.data } };
  }
  run.count(controlWord("done_count"));
  if (outcome !== undefined) run.count(controlWord("fault_count"));
  const batch = run.effects.batch ?? batchOf(work);
  if (outcome === undefined) return { ...base, batch, status: SLOT_STATUS.DONE };
  return { ...base, batch, status: SLOT_STATUS.FAULT, fault: outcome.fault };
}

/** A fence counts in no batch, so that it never waits for itself. */
function batchOf({ slot, opcode }: Work): Effects["batch"] {
  const { batch = 0 } = slot;
  if (batch === 0 || opcode === OPCODES.BATCH_FENCE.code) return undefined;
  return { index: batch, value: 1 };
}
