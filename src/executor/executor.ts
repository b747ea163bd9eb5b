// Executor: one thread's loop over a ring, and the whole life of a slot on it.
//
// What is quick is settled in runs, since a counter costs more than a NOP does. Whatever takes longer, or
// reads words that count, finds everything before it settled, as if each slot had been settled alone.

import { assert, RING_LIMITS } from "../base/mod.ts";
import { CONTROL, SLOT, SLOT_STATUS } from "../layout/mod.ts";
import {
  type IdlePolicy,
  type Opcodes,
  OWNER_MAX,
  type Ring,
  type SlotRecorder,
} from "../ring/mod.ts";
import { Parked } from "./parked.ts";
import { type Quick, quickOf } from "./quick.ts";
import { SlotRun } from "./slot-run.ts";
import { Tally } from "./tally.ts";

const { DONE, FAULT, YIELD } = SLOT_STATUS;
const OPCODE_AT = SLOT.fields.opcode.at / 4;
const TENANT_AT = SLOT.fields.tenant.at / 4;
const PRIORITY_AT = SLOT.fields.priority.at / 4;

export interface ExecutorOptions {
  /** The name under which it owns slots, from 1: no other executor of the ring may have it. */
  readonly owner: number;
  /** Custom opcodes, tables and formats. All executors of a ring need the same. */
  readonly opcodes: Opcodes;
  /** The most slots that one turn claims; 64. */
  readonly batchSlotsMax?: number;
  /** Ticks that ageing and the watchdog count in. With it, each turn sets the ring's clock. */
  readonly clock?: () => number;
  /** Word 0 of a shared memory: once it is not 0, this executor stops as if the ring were shut down. */
  readonly stop?: Int32Array;
  /**
   * The memory of a ring that createRingMemory() made: simple slots then run in WebAssembly, some three
   * times faster. An executor with a recorder, which looks at every word, runs none there.
   */
  readonly memory?: WebAssembly.Memory;
  /** Is told of every slot. */
  readonly recorder?: SlotRecorder;
}

export const BATCH_SLOTS = 64;

export class Executor {
  readonly owner: number;
  readonly #ring: Ring;
  readonly #claimed: Int32Array;
  readonly #parked: Parked;
  readonly #run: SlotRun;
  readonly #tally: Tally;
  readonly #clock: (() => number) | undefined;
  readonly #recorder: SlotRecorder | undefined;
  readonly #quick: Quick | undefined;
  readonly #shutdown: number;
  readonly #stop: Int32Array | undefined;
  /** Claimed slots from here to the one that runs are done, and not settled yet. */
  #unsettled = 0;
  #running = 0;

  constructor(ring: Ring, options: ExecutorOptions) {
    const { owner, opcodes, batchSlotsMax = BATCH_SLOTS, clock, recorder, memory } = options;
    assert(Number.isInteger(owner) && owner >= 1 && owner <= OWNER_MAX, "an owner is 1 or more");
    assert(
      batchSlotsMax >= 1 && batchSlotsMax <= RING_LIMITS.slotsMax,
      "a batch has 1 slot or more",
    );
    this.owner = owner;
    this.#ring = ring;
    this.#claimed = new Int32Array(batchSlotsMax);
    this.#parked = new Parked(ring.geometry.slots);
    this.#tally = new Tally(ring);
    const settle = (): void => this.#settle();
    this.#run = new SlotRun(ring, { opcodes, tally: this.#tally, settle, recorder });
    this.#clock = clock;
    this.#recorder = recorder;
    if (recorder === undefined && memory !== undefined) this.#quick = quickOf(ring, memory);
    this.#stop = options.stop;
    this.#shutdown = ring.geometry.controlAt / 4 + CONTROL.fields.shutdown.at / 4;
  }

