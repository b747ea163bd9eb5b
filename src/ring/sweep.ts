// Sweep: what a dead executor held fails with WORKER_LOST, each slot exactly once.
//
// Call it once the executor's thread has ended. A completion that was under way then is decided by one
// compare-exchange on the slot's status: it stands, or the sweep's fault does. An executor that is found
// alive after all learns from `complete` that the slot is no longer its own. Held slots are to be released
// by the thread that sweeps, or not while it does.

import { FAULT_CODES, SLOT_STATUS } from "../layout/mod.ts";
import type { Ring } from "./ring.ts";

const { CLAIMED, PUBLISHED, REQUEUE, WAIT_IO, YIELD } = SLOT_STATUS;

/** In which an executor holds a slot. PUBLISHED: it died between owning the slot and saying so. */
const HOLDING = [CLAIMED, PUBLISHED, WAIT_IO, YIELD, REQUEUE];

/** Fails every slot that `owner` holds, frees those it settled and did not free, and says how many failed. */
export function sweep(ring: Ring, owner: number): number {
  let failed = 0;
  for (let slot = 0; slot < ring.geometry.slots; slot++) {
    if (ring.owner(slot) !== owner) continue;
    if (lose(ring, slot, owner)) failed++;
    else ring.reclaim(slot);
  }
  ring.work.ring(); // It may have died between settling a slot and ringing.
  ring.done.ring();
  return failed;
}

function lose(ring: Ring, slot: number, owner: number): boolean {
  return HOLDING.some((from) => ring.seize(slot, from, FAULT_CODES.WORKER_LOST, owner));
}
