// Record: what an executor tells of every slot that it runs, for a log of the ring.
//
// All are called on the executor's thread, in order, and may neither wait nor allocate.

import type { Ring } from "./ring.ts";

export interface SlotRecorder {
  /** A slot was claimed. Its words 1 to 15 are as published; nothing of it has run. */
  claimed(ring: Ring, slot: number): void;
  /** A slot that was set aside goes on. */
  resumed(slot: number): void;
  /** An operation of the slot that runs stored `value` to control word `index`. */
  wrote(index: number, value: number): void;
  /** What became of a slot, before anyone may reuse it. `code` and `detail` are a fault's, or 0. */
  settled(ring: Ring, slot: number, status: number, code: number, detail: number): void;
  /** The executor found nothing to do. */
  idle(): void;
}
