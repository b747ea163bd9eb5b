// Output lane: messages on their way from the device.
//
//    taken        fetched         started          seen
//      | kept here | copy under way | on the device |
//
// Each number counts messages since the start and is never above the next. A slot on the device is given back
// when its message is here and has been checked; a slot here when its message has been taken.

import { Batches, type CopyParts } from "./batches.ts";
import type { DeviceMemory } from "./device.ts";
import { queueInvalid } from "./faults.ts";
import { type DeviceQueue, HEAD_AT, QueueView, TAIL_AT } from "./queue.ts";

export interface OutputLane {
  /** Messages that the device has shown; that are here; that were taken. */
  readonly seen: number;
  readonly fetched: number;
  readonly taken: number;
  /** Bytes of payloads taken. */
  readonly payloadBytes: number;
  readonly batches: number;
  /** How often there was no room here for what the device may have. */
  readonly stalls: number;
  /** False: nothing can move until somebody takes a message here. */
  readonly needsDevice: boolean;
  /** The oldest message, in place until `next`. Fails with DEVICE_QUEUE_INVALID. */
  peek(): Uint8Array | undefined;
  /** The oldest message is taken. */
  next(): void;
  /** Moves what can be moved. True: something moved. */
  pump(): Promise<boolean>;
  /** Settles when no copy of this lane is under way. */
  settle(): Promise<unknown>;
}

abstract class Lane {
  seen = 0;
  fetched = 0;
  taken = 0;
  payloadBytes = 0;
  batches = 0;
  stalls = 0;
  protected readonly view: QueueView;
  readonly #first: number;
  /** Bytes of the message that `peek` gave: a device may write to its slot once more. */
  #peeked = 0;

  constructor(view: QueueView, firstPosition: number) {
    this.view = view;
    this.#first = firstPosition;
  }

  protected position(count: number): number {
    return (this.#first + count) >>> 0;
  }

  /** Takes over the device's tail. Fails with DEVICE_QUEUE_INVALID where no kernel can have got there. */
  protected see(tail: number, given: number): boolean {
    const more = (tail - this.position(this.seen)) >>> 0;
    const most = given + this.view.geometry.capacity - this.seen;
    if (more > most)
      throw queueInvalid(
        "output queue",
        `a tail of ${tail}`,
        `one from ${this.position(this.seen)} to ${this.position(this.seen + most)}`,
      );
    this.seen += more;
    return more > 0;
  }

  /** Bytes of a message. Fails with DEVICE_QUEUE_INVALID where its slot holds none, or another. */
  protected checked(count: number): number {
    const position = this.position(count);
    const bytes = this.view.payloadBytes(position);
    if (bytes >= 0) return bytes;
    throw queueInvalid(
      `output queue, position ${position}`,
      "a slot with another turn, or with more bytes than a payload may have",
      `turn ${(position + 1) >>> 0} and at most ${this.view.geometry.payloadBytesMax} bytes`,
    );
  }

  peek(): Uint8Array | undefined {
    if (this.taken === this.fetched) return undefined;
    this.#peeked = this.checked(this.taken);
    return this.view.payload(this.position(this.taken), this.#peeked);
  }

  next(): void {
    this.payloadBytes += this.#peeked;
    this.taken++;
  }
}

export class CopiedOutput extends Lane implements OutputLane {
  /** What the device knows to be fetched. */
  #given = 0;
  #isStalled = false;
  readonly #queue: DeviceQueue;
  readonly #parts: CopyParts;
  readonly #batches: Batches;

  /** `kept`: host memory of the queue's size, which only this lane uses. */
  constructor(queue: DeviceQueue, kept: Uint8Array, parts: CopyParts) {
    super(new QueueView(kept, queue.geometry), parts.settings.firstPosition);
    this.#queue = queue;
    this.#parts = parts;
    this.#batches = new Batches(queue.geometry.capacity, parts.settings, (first, end) =>
      this.#copyRun(first, end),
    );
  }

  get needsDevice(): boolean {
    return this.#batches.started < this.#endOfRoom;
  }

  async pump(): Promise<boolean> {
    const batches = this.#batches;
    if (!this.needsDevice && batches.isEmpty) {
      if (!this.#isStalled) this.stalls++;
      this.#isStalled = true;
      return false;
    }
    this.#isStalled = false;
    if (batches.started === this.seen && batches.isEmpty && !(await this.#look())) return false;
    batches.startUpTo(Math.min(this.seen, this.#endOfRoom));
    const end = await batches.next();
    if (end === undefined) return false;
    for (let i = this.fetched; i < end; i++) this.checked(i);
    this.fetched = end;
    this.batches++;
    await this.#giveBack();
    return true;
  }

  settle(): Promise<unknown> {
    return this.#batches.settle();
  }

  /** There is room here for the messages below this one. */
  get #endOfRoom(): number {
    return this.taken + this.view.geometry.capacity;
  }

  async #copyRun(first: number, end: number): Promise<void> {
    const from = this.view.slotAt(this.position(first));
    const to = this.view.slotAt(this.position(end - 1)) + this.#queue.geometry.slotBytes;
    const host = this.view.bytes.subarray(from, to);
    await this.#parts.copies.copyOut(this.#queue.region, from, host);
  }

  async #look(): Promise<boolean> {
    const { memory, copies } = this.#parts;
    await copies.copyOut(this.#queue.region, TAIL_AT, this.view.word(TAIL_AT, memory));
    return this.see(this.view.tail, this.#given);
  }

  /** The device may use the slots again whose messages are here. */
  async #giveBack(): Promise<void> {
    const { memory, copies } = this.#parts;
    this.view.head = this.position(this.fetched);
    await copies.copyIn(this.#queue.region, HEAD_AT, this.view.word(HEAD_AT, memory));
    this.#given = this.fetched;
    memory.notify();
  }
}

/** The queue itself, in memory that the host sees. */
export class MappedOutput extends Lane implements OutputLane {
  readonly needsDevice = true;
  readonly #memory: DeviceMemory;

  constructor(mapped: QueueView, memory: DeviceMemory, firstPosition: number) {
    super(mapped, firstPosition);
    this.#memory = memory;
  }

  override peek(): Uint8Array | undefined {
    if (this.taken === this.fetched) this.#look();
    return super.peek();
  }

  override next(): void {
    super.next();
    this.view.head = this.position(this.taken);
    this.#memory.notify();
  }

  /** Nothing is copied. */
  async settle(): Promise<void> {}

  async pump(): Promise<boolean> {
    return this.#look();
  }

  #look(): boolean {
    const hasMoved = this.see(this.view.tail, this.taken);
    if (hasMoved) this.batches++;
    this.fetched = this.seen;
    return hasMoved;
  }
}
