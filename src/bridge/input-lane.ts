// Input lane: messages on their way to the device.
//
//   consumed        published      attempted     landed        started       accepted
//       | device has it | tail may say | slots copied | copy under way | only here |
//
// Each number counts messages since the start and is never above the next. A message stays here until the
// device has taken it, so that whatever happens to the device, it can be sent again.
//
// Why the device sees no half message: its tail moves only after every copy below it has ended, and nobody
// else moves it. A copy that is tried again writes the same bytes to the same slots.

import { Batches, type CopyParts } from "./batches.ts";
import type { DeviceMemory } from "./device.ts";
import { queueInvalid } from "./faults.ts";
import { type DeviceQueue, HEAD_AT, QueueView, rounded, TAIL_AT } from "./queue.ts";

/** Where a message was when the bridge ended: never shown to the device, perhaps shown, shown and not taken. */
export type Fate = "unsent" | "uncertain" | "untaken";

export interface InputLane {
  /** Messages that `offer` took; that the device may see; that it may perhaps see; that it has taken. */
  readonly accepted: number;
  readonly published: number;
  readonly attempted: number;
  readonly consumed: number;
  readonly payloadBytes: number;
  readonly batches: number;
  /** Whether the device has to move before this lane can. */
  readonly needsDevice: boolean;
  /** False: the device has not taken enough yet. Fails with DEVICE_QUEUE_INVALID. */
  offer(payload: Uint8Array): boolean;
  /** Moves what can be moved, and looks at the device where it must, or where `looks`. True: something moved. */
  pump(looks: boolean): Promise<boolean>;
  /** Settles when no copy of this lane is under way. */
  settle(): Promise<unknown>;
  /** Lends what the device has not taken, oldest first, but for slots that the device has overwritten. */
  leftovers(use: (payload: Uint8Array, fate: Fate) => void): void;
}

/** What both kinds of lane count, and how they read the device's head. */
abstract class Lane {
  accepted = 0;
  published = 0;
  attempted = 0;
  consumed = 0;
  payloadBytes = 0;
  batches = 0;
  protected readonly view: QueueView;
  readonly #first: number;

  constructor(view: QueueView, firstPosition: number) {
    this.view = view;
    this.#first = firstPosition;
  }

  get needsDevice(): boolean {
    return this.accepted - this.consumed >= this.view.geometry.capacity;
  }

  protected position(count: number): number {
    return (this.#first + count) >>> 0;
  }

  /** Writes a message to its slot, which is free. */
  protected accept(payload: Uint8Array): void {
    this.view.write(this.position(this.accepted), payload);
    this.accepted++;
    this.payloadBytes += payload.length;
  }

  /** Takes over the device's head. Fails with DEVICE_QUEUE_INVALID where no kernel can have got there. */
  protected consume(head: number): boolean {
    const taken = (head - this.position(this.consumed)) >>> 0;
    if (taken > this.attempted - this.consumed)
      throw queueInvalid("input queue", `a head of ${head}`, this.#headsNow());
    this.consumed += taken;
    this.published = Math.max(this.published, this.consumed); // It has seen what it has taken.
    return taken > 0;
  }

  leftovers(use: (payload: Uint8Array, fate: Fate) => void): void {
    for (let i = this.consumed; i < this.accepted; i++) {
      const position = this.position(i);
      const bytes = this.view.payloadBytes(position);
      const fate = i < this.published ? "untaken" : i < this.attempted ? "uncertain" : "unsent";
      if (bytes >= 0) use(this.view.payload(position, bytes), fate);
    }
  }

  #headsNow(): string {
    return `one from ${this.position(this.consumed)} to ${this.position(this.attempted)}`;
  }
}

export class CopiedInput extends Lane implements InputLane {
  readonly #queue: DeviceQueue;
  readonly #parts: CopyParts;
  readonly #batches: Batches;

  /** `staging`: host memory of the queue's size, which only this lane uses. */
  constructor(queue: DeviceQueue, staging: Uint8Array, parts: CopyParts) {
    super(new QueueView(staging, queue.geometry), parts.settings.firstPosition);
    this.#queue = queue;
    this.#parts = parts;
    this.#batches = new Batches(queue.geometry.capacity, parts.settings, (first, end) =>
      this.#copyRun(first, end),
    );
  }

  offer(payload: Uint8Array): boolean {
    if (this.needsDevice) return false;
    this.accept(payload);
    return true;
  }

  async pump(looks: boolean): Promise<boolean> {
    this.#batches.startUpTo(this.accepted);
    const end = await this.#batches.next();
    if (end === undefined) return looks || this.needsDevice ? this.#look() : false;
    await this.#publish(end);
    return true;
  }

  settle(): Promise<unknown> {
    return this.#batches.settle();
  }

  async #copyRun(first: number, end: number): Promise<void> {
    const { memory, copies } = this.#parts;
    const last = this.position(end - 1);
    const from = this.view.slotAt(this.position(first));
    const used = rounded(this.view.usedBytes(last), memory.capabilities.copyAlignBytes);
    const to = this.view.slotAt(last) + used; // The rest of the last slot holds nothing.
    await copies.copyIn(this.#queue.region, from, this.view.bytes.subarray(from, to));
  }

  async #publish(end: number): Promise<void> {
    const { memory, copies } = this.#parts;
    this.attempted = end;
    this.view.tail = this.position(end);
    await copies.copyIn(this.#queue.region, TAIL_AT, this.view.word(TAIL_AT, memory));
    this.published = end;
    this.batches++;
    memory.notify();
  }

  async #look(): Promise<boolean> {
    const { memory, copies } = this.#parts;
    await copies.copyOut(this.#queue.region, HEAD_AT, this.view.word(HEAD_AT, memory));
    return this.consume(this.view.head);
  }
}

/** The queue itself, in memory that the device sees: a message is there as soon as it is written. */
export class MappedInput extends Lane implements InputLane {
  readonly #memory: DeviceMemory;

  constructor(mapped: QueueView, memory: DeviceMemory, firstPosition: number) {
    super(mapped, firstPosition);
    this.#memory = memory;
  }

  offer(payload: Uint8Array): boolean {
    if (this.needsDevice && !this.consume(this.view.head)) return false;
    this.accept(payload);
    this.attempted = this.published = this.accepted;
    this.batches++;
    this.view.tail = this.position(this.accepted);
    this.#memory.notify();
    return true;
  }

  /** Nothing is copied. */
  async settle(): Promise<void> {}

  async pump(): Promise<boolean> {
    return this.consume(this.view.head);
  }
}
