// Sender: one thread's end of a kernel's input queue. Values go straight into the queue's memory.
//
// A thread that is alone may gather sends and show them together: showing one slot costs as much as a
// cache line's way between two processors, and so does showing sixty-four.

import { Failure } from "../base/mod.ts";
import { MESSAGE_OPCODES, SLOT } from "../layout/mod.ts";
import { crc32c, type HybridClock, type Writable } from "../message/mod.ts";
import { type MessageQueue, type Payload, WORD } from "./message-queue.ts";

const OPCODE = SLOT.fields.opcode.at / 4;
const TENANT = SLOT.fields.tenant.at / 4;
const PRIORITY = SLOT.fields.priority.at / 4;
const HELD = { held: true } as const;
const LOOSE = { held: false } as const;
const GATHERED_MAX = 64;

export interface SenderOptions {
  /** Who sends: the number of a kernel, or 0 for the host. Receivers trust it. */
  readonly source: number;
  readonly clock: HybridClock;
  /** The largest payload in bytes. */
  readonly payloadBytesMax: number;
  /** Adds a checksum to each payload. */
  readonly checksum: boolean;
  /** Tells the threads that serve the kernel; the queue's own bell where it is left out. */
  readonly wake?: () => void;
}

/** What a send may say beside its value. */
export interface SendFacts {
  /** Not 0: the slot is kept until its sender releases it. */
  correlation: number;
  /** Unix milliseconds modulo 2^32; 0 is none. */
  deadline: number;
  /** 0 critical to 4 idle. */
  priority: number;
  hops: number;
}

/** Nobody waits for it, at the usual priority. */
export const PLAIN_SEND: SendFacts = { correlation: 0, deadline: 0, priority: 2, hops: 0 };

export class Sender {
  /** Where it publishes. */
  queue: MessageQueue;
  /** Messages published, and those that found no room. */
  sent = 0;
  full = 0;
  readonly #options: SenderOptions;
  readonly #payload: Payload;
  #number = 0;
  #numberHigh = 0;
  #gathered = 0;
  #isShared = false;
  #first = 0;
  #lane = 0;

  constructor(queue: MessageQueue, options: SenderOptions) {
    this.queue = queue;
    this.#options = options;
    this.#payload = { views: queue.views, at: 0, bytes: 0 };
  }

  /** Number of the last message among those of this sender. */
  get number(): number {
    return this.#numberHigh * 2 ** 32 + (this.#number >>> 0);
  }

  /**
   * Publishes a message and returns its slot, or -1 when the queue or the pool is full. With `gather` it
   * shows at the next `flush`, or when 64 are gathered. Fails with MESSAGE_TOO_LARGE, and with what the
   * value throws when it is read.
   */
  send<Value>(message: Writable<Value>, value: Value, facts: SendFacts, gather = false): number {
    const { queue } = this;
    const { ring, words } = queue;
    const bytes = message.bytesOf(value);
    if (bytes > this.#options.payloadBytesMax)
      throw tooLarge(String(message), bytes, this.#options);
    const payload = this.#payload;
    if (!queue.room(0, bytes, payload)) return this.#refused();
    const isInCell = payload.views === queue.views;
    const slot = ring.reserve(facts.priority, facts.correlation === 0 ? LOOSE : HELD);
    if (slot < 0) {
      queue.free(payload);
      return this.#refused();
    }
    if (isInCell) payload.at = queue.requestAt(slot);
    const { position } = ring;
    const word = ring.at(slot);
    words[word + TENANT] = 0;
    words[word + PRIORITY] = facts.priority;
    words[word + OPCODE] = MESSAGE_OPCODES.ERROR; // Nobody's, should the value throw.
    try {
      payload.bytes = message.write(payload.views, payload.at, value);
      this.#describe(word, message.id, facts);
      queue.place(slot, payload);
      words[word + OPCODE] = MESSAGE_OPCODES.MESSAGE;
      this.sent++;
    } catch (error) {
      ring.loosen(slot);
      queue.free(payload);
      queue.placeNothing(slot);
      throw error;
    } finally {
      this.#show(facts.priority, position, gather && !this.#isShared);
    }
    return slot;
  }

  /** From now on others publish too: `queue` is attached to the same memory for that. */
  share(queue: MessageQueue): void {
    this.flush();
    this.queue = queue;
    this.#isShared = true;
  }

  /** Shows what was gathered. */
  flush(): void {
    if (this.#gathered === 0) return;
    this.queue.ring.show(this.#lane, this.#first, this.#gathered);
    this.#gathered = 0;
    this.wake();
  }

  /** Tells whoever takes the messages. */
  wake(): void {
    const { wake } = this.#options;
    if (wake === undefined) this.queue.ring.work.ring();
    else wake();
  }

  #show(priority: number, position: number, gather: boolean): void {
    if (this.#gathered === 0) {
      this.#first = position;
      this.#lane = priority;
    }
    this.#gathered++;
    if (!gather || this.#gathered >= GATHERED_MAX) this.flush();
  }

  #refused(): number {
    this.flush(); // Nobody frees a slot while the receiver does not see the others.
    this.full++;
    return -1;
  }

  #describe(word: number, type: number, facts: SendFacts): void {
    const { words } = this.queue;
    const { clock, source, checksum } = this.#options;
    const { views, at, bytes } = this.#payload;
    this.#number = (this.#number + 1) | 0;
    if (this.#number === 0) this.#numberHigh++;
    clock.tickAhead();
    words[word + WORD.type] = type;
    words[word + WORD.source] = source;
    words[word + WORD.id_low] = this.#number;
    words[word + WORD.id_high] = this.#numberHigh;
    words[word + WORD.correlation] = facts.correlation;
    words[word + WORD.stamp_low] = clock.lo;
    words[word + WORD.stamp_high] = clock.hi;
    words[word + WORD.deadline] = facts.deadline;
    words[word + WORD.checksum] = checksum ? crc32c(views.u8, at, at + bytes) : 0;
    words[word + WORD.flags] = facts.hops;
  }
}

function tooLarge(message: string, bytes: number, { payloadBytesMax }: SenderOptions): Failure {
  return new Failure("MESSAGE_TOO_LARGE", {
    at: message,
    found: `${bytes} bytes`,
    expected: `at most ${payloadBytesMax}`,
    fix: "Send less, or create the runtime with a larger `payloadBytesMax`.",
  });
}
