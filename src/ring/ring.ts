// Ring: one thread's hold on a ring in shared memory: publish, claim, settle, release.
//
// Each thread attaches by the memory alone, and its handle keeps no state that another needs. Slots are
// named by their index and filled and read as words: nothing is allocated per slot.
//
// A slot's status says who may touch it, and each move away from CLAIMED is one compare-exchange: a
// completion and a sweep of the same slot cannot both win, and only the winner counts the slot, rings
// and frees it. Whoever seizes another's slot moves it to EMPTY first, which nobody else leaves, writes
// why, and then shows FAULT. "Full" and "empty" are answers, not errors; how to wait is the caller's choice.

import { Failure } from "../base/mod.ts";
import {
  ARGS_PER_SLOT,
  BELLS,
  CONTROL,
  FAULT_CODE_ARG,
  FAULT_DETAIL_ARG,
  laneOf,
  type RingGeometry,
  SLOT,
  SLOT_FLAGS,
  SLOT_STATUS,
  SLOT_WORDS,
} from "../layout/mod.ts";
import { geometryOf } from "./format.ts";
import { OWNER_MAX, Queue, type QueueSides } from "./queue.ts";
import { badPriority } from "./refusals.ts";
import { Bell } from "./waits.ts";

const { CLAIMED, DONE, EMPTY, FAULT, PUBLISHED } = SLOT_STATUS;
const PRIORITY_AT = SLOT.fields.priority.at / 4;
const ARGS_AT = SLOT.fields.args.at / 4;
const BATCHES = BELLS.fields.batches.count;

/** How a publication is kept. */
export interface OfferOptions {
  /** Somebody waits for the outcome and calls `release`; otherwise completing a slot frees it. */
  readonly held?: boolean;
  /** The batch that a fence counts these slots in; 0 is none. */
  readonly batch?: number;
}

const PLAIN: OfferOptions = {};

export class Ring {
  readonly geometry: RingGeometry;
  /** The whole memory as words. Slot `s` starts at `at(s)`. */
  readonly words: Int32Array;
  /** Executors sleep on it; publishing rings it. */
  readonly work: Bell;
  /** Hosts and publishers sleep on it; completing and releasing ring it. */
  readonly done: Bell;
  /** The first position that `offer` last published at, in the lane of its priority. */
  position = 0;
  readonly #queues: readonly Queue[];
  readonly #slots: number;
  readonly #control: number;
  readonly #batches: number;
  readonly #side: Record<keyof RingGeometry["sides"], number>;

