// Dead letter box: how messages that a kernel did not handle come from its threads to the host.
//
// The thread copies such a message into a queue of the kernel's own before its slot is freed. That queue is
// bounded too: what finds no room there is counted, and gone. Calls do not come here: their callers know.

import { FAULT_CODES, MESSAGE_FAULTS } from "../layout/mod.ts";
import type { Blocks } from "./blocks.ts";
import type { DeadLetters, DeadReason } from "./dead-letters.ts";
import {
  createQueue,
  MessageQueue,
  type Payload,
  type QueueMemory,
  WORD,
} from "./message-queue.ts";
import { ATTEMPTS_SHIFT } from "./sender.ts";

const CAPACITY = 256;
const NORMAL = 2;
/** The host's name as owner of slots in the box. */
const HOST = 1;

export function createDeadLetterBox(cellBytes: number): QueueMemory {
  return createQueue({ capacity: CAPACITY, lanes: 1, cellBytes });
}

/** The thread's side. */
export class DeadLetterSlot {
  readonly #box: MessageQueue;
  readonly #from: Payload;
  readonly #to: Payload;

  constructor(memory: QueueMemory, pool: Blocks | undefined) {
    this.#box = new MessageQueue(memory, pool);
    this.#from = this.#box.payload();
    this.#to = this.#box.payload();
  }

  /** Copies the message in a slot of `queue`, which failed with `code`. False: it found no room. */
  put(queue: MessageQueue, slot: number, code: number): boolean {
    const [box, from, to] = [this.#box, this.#from, this.#to];
    if (!queue.find(slot, from) || !box.room(0, from.bytes, to)) return false;
    const place = box.ring.reserve(NORMAL);
    if (place < 0) {
      box.free(to);
      return false;
    }
    if (to.views === box.views) to.at = box.requestAt(place);
    to.views.u8.set(from.views.u8.subarray(from.at, from.at + from.bytes), to.at);
    const [word, source] = [box.ring.at(place), queue.ring.at(slot)];
    for (const name of ["type", "flags"] as const)
      box.words[word + WORD[name]] = queue.words[source + WORD[name]]!;
    box.words[word + WORD.checksum] = code;
    box.place(place, to);
    box.ring.show(NORMAL, box.ring.position);
    box.ring.work.ring();
    return true;
  }
}

/** The host's side: empties the box into the runtime's dead letters. */
export class DeadLetterBox {
  readonly #box: MessageQueue;
  readonly #kernel: string;
  readonly #letters: DeadLetters;
  /** What a message is called, by type. */
  readonly #nameOf: (type: number) => string | undefined;
  readonly #payload: Payload;
  readonly #claimed = new Int32Array(64);
  #isOver = false;

  constructor(
    box: MessageQueue,
    kernel: string,
    letters: DeadLetters,
    nameOf: (type: number) => string | undefined,
  ) {
    this.#box = box;
    this.#kernel = kernel;
    this.#letters = letters;
    this.#nameOf = nameOf;
    this.#payload = box.payload();
    void this.#watch();
  }

  /** Of its memory. */
  get bytes(): number {
    return this.#box.words.buffer.byteLength;
  }

  /** Takes what has come. */
  empty(): void {
    const { ring } = this.#box;
    for (let count = 0; (count = ring.claim(HOST, this.#claimed)) > 0;) {
      for (const slot of this.#claimed.subarray(0, count)) {
        const code = this.#box.words[ring.at(slot) + WORD.checksum]!;
        this.take(this.#box, slot, reasonOf(code));
        this.#box.freeOf(slot);
      }
      ring.completeAll(this.#claimed, 0, count);
    }
  }

  /** Keeps a copy of the message in a slot of `queue`. */
  take(queue: MessageQueue, slot: number, reason: DeadReason): void {
    const payload = this.#payload;
    if (!queue.find(slot, payload)) return; // Its words name no place: there is nothing to keep.
    const { views, at, bytes } = payload;
    const word = queue.ring.at(slot);
    const type = queue.words[word + WORD.type]! >>> 0;
    const attempts = (queue.words[word + WORD.flags]! >>> ATTEMPTS_SHIFT) & 0xff;
    this.add(type, views.u8.subarray(at, at + bytes), reason, attempts);
  }

  add(type: number, payload: Uint8Array, reason: DeadReason, attempts: number): void {
    const typeName = this.#nameOf(type) ?? `message ${type}`;
    this.#letters.add({ kernel: this.#kernel, type, typeName, payload, reason, attempts });
  }

  /** The kernel has ended: takes the last ones. */
  close(): void {
    this.empty();
    this.#isOver = true;
    this.#box.ring.work.ring();
  }

  /** Keeps no process alive. */
  async #watch(): Promise<void> {
    const { work } = this.#box.ring;
    const moved = { holds: () => this.#isOver || this.#box.ring.depth > 0 };
    while (!this.#isOver) {
      await work.waitAsync(moved, Infinity, () => () => {});
      this.empty();
    }
  }
}

function reasonOf(code: number): DeadReason {
  switch (code) {
    case MESSAGE_FAULTS.DEADLINE:
      return "deadline";
    case MESSAGE_FAULTS.TERMINATED:
      return "terminated";
    case FAULT_CODES.HANDLER_ERROR:
    case MESSAGE_FAULTS.INTERRUPTED:
      return "handler-error";
    default:
      return "malformed";
  }
}
