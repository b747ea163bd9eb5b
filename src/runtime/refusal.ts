// Refusal: what becomes of messages that nobody serves any more. They fail, and their blocks go back.

import { MESSAGE_FAULTS } from "../layout/mod.ts";
import type { MessageQueue } from "./message-queue.ts";

/** The name under which messages are claimed to be refused. */
const REFUSER = 0x7fff_fffe;
const BATCH = 64;

/** Fails every message that waits in a queue without a server, and says how many. `before` sees each first. */
export function refuseAll(queue: MessageQueue, before: (slot: number) => void = () => {}): number {
  const claimed = new Int32Array(BATCH);
  let refused = 0;
  for (let count = 0; (count = queue.ring.claim(REFUSER, claimed)) > 0; refused += count)
    for (const slot of claimed.subarray(0, count)) {
      before(slot);
      queue.discard(slot);
      queue.ring.fault(slot, MESSAGE_FAULTS.TERMINATED, 0);
    }
  return refused;
}