  /** Whether it, or the ring, was told to stop: it claims no more, and ends what it has claimed. */
  get stopped(): boolean {
    if (this.#stop !== undefined && Atomics.load(this.#stop, 0) !== 0) return true;
    return Atomics.load(this.#ring.words, this.#shutdown) !== 0;
  }

  /** Slots that it has set aside: they yielded, wait for IO or for their batch. */
  get parked(): number {
    return this.#parked.count;
  }

  /** Runs one turn and returns how many slots moved on. 0: there is nothing to do, and the caller may idle. */
  turn(): number {
    if (this.#clock !== undefined) this.#ring.tick(this.#clock());
    const resumed = this.#parked.count === 0 ? 0 : this.#resume(); // 1. Go on with what was set aside.
    if (this.stopped) return resumed;
    const count = this.#ring.claim(this.owner, this.#claimed); //     2. Claim a batch, oldest first.
    for (let i = 0; i < count;) {
      //                                  3. Run each of them.
      if (this.#quick !== undefined) i += this.#runQuick(this.#quick, i, count);
      if (i < count) this.#start(i++);
    }
    if (count > 0) this.#settleRest(count); //                        4. Settle what is left to settle.
    if (resumed + count === 0) this.#recorder?.idle();
    return resumed + count;
  }

  /**
   * Turns until it is told to stop, idling as `policy` says, and returns how many slots moved on. Then
   * nothing that it claimed can go on by itself: what is still set aside fails when its owner is swept.
   */
  run(policy: IdlePolicy): number {
    let [moved, total] = [0, 0];
    const work = { holds: () => (moved = this.turn()) > 0 || this.stopped };
    while (!this.stopped) {
      this.#ring.work.wait(work, policy);
      total += moved;
      moved = 0;
    }
    while ((moved = this.turn()) > 0) total += moved;
    return total;
  }

  /** Runs what is simple from `index` on, up to the end of the lane. */
  #runQuick(quick: Quick, index: number, count: number): number {
    const first = this.#claimed[index]!;
    let end = index + 1;
    while (end < count && this.#claimed[end] === first + end - index) end++;
    return quick(first, end - index);
  }

  #start(index: number): void {
    const slot = this.#claimed[index]!;
    const { words } = this.#ring;
    const at = this.#ring.at(slot);
    this.#running = index;
    this.#recorder?.claimed(this.#ring, slot);
    const tenant = words[at + TENANT_AT]! >>> 0; // Each word is read once: whoever
    const priority = words[at + PRIORITY_AT]! >>> 0; // writes to it now changes nothing.
    const status = this.#run.start(slot, words[at + OPCODE_AT]! >>> 0, tenant);
    if (this.#run.hasTenant) this.#tally.claim(tenant, priority);
    else this.#tally.unknown(priority);
    if (status === DONE) this.#recorder?.settled(this.#ring, slot, DONE, 0, 0);
    else this.#leave(slot, status);
  }

  /** Ends, or sets aside, a slot that was not done in one go. */
  #leave(slot: number, status: number): void {
    this.#settle();
    this.#unsettled = this.#running + 1;
    if (status === FAULT) this.#fault(slot);
    else this.#park(slot, status);
  }

  #fault(slot: number): void {
    const { code, detail } = this.#run;
    this.#recorder?.settled(this.#ring, slot, FAULT, code, detail);
    this.#ring.fault(slot, code, detail);
  }

  #park(slot: number, status: number): void {
    if (!this.#ring.park(slot, status)) return; // Swept.
    this.#parked.push(slot, status, this.#run);
  }

  /** Tries each slot that was set aside once, in the order in which they were. Returns how many moved. */
  #resume(): number {
    let moved = 0;
    for (let left = this.#parked.count; left > 0; left--) {
      const slot = this.#parked.shift();
      const { status } = this.#parked;
      if (!this.#ring.resume(slot, status)) continue; // Swept.
      this.#recorder?.resumed(slot);
      const now = this.#run.resume(slot, this.#parked);
      this.#tally.store();
      if (now !== status || now === YIELD) moved++;
      if (now === DONE) {
        this.#recorder?.settled(this.#ring, slot, DONE, 0, 0);
        this.#ring.complete(slot);
      } else if (now === FAULT) this.#fault(slot);
      else this.#park(slot, now);
    }
    return moved;
  }

  #settleRest(count: number): void {
    this.#running = count;
    this.#settle();
    this.#running = 0;
    this.#unsettled = 0;
  }

  /** Settles the slots that are done before the running one, and stores what was counted. */
  #settle(): void {
    this.#tally.store();
    if (this.#running > this.#unsettled)
      this.#ring.completeAll(this.#claimed, this.#unsettled, this.#running);
    this.#unsettled = this.#running;
  }
}
