// Queue: one lane's order in shared memory. Bounded, many publishers, many executors, no locks.
//
//          head: next to claim               tail: next to publish
//            v                                 v
//   | free | full | full | full | full | busy | free | free |        size = 8 slots
//
// A position counts publications of the lane since its start, modulo 2^32; `position & (size - 1)` is
// its slot. Each slot has a turn, which only grows:
//   turn === position          free: the publisher that took `position` fills it
//   turn === position + 1      full: an executor may own it, and until it is released somebody does
//   turn === position + size   free again, one lap later
// A full slot that nobody owns has the owner `unowned(position)`, so an owner who comes a lap late
// compares with a word that is no longer there.
//
// Why it is safe:
//   1. One compare-exchange on `tail` gives a run of positions to exactly one publisher. It has seen
//      every turn of the run, and only the publisher of a position moves a turn on from there.
//   2. A run is shown by its first turn, stored last and with release, and its slots say where it ends. So
//      who has loaded that turn knows, without looking, that the whole run is there.
//   3. One compare-exchange on a slot's owner gives it to exactly one executor. `head` moves over owned
//      slots only, and whoever finds it lagging moves it: an executor that dies anywhere leaves either
//      its name in a slot, which a sweep finds, or nothing.
//   4. A run is freed as it is shown: its first turn last, where one thread frees it at once. A publisher
//      comes to a later position only behind one that loaded that first turn.
//   5. A thread that is alone on its side needs no compare-exchange there, and an atomic load only of what
//      the other side moves: each costs as much as ten plain ones.
//   6. A publisher that dies between taking positions and showing them stops its lane there. One with a name has
//      written it in place of the owner, in a straight line from the exchange to the last store of showing, so
//      that whoever mends the lane finds either that or a run that is shown.

import { Failure } from "../base/mod.ts";
import { LANE_CURSORS, type RingGeometry } from "../layout/mod.ts";

/** The largest name of an executor. The top bit marks slots that nobody owns. */
export const OWNER_MAX = 0x7fff_fffe;
/** The largest name of a publisher. */
export const PUBLISHER_MAX = 0x3fff_ffff;

const TOP_BIT = 0x8000_0000 | 0;

export interface QueueSides {
  /** This thread is the only one that publishes to the ring: it moves tails by plain stores. */
  readonly onePublisher?: boolean;
  /** This thread is the only one that claims from the ring: it owns slots by plain stores. */
  readonly oneExecutor?: boolean;
  /** This thread's name as a publisher, 1 to PUBLISHER_MAX, where it may be killed while others go on: see `Ring.mend`. */
  readonly publisher?: number;
}

export class Queue {
  readonly start: number;
  readonly size: number;
  /** The first position of the run that `reserve` or `claim` last gave this thread. */
  position = 0;
  readonly #words: Int32Array;
  readonly #tail: number;
  readonly #head: number;
  readonly #counted: number;
  readonly #turns: number;
  readonly #owners: number;
  readonly #runEnds: number;
  /** Positions from the head to this one are shown, as far as this thread has looked. */
  #shownTo: number;
  readonly #onePublisher: boolean;
  readonly #oneExecutor: boolean;
  readonly #publisher: number;

  /** `words` is the whole memory of the ring. Fails with RING_INVALID for a lane of one slot. */
  constructor(words: Int32Array, geometry: RingGeometry, lane: number, sides: QueueSides = {}) {
    this.start = geometry.laneStarts[lane]!;
    this.size = geometry.laneStarts[lane + 1]! - this.start;
    if (this.size === 1) throw tooSmall(lane); // Full and free again would be the same turn.
    const cursors = geometry.cursorsAt + lane * LANE_CURSORS.bytes;
    this.#words = words;
    this.#tail = (cursors + LANE_CURSORS.fields.tail.at) / 4;
    this.#head = (cursors + LANE_CURSORS.fields.head.at) / 4;
    this.#counted = (cursors + LANE_CURSORS.fields.counted.at) / 4;
    this.#turns = geometry.sides.turn / 4;
    this.#owners = geometry.sides.owner / 4;
    this.#runEnds = geometry.sides.run_end / 4;
    this.#shownTo = Atomics.load(words, this.#head);
    this.#onePublisher = sides.onePublisher ?? false;
    this.#oneExecutor = sides.oneExecutor ?? false;
    this.#publisher = sides.publisher ?? 0;
  }

  /** The slot behind the lane's last. */
  get end(): number {
    return this.start + this.size;
  }

