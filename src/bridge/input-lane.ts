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

import type { Copies } from "./copies.ts";
import type { DeviceMemory } from "./device.ts";
import { queueInvalid } from "./faults.ts";
import type { BridgeSettings } from "./options.ts";
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

  protected get isFull(): boolean {
    return this.accepted - this.consumed >= this.view.geometry.capacity;
  }

  protected position(count: number): number {
    return (this.#first + count) >>> 0;
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

interface Batch {
  readonly end: number;
  /** Never rejects, since it may fail before anybody waits for it. */
  readonly failure: Promise<unknown>;
}

export class CopiedInput extends Lane implements InputLane {
  #started = 0;
  readonly #queue: DeviceQueue;
  readonly #memory: DeviceMemory;
  readonly #copies: Copies;
  readonly #settings: BridgeSettings;
  readonly #batches: Batch[] = [];

  /** `staging`: host memory of the queue's size, which only this lane uses. */
  constructor(
    queue: DeviceQueue,
    staging: Uint8Array,
    parts: {
      readonly memory: DeviceMemory;
      readonly copies: Copies;
      readonly settings: BridgeSettings;
    },
  ) {
    super(new QueueView(staging, queue.geometry), parts.settings.firstPosition);
    this.#queue = queue;
    this.#memory = parts.memory;
    this.#copies = parts.copies;
    this.#settings = parts.settings;
  }

  get needsDevice(): boolean {
    return this.isFull;
  }

  offer(payload: Uint8Array): boolean {
    if (this.isFull) return false;
    this.view.write(this.position(this.accepted), payload);
    this.accepted++;
    this.payloadBytes += payload.length;
    return true;
  }

  async pump(looks: boolean): Promise<boolean> {
    while (
      this.#started < this.accepted &&
      this.#batches.length < this.#settings.batchesInFlightMax
    )
      this.#start();
    const oldest = this.#batches.shift();
    if (oldest === undefined) return looks || this.isFull ? this.#look() : false;
    const failure = await oldest.failure;
    if (failure !== undefined) throw failure;
    await this.#publish(oldest.end);
    return true;
  }

  settle(): Promise<unknown> {
    return Promise.all(this.#batches.map(({ failure }) => failure));
  }

  #start(): void {
    const first = this.#started;
    this.#started = Math.min(this.accepted, first + this.#settings.batchSlotsMax);
    this.#batches.push({
      end: this.#started,
      failure: failureOf(this.#copy(first, this.#started)),
    });
  }

  /** Two copies where the slots go round the end of the queue. */
  async #copy(first: number, end: number): Promise<void> {
    const { capacity } = this.#queue.geometry;
    const untilWrap = capacity - (this.position(first) & (capacity - 1));
    const middle = Math.min(end, first + untilWrap);
    await bothEnded(this.#copyRun(first, middle), this.#copyRun(middle, end));
  }

  async #copyRun(first: number, end: number): Promise<void> {
    if (first === end) return;
    const { region } = this.#queue;
    const last = this.position(end - 1);
    const from = this.view.slotAt(this.position(first));
    const used = rounded(this.view.usedBytes(last), this.#memory.capabilities.copyAlignBytes);
    const to = this.view.slotAt(last) + used; // The rest of the last slot holds nothing.
    await this.#copies.copyIn(region, from, this.view.bytes.subarray(from, to));
  }

  async #publish(end: number): Promise<void> {
    this.attempted = end;
    this.view.tail = this.position(end);
    await this.#copies.copyIn(this.#queue.region, TAIL_AT, this.#word(TAIL_AT));
    this.published = end;
    this.batches++;
    this.#memory.notify();
  }

  async #look(): Promise<boolean> {
    await this.#copies.copyOut(this.#queue.region, HEAD_AT, this.#word(HEAD_AT));
    return this.consume(this.view.head);
  }

  #word(at: number): Uint8Array {
    return this.view.bytes.subarray(at, at + Math.max(4, this.#memory.capabilities.copyAlignBytes));
  }
}

/** Fails with what either fails with, but not before both have ended. */
export async function bothEnded(one: Promise<void>, other: Promise<void>): Promise<void> {
  for (const end of await Promise.allSettled([one, other]))
    if (end.status === "rejected") throw end.reason;
}

/** What a promise fails with, or undefined. */
export function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (failure: unknown) => failure,
  );
}

/** The queue itself, in memory that the device sees: a message is there as soon as it is written. */
export class MappedInput extends Lane implements InputLane {
  readonly #memory: DeviceMemory;

  constructor(mapped: QueueView, memory: DeviceMemory, firstPosition: number) {
    super(mapped, firstPosition);
    this.#memory = memory;
  }

  get needsDevice(): boolean {
    return this.isFull;
  }

  offer(payload: Uint8Array): boolean {
    if (this.isFull && !this.consume(this.view.head)) return false;
    this.view.write(this.position(this.accepted), payload);
    this.accepted++;
    this.payloadBytes += payload.length;
    this.attempted = this.published = this.accepted;
    this.batches++;
    this.view.tail = this.position(this.accepted);
    this.#memory.notify();
    return true;
  }

  settle(): Promise<void> {
    return Promise.resolve();
  }

  pump(): Promise<boolean> {
    try {
      return Promise.resolve(this.consume(this.view.head));
    } catch (failure) {
      return Promise.reject(failure);
    }
  }
}