  /** Attaches to memory that `createRing` made. Fails with RING_INVALID for anything else. */
  constructor(memory: SharedArrayBuffer, sides: QueueSides = {}) {
    const geometry = geometryOf(memory);
    const words = new Int32Array(memory, 0, geometry.totalBytes / 4);
    this.geometry = geometry;
    this.words = words;
    this.work = new Bell(words, geometry, "work");
    this.done = new Bell(words, geometry, "done");
    this.#queues = [0, 1, 2, 3, 4].map((lane) => new Queue(words, geometry, lane, sides));
    this.#slots = geometry.slotsAt / 4;
    this.#control = geometry.controlAt / 4;
    this.#batches = (geometry.bellsAt + BELLS.fields.batches.at) / 4;
    const { turn, ticket, owner, claimed_at, published_at, batch, flags } = geometry.sides;
    this.#side = {
      ...{ turn: turn / 4, ticket: ticket / 4, owner: owner / 4, claimed_at: claimed_at / 4 },
      ...{ published_at: published_at / 4, batch: batch / 4, flags: flags / 4 },
    };
  }

  /** The index of a slot's first word. */
  at(slot: number): number {
    return this.#slots + slot * SLOT_WORDS;
  }

  /** The slot of `position` in the lane of `priority`. */
  slotAt(priority: number, position: number): number {
    return this.#queue(priority).slot(position);
  }

  /**
   * Publishes `count` slots, all or none, in order and shown at once. `from` holds 16 words for each; the
   * first of them is ignored, and the priority of the first slot chooses the lane of all. Returns the
   * slot of the first, or -1 when so many are not free.
   */
  offer(from: Int32Array, count = 1, options: OfferOptions = PLAIN): number {
    const queue = this.#queue(from[PRIORITY_AT]!);
    if (!queue.reserve(count)) return -1;
    const position = queue.position;
    for (let i = 0; i < count; i++)
      this.#fill(queue.slot(position + i), from, i, position + i, options);
    queue.show(position, count);
    this.position = position;
    this.work.ring();
    return queue.slot(position);
  }

  /**
   * Claims slots in the name of `owner` from the first lane that has any, writes their indices to `into`
   * and says how many. 0: nothing to do. Fails with RING_INVALID for an owner outside 1 to OWNER_MAX.
   */
  claim(owner: number, into: Int32Array, most = into.length): number {
    if (!(owner >= 1 && owner <= OWNER_MAX)) throw badOwner(owner);
    const room = Math.min(most, into.length); // A slot claimed and not written down would be lost.
    for (const queue of this.#queues) {
      const count = queue.size === 0 ? 0 : this.#claimFrom(queue, owner, into, room);
      if (count > 0) return count;
    }
    return 0;
  }

  /** Completes a claimed slot. False: a sweep was first, and the slot is no longer the caller's. */
  complete(slot: number): boolean {
    const held = this.#isHeld(slot);
    const batch = this.#batch(slot);
    if (!this.#moveStatus(slot, CLAIMED, DONE)) return false;
    this.#settle(slot, held, batch);
    return true;
  }

  /** Fails a claimed slot with a code and a detail. False: a sweep was first. */
  fault(slot: number, code: number, detail: number): boolean {
    const held = this.#isHeld(slot);
    const batch = this.#batch(slot);
    if (this.status(slot) !== CLAIMED) return false;
    this.#blame(slot, code, detail);
    if (!this.#moveStatus(slot, CLAIMED, FAULT)) return false;
    this.#settleFault(slot, held, batch);
    return true;
  }

  /**
   * Fails a slot in the status `from`, which another holds; false when it has another status. Its
   * arguments stay as they are until the other can no longer complete it.
   */
  seize(slot: number, from: number, code: number, detail: number): boolean {
    const held = this.#isHeld(slot);
    const batch = this.#batch(slot);
    if (!this.#moveStatus(slot, from, EMPTY)) return false;
    this.#blame(slot, code, detail);
    Atomics.store(this.words, this.at(slot), FAULT);
    this.#settleFault(slot, held, batch);
    return true;
  }

  /** Frees a settled slot that its executor should have freed. False: it is held, or not settled. */
  reclaim(slot: number): boolean {
    if (this.#isHeld(slot)) return false;
    if (this.release(slot)) return true;
    if (this.status(slot) !== EMPTY) return false;
    this.#queueOf(slot).release(slot);
    this.done.ring();
    return true;
  }

  /** Sets a claimed slot aside in WAIT_IO, YIELD or REQUEUE. False: a sweep was first. */
  park(slot: number, status: number): boolean {
    return this.#moveStatus(slot, CLAIMED, status);
  }

  /** Goes on with a slot that was set aside in `status`. False: a sweep was first. */
  resume(slot: number, status: number): boolean {
    return this.#moveStatus(slot, status, CLAIMED);
  }

  /** Frees a held slot once its outcome was read. False: it is not settled, or already released. */
  release(slot: number): boolean {
    if (!this.#moveStatus(slot, DONE, EMPTY) && !this.#moveStatus(slot, FAULT, EMPTY)) return false;
    this.#queueOf(slot).release(slot);
    this.done.ring();
    return true;
  }

  /** Whether the publication of this ticket in `slot` is settled: it is so too once the slot went on. */
  settled(slot: number, ticket: number): boolean {
    const status = Atomics.load(this.words, this.at(slot));
    if (this.ticket(slot) !== ticket >>> 0) return true;
    if (status === EMPTY) return !this.#isHeld(slot); // Freed; a held one is just being seized.
    return status === DONE || status === FAULT;
  }

  status(slot: number): number {
    return Atomics.load(this.words, this.at(slot));
  }

  /** The ticket of a slot's publication: never 0, and unique with the slot until positions wrap. */
  ticket(slot: number): number {
    return Atomics.load(this.words, this.#side.ticket + slot) >>> 0;
  }

  /** Who claimed the slot; 0 when nobody has, or it is released. */
  owner(slot: number): number {
    if (!this.#queueOf(slot).isOut(slot)) return 0; // The name of the last lap.
    return Math.max(0, Atomics.load(this.words, this.#side.owner + slot));
  }

  #fill(
    slot: number,
    from: Int32Array,
    item: number,
    position: number,
    options: OfferOptions,
  ): void {
    const { words } = this;
    const side = this.#side;
    const [at, source] = [this.at(slot), item * SLOT_WORDS];
    for (let i = 1; i < SLOT_WORDS; i++) words[at + i] = from[source + i]!;
    words[side.ticket + slot] = ((position + 1) | 0) === 0 ? 1 : position + 1;
    words[side.published_at + slot] = this.#clock();
    words[side.batch + slot] = options.batch ?? 0;
    words[side.flags + slot] = options.held === true ? SLOT_FLAGS.HELD : 0;
    words[at] = PUBLISHED; // Seen only after the turn, which is stored with release.
  }

  #claimFrom(queue: Queue, owner: number, into: Int32Array, most: number): number {
    const owned = queue.claim(owner, most);
    const position = queue.position;
    let count = 0;
    for (let i = 0; i < owned; i++) {
      const slot = queue.slot(position + i);
      this.words[this.#side.claimed_at + slot] = this.#clock();
      if (this.#moveStatus(slot, PUBLISHED, CLAIMED)) into[count++] = slot;
    }
    return count;
  }

  #settleFault(slot: number, held: boolean, batch: number): void {
    Atomics.add(this.words, this.#control + CONTROL.fields.fault_count.at / 4, 1);
    this.#settle(slot, held, batch);
  }

  /**
   * Counts a slot whose status has just been decided, frees it unless it is held, and rings. A held slot
   * may belong to its next publisher by now: what is counted was read before.
   */
  #settle(slot: number, held: boolean, batch: number): void {
    if (batch !== 0) Atomics.add(this.words, this.#batches + (batch & (BATCHES - 1)), 1);
    Atomics.add(this.words, this.#control + CONTROL.fields.done_count.at / 4, 1);
    if (held || !this.release(slot)) this.done.ring();
  }

  #blame(slot: number, code: number, detail: number): void {
    this.words[this.at(slot) + ARGS_AT + FAULT_CODE_ARG] = code;
    this.words[this.at(slot) + ARGS_AT + FAULT_DETAIL_ARG] = detail;
  }

  #batch(slot: number): number {
    return this.words[this.#side.batch + slot]!;
  }

  #isHeld(slot: number): boolean {
    return (this.words[this.#side.flags + slot]! & SLOT_FLAGS.HELD) !== 0;
  }

  #moveStatus(slot: number, from: number, to: number): boolean {
    return Atomics.compareExchange(this.words, this.at(slot), from, to) === from;
  }

  #clock(): number {
    return this.words[this.#control + CONTROL.fields.clock.at / 4]!;
  }

  #queue(priority: number): Queue {
    const queue = this.#queues[laneOf(this.geometry.lanes, priority)];
    if (queue === undefined) throw badPriority(priority);
    return queue;
  }

  #queueOf(slot: number): Queue {
    let lane = 0;
    while (slot >= this.geometry.laneStarts[lane + 1]!) lane++;
    return this.#queues[lane]!;
  }
}

/** Words of a slot that `offer` takes: the status word is left 0. */
export function slotMessage(
  opcode: number,
  args: readonly number[] = [],
  tenant = 0,
  priority = 2,
): Int32Array {
  const words = new Int32Array(SLOT_WORDS);
  words.set([0, opcode, tenant, priority, ...args.slice(0, ARGS_PER_SLOT)]);
  return words;
}

function badOwner(owner: number): Failure {
  return new Failure("RING_INVALID", {
    at: "owner",
    found: String(owner),
    expected: `1 to ${OWNER_MAX}`,
    fix: "Give each executor its own number, from 1.",
  });
}
