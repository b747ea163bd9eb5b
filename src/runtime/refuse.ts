// Refuse: what is left in a queue that nobody serves any more.

import { MESSAGE_FAULTS } from "../layout/mod.ts";
import type { MessageQueue } from "./message-queue.ts";

/** The name under which messages are claimed to be refused. */
const REFUSER = 0x7fff_fffe;
const AT_ONCE = 64;

/**
 * Fails all that nobody has claimed with KERNEL_TERMINATED, frees its blocks, and says how many messages that
 * were. Only for a queue whose threads have left it; any number of threads may then call it at once.
 */
export function refuseAll(queue: MessageQueue): number {
  const claimed = new Int32Array(AT_ONCE);
  let refused = 0;
  for (let count = 0; (count = queue.ring.claim(REFUSER, claimed)) > 0; refused += count)
    for (const slot of claimed.subarray(0, count)) {
      queue.freeOf(slot);
      queue.placeNothing(slot);
      queue.ring.fault(slot, MESSAGE_FAULTS.TERMINATED, 0);
    }
  return refused;
}
