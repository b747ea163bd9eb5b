// Batch: slots published side by side, from one index on.

import { SLOT_WORDS } from "../layout/mod.ts";
import { indexOverflow, notAWord } from "./refusals.ts";
import { checkFree, release, type Slot } from "./slot.ts";

export class Batch {
  readonly startSlot: number;
  readonly items: readonly Slot[];

  constructor(startSlot: number, items: readonly Slot[]) {
    this.startSlot = startSlot;
    this.items = items;
  }

  /**
   * Publishes the items in order and returns how many. An item that fails stops the batch, and those
   * before it stay published; `publishAtomic` publishes all or none. An empty batch touches nothing.
   */
  publishInto(words: Int32Array): number {
    const { startSlot, items } = this;
    checkRun("batch", startSlot, items.length);
    for (let i = 0; i < items.length; i++) items[i]!.publishInto(words, startSlot + i);
    return items.length;
  }

  /** The items' words one after the other, as `Ring.offer` takes them. Fails with SLOT_INVALID. */
  words(): Int32Array {
    const { items } = this;
    const words = new Int32Array(items.length * SLOT_WORDS);
    for (let i = 0; i < items.length; i++) words.set(items[i]!.words(), i * SLOT_WORDS);
    return words;
  }

  /** Checks every item and every slot, then publishes all of them in order. Fails with nothing written. */
  publishAtomic(words: Int32Array): number {
    const { startSlot, items } = this;
    checkRun("batch", startSlot, items.length);
    for (let i = 0; i < items.length; i++) {
      checkFree(words, startSlot + i);
      items[i]!.check();
    }
    for (let i = 0; i < items.length; i++) items[i]!.write(words, startSlot + i);
    releaseRun(words, startSlot, items.length);
    return items.length;
  }
}

/** Fails unless `items` indices from `start` on fit 32 bits. */
export function checkRun(what: "batch" | "window", start: number, items: number): void {
  if (start >>> 0 !== start) throw notAWord("startSlot", start);
  if (start + items > 2 ** 32) throw indexOverflow(what, start, items);
}

/** Shows filled slots to executors, the first one first. */
export function releaseRun(words: Int32Array, start: number, items: number): void {
  for (let i = 0; i < items; i++) release(words, start + i);
}