  /** Positions taken by publishers so far; wraps. */
  get published(): number {
    return Atomics.load(this.#words, this.#tail);
  }

  /** Positions taken by publishers and not claimed; between the two looks either may move. */
  get unclaimed(): number {
    const head = Atomics.load(this.#words, this.#head);
    return Math.max(0, (Atomics.load(this.#words, this.#tail) - head) | 0);
  }

  /** The slot of a position. */
  slot(position: number): number {
    return this.start + (position & (this.size - 1));
  }

  /** Takes `count` positions from `this.position` on, all or none. False: so many are not free. */
  reserve(count: number): boolean {
    if (count > this.size) return false;
    return this.#onePublisher ? this.#reserveAlone(count) : this.#reserve(count);
  }

  /** Shows `count` filled slots from `position` on, all at once and in order. */
  show(position: number, count: number): void {
    const words = this.#words;
    const [turns, owners, runEnds] = [this.#turns, this.#owners, this.#runEnds];
    const first = this.slot(position);
    const end = (position + count) | 0;
    for (let i = 1; i < count; i++) {
      const slot = this.slot(position + i);
      words[owners + slot] = unowned(position + i);
      words[runEnds + slot] = end;
      words[turns + slot] = position + i + 1;
    }
    words[runEnds + first] = end;
    words[owners + first] = position | TOP_BIT; // From here on no name says that it is not shown, so no call.
    Atomics.store(words, turns + first, (position + 1) | 0);
  }

  /**
   * How many positions from `this.position` on a publisher has taken and not shown, of its oldest such run; 0:
   * none. It has died, and only the caller shows them.
   */
  unshownBy(publisher: number): number {
    const words = this.#words;
    const head = Atomics.load(words, this.#head);
    const taken = (Atomics.load(words, this.#tail) - head) | 0;
    for (let i = 0; i < taken; i++) {
      const position = (head + i) | 0;
      const slot = this.slot(position);
      if (Atomics.load(words, this.#turns + slot) !== position) continue;
      if (words[this.#owners + slot] !== nameOf(publisher, position)) continue;
      this.position = position;
      return (words[this.#runEnds + slot]! - position) | 0;
    }
    return 0;
  }

  /**
   * Owns up to `most` slots from `this.position` on in the name of `owner`, and says how many. 0: the
   * lane is empty.
   */
  claim(owner: number, most: number): number {
    return this.#oneExecutor ? this.#claimAlone(owner, most) : this.#claim(owner, most);
  }

  /** The slot at the head if it is shown and unowned, or -1. Another may claim it at any time. */
  peek(): number {
    const words = this.#words;
    const head = Atomics.load(words, this.#head);
    const slot = this.slot(head);
    if (Atomics.load(words, this.#turns + slot) !== ((head + 1) | 0)) return this.#behind(head);
    return slot;
  }

  /**
   * Slots that are shown and that nobody owns, oldest first. They stay so where the caller is the thread that
   * alone claims from the ring.
   */
  waiting(): number[] {
    const words = this.#words;
    const head = Atomics.load(words, this.#head);
    const slots: number[] = [];
    for (let i = 0; i < this.size && this.#isShown(head + i); i++) {
      const position = (head + i) | 0;
      const slot = this.slot(position);
      if (Atomics.load(words, this.#owners + slot) === unowned(position)) slots.push(slot);
    }
    return slots;
  }

  /** Whether the slot is shown and not yet released. */
  isOut(slot: number): boolean {
    const turn = Atomics.load(this.#words, this.#turns + slot);
    return ((turn - 1 - slot + this.start) & (this.size - 1)) === 0;
  }

  /**
   * Frees a slot for the publisher of the next lap. Only whoever ended its status may call this, or after
   * its death whoever sweeps. The owner stays until the next publication, so that this is one store.
   */
  release(slot: number): void {
    const turn = Atomics.load(this.#words, this.#turns + slot);
    if (((turn - 1 - slot + this.start) & (this.size - 1)) !== 0) return; // Free already.
    Atomics.store(this.#words, this.#turns + slot, (turn + this.size - 1) | 0);
  }

  /**
   * As `release`, of a slot that is out, where this thread alone publishes: nobody waits for the store but its own
   * next publication.
   */
  releaseAlone(slot: number): void {
    this.#words[this.#turns + slot] = (this.#words[this.#turns + slot]! + this.size - 1) | 0;
  }

  /** Frees `count` slots from `position` on, which this thread alone owned and ended. */
  releaseRun(position: number, count: number): void {
    const words = this.#words;
    for (let i = count - 1; i > 0; i--)
      words[this.#turns + this.slot(position + i)] = (position + i + this.size) | 0;
    Atomics.store(words, this.#turns + this.slot(position), (position + this.size) | 0);
  }

  /** The position whose publication is in a slot that is out and the caller's. */
  positionOf(slot: number): number {
    return (this.#words[this.#turns + slot]! - 1) | 0;
  }

  /** Index of the word that holds a slot's turn. */
  turnAt(slot: number): number {
    return this.#turns + slot;
  }

  /** Index of the word that says up to where runs were counted; see Ring.completeAll(). */
  get countedAt(): number {
    return this.#counted;
  }

  /** Whether a slot that is out, and was ended as one of a run, is in the counters yet. */
  isCounted(slot: number): boolean {
    const ahead = (Atomics.load(this.#words, this.#counted) - this.positionOf(slot)) | 0;
    return ahead > 0 && ahead <= this.size;
  }

  #reserve(count: number): boolean {
    const words = this.#words;
    for (;;) {
      const tail = Atomics.load(words, this.#tail);
      const lead = this.#firstLead(tail, count);
      if (lead < 0) return false; // Last lap's slot is still out.
      if (lead > 0) continue; // Another publisher took this position: look again.
      const next = (tail + count) | 0;
      const slot = this.slot(tail);
      const name = nameOf(this.#publisher, tail);
      if (Atomics.compareExchange(words, this.#tail, tail, next) !== tail) continue;
      words[this.#runEnds + slot] = next;
      words[this.#owners + slot] = name; // No call from the exchange to here.
      this.position = tail;
      return true;
    }
  }

  /** Slots are written only where this has seen them free, so that plain loads do: no store goes ahead of a branch. */
  #reserveAlone(count: number): boolean {
    const words = this.#words;
    const turns = this.#turns;
    const tail = words[this.#tail]!;
    for (let i = 0; i < count; i++)
      if (words[turns + this.slot(tail + i)] !== ((tail + i) | 0)) return false;
    words[this.#tail] = tail + count;
    this.position = tail;
    return true;
  }

  /** The first turn that is not the position's own, as its distance; 0 when all are. */
  #firstLead(position: number, count: number): number {
    for (let i = 0; i < count; i++) {
      const turn = Atomics.load(this.#words, this.#turns + this.slot(position + i));
      const lead = (turn - position - i) | 0;
      if (lead !== 0) return lead;
    }
    return 0;
  }

  #claim(owner: number, most: number): number {
    const words = this.#words;
    for (;;) {
      const head = Atomics.load(words, this.#head);
      this.#shownTo = head;
      let count = 0;
      while (count < most && this.#isShown(head + count) && this.#own(head + count, owner)) count++;
      if (this.#shownTo === head) return 0; // Nothing is there.
      const next = (head + Math.max(count, 1)) | 0;
      Atomics.compareExchange(words, this.#head, head, next);
      if (count === 0) continue; // Somebody else's: the head is now past it.
      this.position = head;
      return count;
    }
  }

  #own(position: number, owner: number): boolean {
    const free = unowned(position);
    const at = this.#owners + this.slot(position);
    return Atomics.compareExchange(this.#words, at, free, owner) === free;
  }

  /** As `#claim`, where nobody else owns slots: what is owned is a dead predecessor's, and passed over. */
  #claimAlone(owner: number, most: number): number {
    const words = this.#words;
    const owners = this.#owners;
    const head = words[this.#head]!;
    let [first, count] = [head, 0];
    while (count < most) {
      const position = (first + count) | 0;
      if (!this.#isShown(position)) break;
      const at = owners + this.slot(position);
      if (words[at] === unowned(position)) {
        words[at] = owner;
        count++;
      } else if (count > 0) break;
      else first = (first + 1) | 0;
    }
    words[this.#head] = first + count;
    this.position = first;
    return count;
  }

  /** Whether a position is shown, or gone on already. Looks at a turn only where the last run ends. */
  #isShown(position: number): boolean {
    if (((this.#shownTo - position) | 0) > 0) return true;
    const words = this.#words;
    const slot = this.slot(position);
    const next = (position + 1) | 0;
    const turn = this.#turns + slot;
    // Most looks find nothing, and a plain one costs a tenth of an atomic one.
    if (this.#oneExecutor && ((words[turn]! - next) | 0) < 0) return false;
    if (((Atomics.load(words, turn) - next) | 0) < 0) return false; // What was written before is there, too.
    const end = this.#oneExecutor
      ? words[this.#runEnds + slot]!
      : Atomics.load(words, this.#runEnds + slot);
    const length = (end - position) | 0;
    this.#shownTo = length > 0 && length <= this.size ? end : next; // Else a later lap's.
    return true;
  }

  /** A head whose slot has gone on already lags: an executor owned it and did not move the head. */
  #behind(head: number): number {
    const turn = Atomics.load(this.#words, this.#turns + this.slot(head));
    return ((turn - head - 1) | 0) > 0 ? this.slot(head) : -1;
  }
}

function unowned(position: number): number {
  return position | TOP_BIT;
}

/** In place of an owner until a run is shown. The lowest bit tells it from a slot that nobody owns. */
function nameOf(publisher: number, position: number): number {
  return TOP_BIT | (publisher << 1) | (~position & 1);
}

function tooSmall(lane: number): Failure {
  return new Failure("RING_INVALID", {
    at: `lane ${lane}`,
    found: "1 slot",
    expected: "2 slots or more",
    fix: "Make the ring with 2 slots or more, or 16 when it has five lanes.",
  });
}
