// Ring: one thread's hold on a ring in shared memory: publish, claim, settle, release.
//
// Each thread attaches by the memory alone, and its handle keeps no state that another needs. Slots are
// named by their index and filled and read as words: nothing is allocated per slot.
//
// A slot's status says who may touch it, and each move away from CLAIMED is one compare-exchange: a
// completion and a sweep of the same slot cannot both win, and only the winner counts the slot, rings
// and frees it. Whoever seizes another's slot moves it to EMPTY first, which nobody else leaves, writes
// why, and then shows FAULT. "Full" and "empty" are answers, not errors; how to wait is the caller's choice.
//
// A thread that is killed stops where its engine looks for it: at a call or a loop's end. So a status and
// the counters that belong to it change without either in between, and a sweep finds both or neither.

import { Failure } from "../base/mod.ts";
import {
  ARGS_PER_SLOT,
  BELLS,
  CONTROL,
  FAULT_CODE_ARG,
  FAULT_DETAIL_ARG,
  OPCODES,
  PRIORITY,
  type RingGeometry,
  SLOT,
  SLOT_FLAGS,
  SLOT_STATUS,
  SLOT_WORDS,
} from "../layout/mod.ts";
import { geometryOf } from "./format.ts";
import { Lanes } from "./lanes.ts";
import { OWNER_MAX, PUBLISHER_MAX, Queue, type QueueSides } from "./queue.ts";
import { badPriority } from "./refusals.ts";
import { type Bell, bellOf } from "./waits.ts";

