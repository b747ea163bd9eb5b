// Message queue: a ring of slots, and for each slot a cell for its request and one for its reply.
//
//   ring | request 0 | reply 0 | request 1 | reply 1 | ...
//
// A payload that fits lies in its slot's cell, so nobody looks for room and both sides read in place. A
// larger one lies in a block of the pool, which is the slot's as long as that payload is. Cells belong to
// whoever owns the slot.

import { ringGeometry } from "../layout/mod.ts";
import { IN_POOL, MESSAGE_ARGS, MESSAGE_OPCODES, SLOT } from "../layout/mod.ts";
import { Views } from "../message/mod.ts";
import { createRing, type QueueSides, Ring } from "../ring/core.ts";
import type { Blocks } from "./blocks.ts";

export interface QueueShape {
  /** Slots: a power of two from 2 on, or from 16 with five lanes. */
  readonly capacity: number;
  readonly lanes: 1 | 5;
  /** Bytes of one cell: a multiple of 64. */
  readonly cellBytes: number;
}

/** What another thread needs to attach. */
export interface QueueMemory {
  readonly memory: SharedArrayBuffer;
  readonly cellBytes: number;
  /** The number of its first slot among the slots of all queues: blocks know by it whose they are. */
  readonly firstSlot: number;
}

/** The number that the next queue's first slot gets. 0 is no slot. */
let nextSlot = 1;

const SMALL = { observables: 0, tenants: 1, debugRecords: 0, ioSlots: 0 } as const;

export function createQueue({ capacity, lanes, cellBytes }: QueueShape): QueueMemory {
  const shape = { slots: capacity, lanes, ...SMALL };
  const { slots } = ringGeometry(shape);
  const memory = createRing(shape, { behindBytes: 2 * slots * cellBytes });
  const firstSlot = nextSlot;
  nextSlot = firstSlot + slots < 2 ** 31 ? firstSlot + slots : 1;
  return { memory, cellBytes, firstSlot };
}

const ARGS = SLOT.fields.args.at / 4;
const OPCODE = SLOT.fields.opcode.at / 4;
const TENANT = SLOT.fields.tenant.at / 4;
/** Words of a slot, from its first, by name. */
export const WORD = Object.fromEntries(
  Object.entries(MESSAGE_ARGS.fields).map(([name, { at }]) => [name, ARGS + at / 4]),
) as Readonly<Record<keyof typeof MESSAGE_ARGS.fields, number>>;

/** Where a payload is: valid until the next `find`. */
export interface Payload {
  views: Views;
  at: number;
  bytes: number;
  /** Whose block it is: the number of a slot, or until it is placed the thread that took it. */
  owner?: number;
}

export class MessageQueue {
  readonly ring: Ring;
  readonly cellBytes: number;
  readonly views: Views;
  readonly words: Int32Array;
  readonly #cells: number;
  readonly #firstSlot: number;
  readonly #pool: Blocks | undefined;

  constructor(
    { memory, cellBytes, firstSlot }: QueueMemory,
    pool: Blocks | undefined,
    sides: QueueSides = {},
  ) {
    this.ring = new Ring(memory, sides);
    this.cellBytes = cellBytes;
    this.views = new Views(memory);
    this.words = this.ring.words;
    this.#cells = this.ring.geometry.totalBytes;
    this.#firstSlot = firstSlot;
    this.#pool = pool;
  }

  /** A payload that is nowhere yet: for one thread's use again and again. */
  payload(): Payload {
    return { views: this.views, at: 0, bytes: 0, owner: 0 };
  }

  requestAt(slot: number): number {
    return this.#cells + 2 * slot * this.cellBytes;
  }

  replyAt(slot: number): number {
    return this.#cells + (2 * slot + 1) * this.cellBytes;
  }

  /**
   * Finds a slot's payload, or says false: its words name no place that is its own. Cells are a slot's
   * own, and blocks know whose they are.
   */
  find(slot: number, into: Payload): boolean {
    const at = this.ring.at(slot);
    const place = this.words[at + WORD.payload_at]!;
    into.bytes = this.words[at + WORD.payload_bytes]! >>> 0;
    if (place < 0) {
      const owner = this.#firstSlot + slot;
      into.at = place & ~IN_POOL;
      into.owner = owner;
      if (this.#pool === undefined || !this.#pool.holds(into.at, into.bytes, owner)) return false;
      into.views = this.#pool.views;
      return true;
    }
    into.at = place;
    into.views = this.views;
    const own = place === this.requestAt(slot) || place === this.replyAt(slot);
    return own && into.bytes <= this.cellBytes;
  }

  /** Room for `bytes` bytes at `cell`, or else in a block: `into` says where. False: no block is free. */
  room(cell: number, bytes: number, into: Payload): boolean {
    into.bytes = bytes;
    if (bytes <= this.cellBytes) {
      into.at = cell;
      into.views = this.views;
      return true;
    }
    const block = this.#pool?.take() ?? -1;
    if (this.#pool === undefined || block < 0) return false;
    into.at = block;
    into.views = this.#pool.views;
    into.owner = this.#pool.holder;
    return true;
  }

  /** Writes where a slot's payload is. A block is the slot's from now on. */
  place(slot: number, payload: Payload): void {
    const { views, at, bytes } = payload;
    const word = this.ring.at(slot);
    const isInCell = views === this.views;
    if (!isInCell) {
      payload.owner = this.#firstSlot + slot;
      this.#pool?.give(at, payload.owner);
    }
    this.words[word + WORD.payload_at] = isInCell ? at : at | IN_POOL;
    this.words[word + WORD.payload_bytes] = bytes;
  }

  /** The slot names no payload. Its block, if it has one, stays taken. */
  placeNothing(slot: number): void {
    const word = this.ring.at(slot);
    this.words[word + WORD.payload_at] = this.replyAt(slot);
    this.words[word + WORD.payload_bytes] = 0;
  }

  /** Whether a payload is a request where a sender puts it: in its slot's first cell, or in a block. */
  isRequest(slot: number, { views, at }: Payload): boolean {
    return views !== this.views || at === this.requestAt(slot);
  }

  /** Frees a payload that is in a block. */
  free({ views, at, owner }: Payload): void {
    if (views !== this.views) this.#pool?.free(at, owner);
  }

  /** Frees the block at `at`, if it is the slot's. */
  freeBlock(slot: number, at: number): void {
    this.#pool?.free(at, this.#firstSlot + slot);
  }

  /** Frees the block that a slot names, if it is the slot's, whatever it says of its bytes. */
  freeOf(slot: number): void {
    const place = this.words[this.ring.at(slot) + WORD.payload_at]!;
    if (place < 0) this.freeBlock(slot, place & ~IN_POOL);
  }

  /**
   * Makes nobody's messages of what a thread had taken room for and not shown when it died, so that those behind
   * them come through. Says how many these were.
   */
  mend(thread: number): number {
    return this.ring.mend(thread, (slot) => {
      const word = this.ring.at(slot);
      this.words[word + OPCODE] = MESSAGE_OPCODES.ERROR;
      this.words[word + TENANT] = 0;
      this.discard(slot);
    });
  }

  /** Takes a slot's payload away, with its block if that is the slot's. */
  discard(slot: number): void {
    this.freeOf(slot);
    this.placeNothing(slot);
  }
}
