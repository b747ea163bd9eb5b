// Window: slots side by side that share an opcode and a ticket. The arguments of each begin with the
// ticket and the item's class: first the required items, without which the window is of no use, then
// the lookahead, which only helps what comes next. A window carries no fence; its handle says how far
// it is.

import { RING_LIMITS } from "../base/mod.ts";
import { ARGS_PER_SLOT, PRIORITY, SLOT, SLOT_WORDS } from "../layout/mod.ts";
import { WINDOW_CLASS, WINDOW_PREFIX_ARGS } from "../layout/mod.ts";
import { Batch, checkRun, releaseRun } from "./batch.ts";
import { notAWord, payloadTooLong, tooManyItems } from "./refusals.ts";
import { checkFree, checkHead, checkOpcode, checkWords, release } from "./slot.ts";
import { Slot, writeArgs, writeHead } from "./slot.ts";
import { WindowHandle } from "./window-handle.ts";

const ARGS = SLOT.fields.args.at / 4;
const PAYLOAD_WORDS_MAX = ARGS_PER_SLOT - WINDOW_PREFIX_ARGS;

export interface WindowOptions {
  readonly startSlot: number;
  readonly tenant: number;
  readonly opcode: number;
  /** Tells the window's slots from every other's. */
  readonly ticket: number;
  /** Payloads of up to 10 words, one for each required slot. */
  readonly required: readonly (readonly number[])[];
  readonly lookahead: readonly (readonly number[])[];
  /** NORMAL when left out. */
  readonly priority?: number;
}

export class Window {
  readonly startSlot: number;
  readonly tenant: number;
  readonly opcode: number;
  readonly ticket: number;
  readonly priority: number;
  readonly required: readonly (readonly number[])[];
  readonly lookahead: readonly (readonly number[])[];

  constructor(options: WindowOptions) {
    this.startSlot = options.startSlot;
    this.tenant = options.tenant;
    this.opcode = options.opcode;
    this.ticket = options.ticket;
    this.priority = options.priority ?? PRIORITY.NORMAL;
    this.required = options.required;
    this.lookahead = options.lookahead;
  }

  /** Slots of the window. */
  get items(): number {
    return this.required.length + this.lookahead.length;
  }

  /** The same slots as a batch. Fails with SLOT_INVALID or RING_FULL. */
  tryIntoBatch(): Batch {
    this.#checkSize();
    const { tenant, opcode, ticket, priority } = this;
    const single = (payload: readonly number[], itemClass: number): Slot => {
      checkPayload(payload);
      return Slot.single({ tenant, opcode, priority, args: [ticket, itemClass, ...payload] });
    };
    return new Batch(this.startSlot, [
      ...this.required.map((payload) => single(payload, WINDOW_CLASS.REQUIRED)),
      ...this.lookahead.map((payload) => single(payload, WINDOW_CLASS.LOOKAHEAD)),
    ]);
  }

  /**
   * Publishes the items in order, allocating nothing, and returns how many. An item that fails stops the
   * window, and those before it stay published. An empty window touches nothing.
   */
  publishInto(words: Int32Array): number {
    this.#checkRun();
    for (let i = 0; i < this.items; i++) {
      checkFree(words, this.startSlot + i);
      this.#checkItem(i);
      this.#fill(words, i);
      release(words, this.startSlot + i);
    }
    return this.items;
  }

  /** Checks every item and every slot, then publishes all of them in order. Fails with nothing written. */
  publishAtomic(words: Int32Array): number {
    this.#checkRun();
    for (let i = 0; i < this.items; i++) {
      checkFree(words, this.startSlot + i);
      this.#checkItem(i);
    }
    for (let i = 0; i < this.items; i++) this.#fill(words, i);
    releaseRun(words, this.startSlot, this.items);
    return this.items;
  }

  /** What has become of the window, once it is published in `words`. */
  handle(words: Int32Array): WindowHandle {
    return new WindowHandle(words, {
      startSlot: this.startSlot,
      ticket: this.ticket,
      required: this.required.length,
      lookahead: this.lookahead.length,
    });
  }

  #checkSize(): void {
    if (this.items > RING_LIMITS.batchItemsMax) throw tooManyItems(this.items);
  }

  #checkRun(): void {
    this.#checkSize();
    checkRun("window", this.startSlot, this.items);
  }

  #payload(item: number): readonly number[] {
    const { required, lookahead } = this;
    return item < required.length ? required[item]! : lookahead[item - required.length]!;
  }

  #checkItem(item: number): void {
    checkPayload(this.#payload(item));
    checkOpcode(this.opcode);
    checkHead(this.tenant, this.priority);
    if (this.ticket >>> 0 !== this.ticket) throw notAWord("ticket", this.ticket);
  }

  #fill(words: Int32Array, item: number): void {
    const at = (this.startSlot + item) * SLOT_WORDS;
    const required = item < this.required.length;
    writeHead(words, at, this);
    words[at + ARGS] = this.ticket;
    words[at + ARGS + 1] = required ? WINDOW_CLASS.REQUIRED : WINDOW_CLASS.LOOKAHEAD;
    writeArgs(words, at + ARGS, this.#payload(item), WINDOW_PREFIX_ARGS);
  }
}

function checkPayload(payload: readonly number[]): void {
  if (payload.length > PAYLOAD_WORDS_MAX) throw payloadTooLong(payload.length);
  checkWords("payload", payload);
}