const { CLAIMED, DONE, EMPTY, FAULT, PUBLISHED } = SLOT_STATUS;
const FENCE = OPCODES.BATCH_FENCE.code;
const OPCODE_AT = SLOT.fields.opcode.at / 4;
const TENANT_AT = SLOT.fields.tenant.at / 4;
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
  /** Executors sleep on it; publishing rings it, and so does completing a slot of a batch. */
  readonly work: Bell;
  /** Hosts and publishers sleep on it; completing and releasing ring it. */
  readonly done: Bell;
  /** The first position that `offer` last published at, in the lane of its priority. */
  position = 0;
  /** One for each lane that has slots. */
  readonly #queues: readonly Queue[];
  readonly #lanes: Lanes | undefined;
  readonly #oneExecutor: boolean;
  readonly #onePublisher: boolean;
  readonly #slots: number;
  readonly #at: Places["at"];
  readonly #side: Places["side"];

  /** Attaches to memory that `createRing` made. Fails with RING_INVALID for anything else, and for a bad name. */
  constructor(memory: SharedArrayBuffer, sides: QueueSides = {}) {
    checkPublisher(sides.publisher);
    const geometry = geometryOf(memory);
    const words = new Int32Array(memory, 0, geometry.totalBytes / 4);
    this.geometry = geometry;
    this.words = words;
    this.work = bellOf(words, geometry, "work");
    this.done = bellOf(words, geometry, "done");
    const lanes = geometry.lanes === 1 ? [PRIORITY.NORMAL] : [0, 1, 2, 3, 4];
    this.#queues = lanes.map((lane) => new Queue(words, geometry, lane, sides));
    this.#lanes = geometry.lanes === 1 ? undefined : new Lanes(words, geometry, this.#queues);
    this.#oneExecutor = sides.oneExecutor ?? false;
    this.#onePublisher = sides.onePublisher ?? false;
    this.#slots = geometry.slotsAt / 4;
    ({ at: this.#at, side: this.#side } = placesOf(geometry));
  }

  /** The index of a slot's first word. */
  at(slot: number): number {
    return this.#slots + slot * SLOT_WORDS;
  }

  /** The slot of `position` in the lane of `priority`. */
  slotAt(priority: number, position: number): number {
    return this.#queue(priority).slot(position);
  }

  /** Sets the clock that stamps and ageing go by, in ticks of the host's choice; it wraps. */
  tick(now: number): void {
    Atomics.store(this.words, this.#at.clock, now | 0);
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
    this.#fill(queue, position, from, count, options);
    queue.show(position, count);
    this.position = position;
    this.work.ring();
    return queue.slot(position);
  }

  /**
   * Takes the next place for one slot, whose words from 1 on the caller writes before it calls `show`;
   * until then its lane waits. Returns the slot, at `position`, or -1 when none is free. For who publishes
   * in place: `offer` copies instead.
   */
  reserve(priority: number, options: OfferOptions = PLAIN): number {
    const queue = this.#queue(priority);
    if (!queue.reserve(1)) return -1;
    const { position } = queue;
    const slot = queue.slot(position);
    this.#stamp(slot, position, options.batch ?? 0, options.held === true ? SLOT_FLAGS.HELD : 0);
    this.position = position;
    return slot;
  }

  /** Before it is shown: nobody waits for this slot after all. */
  loosen(slot: number): void {
    this.words[this.#side.flags + slot] = 0;
  }

  /** Publishes reserved slots: `count` positions that follow each other. It rings nobody. */
  show(priority: number, position: number, count = 1): void {
    this.#queue(priority).show(position, count);
  }

  /**
   * Claims slots of one lane in the name of `owner`, writes their indices to `into` and says how many. 0:
   * nothing to do. Fails with RING_INVALID for an owner outside 1 to OWNER_MAX.
   */
  claim(owner: number, into: Int32Array, most = into.length): number {
    if (!(owner >= 1 && owner <= OWNER_MAX)) throw badOwner(owner);
    const room = Math.min(most, into.length); // A slot claimed and not written down would be lost.
    if (this.#lanes === undefined) return this.#claimFrom(this.#queues[0]!, owner, into, room);
    return this.#claimUrgent(this.#lanes, owner, into, room);
  }

  /** Slots that wait to be claimed, lane by lane and oldest first, as `Queue.waiting` says. */
  waiting(): number[] {
    return this.#queues.flatMap((queue) => queue.waiting());
  }

  /** Completes a claimed slot. False: a sweep was first, and the slot is no longer the caller's. */
  complete(slot: number): boolean {
    return this.#end(slot, CLAIMED, DONE, 0);
  }

  /**
   * Completes the claimed slots `slots[from]` to `slots[to - 1]` and says how many were still the caller's.
   * Where one thread alone claims, neighbours are counted and freed together.
   */
  completeAll(slots: Int32Array, from: number, to: number): number {
    let completed = 0;
    for (let at = from; at < to;) {
      const run = this.#oneExecutor ? this.#runFrom(slots, at, to) : 0;
      if (run > 0) this.#completeRun(slots[at]!, run);
      completed += run > 0 ? run : Number(this.complete(slots[at]!));
      at += Math.max(run, 1);
    }
    return completed;
  }

  /** Fails a claimed slot with a code and a detail. False: a sweep was first. */
  fault(slot: number, code: number, detail: number): boolean {
    if (this.status(slot) !== CLAIMED) return false;
    this.#blame(slot, code, detail);
    return this.#end(slot, CLAIMED, FAULT, 1);
  }

  /**
   * Fails a slot in the status `from`, which another holds; false when it has another status. Its
   * arguments stay as they are until the other can no longer complete it.
   */
  seize(slot: number, from: number, code: number, detail: number): boolean {
    if (!this.#moveStatus(slot, from, EMPTY)) return false;
    this.#blame(slot, code, detail);
    return this.#end(slot, EMPTY, FAULT, 1);
  }

  /**
   * Ends what an executor began and did not end: frees a settled slot, or shows a held one as DONE. False:
   * it is not settled, or held and shown.
   */
  reclaim(slot: number): boolean {
    const status = this.status(slot);
    const isHeld = this.#isHeld(slot);
    const queue = this.#queueOf(slot);
    if (isHeld && status !== EMPTY) return false;
    if (status === EMPTY && !queue.isCounted(slot)) this.#count(slot); // Its run was not, so far.
    else if (status !== EMPTY && status !== DONE && status !== FAULT) return false;
    if (isHeld) Atomics.store(this.words, this.at(slot), DONE);
    else queue.release(slot);
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

  /** Frees a held slot once its outcome was read. False: it is not held, not settled or released. */
  release(slot: number): boolean {
    if (!this.#isHeld(slot)) return false;
    if (!this.#moveStatus(slot, DONE, EMPTY) && !this.#moveStatus(slot, FAULT, EMPTY)) return false;
    this.#queueOf(slot).release(slot);
    this.done.ring();
    return true;
  }

  /** Whether somebody waits for the outcome of what is in the slot. */
  isHeld(slot: number): boolean {
    return this.#isHeld(slot);
  }

  /** As `release`, for a settled slot that nobody else can release or sweep: it compares nothing. */
  releaseOwn(slot: number): void {
    const { words } = this;
    const status = this.at(slot);
    const queue = this.#queueOf(slot);
    if (this.#onePublisher) {
      words[status] = EMPTY;
      queue.releaseAlone(slot);
      this.done.ringHere();
      return;
    }
    const turn = queue.turnAt(slot);
    const next = (words[turn]! + queue.size - 1) | 0;
    words[status] = EMPTY; // No call from here to the turn: a slot is free as a whole, whoever is killed.
    Atomics.store(words, turn, next);
    this.done.ring();
  }

  /**
   * Shows what a publisher of this name took and did not show, once its thread has ended, so that its lanes go on.
   * `fill` writes the words of such a slot from 1 on: nobody knows what of them was written. Says how many
   * slots these were, and wakes those that wait in the publisher's place.
   */
  mend(publisher: number, fill: (slot: number) => void): number {
    let mended = 0;
    for (const queue of this.#queues)
      for (let count; (count = queue.unshownBy(publisher)) > 0; mended += count) {
        const { position } = queue;
        for (let i = 0; i < count; i++) {
          const slot = queue.slot(position + i);
          this.#stamp(slot, position + i, 0, 0);
          fill(slot);
        }
        queue.show(position, count);
      }
    this.work.ring(); // It may have died between showing a slot and ringing, or between freeing and that.
    this.done.ring();
    return mended;
  }

  /** Whether the publication of this ticket in `slot` is settled: it is so too once the slot went on. */
  settled(slot: number, ticket: number): boolean {
    const status = Atomics.load(this.words, this.at(slot));
    if (this.ticket(slot) !== ticket >>> 0) return true;
    if (status !== EMPTY) return status === DONE || status === FAULT;
    return !this.#isHeld(slot) || !this.isOut(slot); // A held one is just being seized.
  }

  /** Whether a publication is in the slot: from when it is shown until it is freed. */
  isOut(slot: number): boolean {
    return this.#queueOf(slot).isOut(slot);
  }

  /** Slots published and not settled. */
  get depth(): number {
    const published = this.#queues.reduce((sum, queue) => sum + queue.published, 0);
    return (published - Atomics.load(this.words, this.#at.doneCount)) >>> 0;
  }

  /**
   * Slots settled so far; wraps. Who spins until its slot is settled looks here, and at the slot once this has
   * moved: an executor writes to a slot several times, and would have to fetch its line back before each.
   */
  get settlements(): number {
    return Atomics.load(this.words, this.#at.doneCount);
  }

  /** Slots published and not claimed, at about this time. */
  get unclaimed(): number {
    let unclaimed = 0;
    for (const queue of this.#queues) unclaimed += queue.unclaimed;
    return unclaimed;
  }

  status(slot: number): number {
    return Atomics.load(this.words, this.at(slot));
  }

  /** The ticket of a slot's publication: never 0, and unique with the slot until positions wrap. */
  ticket(slot: number): number {
    return Atomics.load(this.words, this.#side.ticket + slot) >>> 0;
  }

  /** Who claimed the slot; 0 when nobody has, or it is free. */
  owner(slot: number): number {
    if (!this.isOut(slot)) return 0; // The name of the last lap.
    return Math.max(0, Atomics.load(this.words, this.#side.owner + slot));
  }

  #fill(
    queue: Queue,
    position: number,
    from: Int32Array,
    count: number,
    options: OfferOptions,
  ): void {
    const inBatch = options.batch ?? 0;
    const kept = options.held === true ? SLOT_FLAGS.HELD : 0;
    this.#copy(queue, position, from, count);
    for (let item = 0; item < count; item++)
      this.#stamp(queue.slot(position + item), position + item, inBatch, kept);
  }

  /** What lies beside a slot that is about to be shown. */
  #stamp(slot: number, position: number, inBatch: number, kept: number): void {
    const { words } = this;
    const { ticket, published_at, batch, flags } = this.#side;
    words[ticket + slot] = (position + 1) | 0 || 1; // 0 is no ticket.
    words[published_at + slot] = words[this.#at.clock]!;
    if (words[batch + slot] !== inBatch) words[batch + slot] = inBatch; // Seldom, so that
    if (words[flags + slot] !== kept) words[flags + slot] = kept; // both sides keep these lines.
    words[this.at(slot)] = PUBLISHED; // Seen only after the turn, which is stored with release.
  }

  /** The engine copies a run at once where it is one in both places; setting it up costs some words. */
  #copy(queue: Queue, position: number, from: Int32Array, count: number): void {
    const { words } = this;
    const first = queue.slot(position);
    if (count > 2 && from.length === count * SLOT_WORDS && first + count <= queue.end) {
      words.set(from, this.at(first));
      return;
    }
    for (let item = 0; item < count; item++) {
      const [at, source] = [this.at(queue.slot(position + item)), item * SLOT_WORDS];
      for (let i = 1; i < SLOT_WORDS; i++) words[at + i] = from[source + i]!;
    }
  }

  #claimUrgent(lanes: Lanes, owner: number, into: Int32Array, most: number): number {
    for (;;) {
      const lane = lanes.choose(most);
      const count = lane < 0 ? 0 : this.#claimFrom(this.#queues[lane]!, owner, into, lanes.most);
      if (count > 0 || lane < 0) {
        lanes.claimed(lane, count);
        return count;
      } // Others emptied that lane meanwhile.
    }
  }

  #claimFrom(queue: Queue, owner: number, into: Int32Array, most: number): number {
    const { words } = this;
    const claimedAt = this.#side.claimed_at;
    const owned = queue.claim(owner, most);
    const position = queue.position;
    const now = words[this.#at.clock]!;
    let count = 0;
    for (let i = 0; i < owned; i++) {
      const slot = queue.slot(position + i);
      words[claimedAt + slot] = now;
      if (this.#oneExecutor) words[this.at(slot)] = CLAIMED;
      else if (!this.#moveStatus(slot, PUBLISHED, CLAIMED)) continue;
      into[count++] = slot;
    }
    return count;
  }

  /**
   * Ends a slot in `status`, counts it, frees it unless it is held, and rings. A held slot may belong to
   * its next publisher at once: what is counted is read before.
   */
  #end(slot: number, from: number, status: number, faults: number): boolean {
    const { words } = this;
    const held = this.#isHeld(slot);
    const batch = this.#batchOf(slot);
    const batchAt = this.#at.batches + (batch & (BATCHES - 1));
    const tenantAt = this.#tenantAt(slot);
    const { faultCount, doneCount } = this.#at;
    if (Atomics.compareExchange(words, this.at(slot), from, status) !== from) return false;
    if (batch !== 0) Atomics.add(words, batchAt, 1); // No call from here to the last counter.
    if (tenantAt !== 0) Atomics.add(words, tenantAt, 1);
    if (faults !== 0) Atomics.add(words, faultCount, 1);
    Atomics.add(words, doneCount, 1);
    if (!held) this.#queueOf(slot).release(slot);
    this.done.ring();
    if (batch !== 0) this.work.ring(); // A fence may be waiting.
    return true;
  }

  /** How many slots from `slots[at]` on are neighbours of one tenant, held by nobody, in no batch. */
  #runFrom(slots: Int32Array, at: number, to: number): number {
    const { words } = this;
    const { batch, flags } = this.#side;
    const first = slots[at]!;
    const tenant = words[this.at(first) + TENANT_AT];
    const kept = words[flags + first];
    let count = 0;
    for (; at + count < to; count++) {
      const slot = slots[at + count]!;
      if (slot !== first + count || words[this.at(slot) + TENANT_AT] !== tenant) break;
      if (words[flags + slot] !== kept || words[batch + slot] !== 0) break;
      if (words[this.at(slot)] !== CLAIMED) break;
    }
    return count;
  }

  /**
   * EMPTY says that a slot's run is being counted; `countedAt`, which is stored with the sum, that it was.
   * Held slots are DONE only then, since their holders may free them at once.
   */
  #completeRun(first: number, count: number): void {
    const { words } = this;
    const queue = this.#queueOf(first);
    const position = queue.positionOf(first);
    const tenantAt = this.#tenantAt(first);
    const isHeld = this.#isHeld(first);
    const { countedAt } = queue;
    const { doneCount } = this.#at;
    const end = (position + count) | 0;
    for (let i = 0; i < count; i++) words[this.at(first + i)] = EMPTY;
    if (tenantAt !== 0) Atomics.add(words, tenantAt, count); // No call from here to the last counter.
    Atomics.add(words, doneCount, count);
    words[countedAt] = end;
    if (isHeld) for (let i = 0; i < count; i++) Atomics.store(words, this.at(first + i), DONE);
    else queue.releaseRun(position, count);
    this.done.ring();
  }

  /** A fence counts in no batch, so that it never waits for itself. */
  #batchOf(slot: number): number {
    const batch = this.words[this.#side.batch + slot]!;
    return batch !== 0 && this.words[this.at(slot) + OPCODE_AT] === FENCE ? 0 : batch;
  }

  #count(slot: number): void {
    const tenantAt = this.#tenantAt(slot);
    if (tenantAt !== 0) Atomics.add(this.words, tenantAt, 1);
    Atomics.add(this.words, this.#at.doneCount, 1);
  }

  #blame(slot: number, code: number, detail: number): void {
    this.words[this.at(slot) + ARGS_AT + FAULT_CODE_ARG] = code;
    this.words[this.at(slot) + ARGS_AT + FAULT_DETAIL_ARG] = detail;
  }

  /** Where the slot's tenant is counted; 0 for an id that is no tenant's, which would count as another. */
  #tenantAt(slot: number): number {
    const tenant = this.words[this.at(slot) + TENANT_AT]! >>> 0;
    return tenant < this.geometry.tenants ? this.#at.tenantDone + tenant : 0;
  }

  #isHeld(slot: number): boolean {
    return (this.words[this.#side.flags + slot]! & SLOT_FLAGS.HELD) !== 0;
  }

  #moveStatus(slot: number, from: number, to: number): boolean {
    return Atomics.compareExchange(this.words, this.at(slot), from, to) === from;
  }

  #queue(priority: number): Queue {
    const queue = this.#queues[this.#lanes === undefined ? 0 : priority];
    if (queue === undefined) throw badPriority(priority);
    return queue;
  }

  #queueOf(slot: number): Queue {
    if (this.#lanes === undefined) return this.#queues[0]!;
    let lane = 0;
    while (slot >= this.geometry.laneStarts[lane + 1]!) lane++;
    return this.#queues[lane]!;
  }
}

/** Indices of words: those that a ring counts in, and where each table beside the slots starts. */
interface Places {
  readonly at: Readonly<
    Record<"clock" | "doneCount" | "faultCount" | "batches" | "tenantDone", number>
  >;
  readonly side: Readonly<Record<Exclude<keyof RingGeometry["sides"], "turn" | "run_end">, number>>;
}

/** Rings of one shape share them, since there may be ten thousand. */
const PLACES = new WeakMap<RingGeometry, Places>();

function placesOf(geometry: RingGeometry): Places {
  const known = PLACES.get(geometry);
  if (known !== undefined) return known;
  const { clock, done_count, fault_count } = CONTROL.fields;
  const { batches, tenant_done } = BELLS.fields;
  const at = {
    clock: (geometry.controlAt + clock.at) / 4,
    doneCount: (geometry.controlAt + done_count.at) / 4,
    faultCount: (geometry.controlAt + fault_count.at) / 4,
    batches: (geometry.bellsAt + batches.at) / 4,
    tenantDone: (geometry.bellsAt + tenant_done.at) / 4,
  };
  const { ticket, owner, claimed_at, published_at, batch, flags } = geometry.sides;
  const side = {
    ...{ ticket: ticket / 4, owner: owner / 4, claimed_at: claimed_at / 4 },
    ...{ published_at: published_at / 4, batch: batch / 4, flags: flags / 4 },
  };
  PLACES.set(geometry, { at, side });
  return { at, side };
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

function checkPublisher(publisher: number | undefined): void {
  if (publisher === undefined) return;
  if (Number.isInteger(publisher) && publisher >= 1 && publisher <= PUBLISHER_MAX) return;
  throw new Failure("RING_INVALID", {
    at: "publisher",
    found: String(publisher),
    expected: `1 to ${PUBLISHER_MAX}`,
    fix: "Give each publisher that may be killed its own number, from 1.",
  });
}

function badOwner(owner: number): Failure {
  return new Failure("RING_INVALID", {
    at: "owner",
    found: String(owner),
    expected: `1 to ${OWNER_MAX}`,
    fix: "Give each executor its own number, from 1.",
  });
}
