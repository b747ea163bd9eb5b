// Received: the messages that a kernel has emitted, as its host takes them.
//
// Who asks for one type passes over the others, which are kept until somebody asks for them. Of a type that
// nobody asks for the newest are kept, as many as the queue has slots or KEPT_MAX; the others are counted.

import { Failure } from "../base/mod.ts";
import type { Fields, Message, ValueOf } from "../message/mod.ts";
import type { KeepAlive } from "../ring/mod.ts";
import { type MessageQueue, type Payload, WORD } from "./message-queue.ts";
import type { Telemetry } from "./telemetry.ts";
import { noTime } from "./unsupported.ts";

/** The host's name as owner of slots in output queues. */
const HOST = 1;
const BATCH = 64;
/** Messages of a type that are kept, where the queue has fewer slots. */
const KEPT_MAX = 1024;
/** Waits for its time. */
const NEVER = { holds: () => false };

export interface Emission {
  readonly message: Message;
  readonly value: Readonly<Record<string, unknown>>;
}

/** `number`: the emission's own, which tells what came first. */
interface Kept extends Emission {
  readonly number: number;
}

export interface ReceivedOptions {
  readonly kernel: string;
  readonly queue: MessageQueue;
  readonly types: ReadonlyMap<number, Message>;
  readonly keepAlive: KeepAlive;
  readonly nowMs: () => number;
  /** Whether the kernel has ended, so that nothing more comes. */
  readonly isOver: () => boolean;
  /** Is told of every message where somebody debugs. */
  readonly telemetry?: Telemetry;
}

export class Received {
  /** Messages taken out of the queue. */
  count = 0;
  /** Of what was in the queue: no whole message of a type that the kernel declares. */
  unknown = 0;
  /** Of those taken: let go because nobody asked for their type. */
  overflowed = 0;
  readonly #options: ReceivedOptions;
  readonly #claimed: Int32Array;
  readonly #payload: Payload;
  /** By type, oldest first. */
  readonly #kept = new Map<number, Kept[]>();
  readonly #keptMax: number;
  /** There may be more in the queue than the last `take` looked at. */
  #hasMore = false;

  constructor(options: ReceivedOptions) {
    const { queue } = options;
    this.#options = options;
    this.#claimed = new Int32Array(Math.min(BATCH, queue.ring.geometry.slots));
    this.#payload = queue.payload();
    this.#keptMax = Math.max(KEPT_MAX, queue.ring.geometry.slots);
  }

  /** Messages taken from the queue that nobody has asked for yet. */
  get kept(): number {
    return this.#kept.values().reduce((sum, { length }) => sum + length, 0);
  }

  /**
   * The oldest message, or the oldest of `type`; undefined when there is none. It looks at as many messages
   * as the queue holds, so that a kernel that never stops emitting does not hold this thread.
   */
  take(type?: Message): Emission | undefined {
    const { slots } = this.#options.queue.ring.geometry;
    for (let looked = 0; ;) {
      const taken = this.#shift(type);
      if (taken !== undefined) return taken;
      this.#hasMore = looked >= slots;
      const fetched = this.#hasMore ? 0 : this.#fetch();
      if (fetched === 0) return undefined;
      looked += fetched;
    }
  }

  /**
   * As `take`, waiting up to `timeoutMs`. Fails with CALL_TIMEOUT, or with KERNEL_TERMINATED at once when
   * the kernel has ended and nothing is left.
   */
  async wait(
    type: Message | undefined,
    timeoutMs: number,
    signal?: AbortSignal,
  ): Promise<Emission> {
    const { queue, keepAlive, nowMs, isOver, kernel } = this.#options;
    if (Number.isNaN(timeoutMs)) throw noTime();
    const until = nowMs() + timeoutMs;
    let taken: Emission | undefined;
    const look = (): boolean => (taken = this.take(type)) !== undefined || this.#hasMore;
    const moved = { holds: () => look() || isOver() || signal?.aborted === true };
    const wake = (): void => queue.ring.work.ring();
    signal?.addEventListener("abort", wake, { once: true });
    try {
      for (;;) {
        const left = Math.min(until - nowMs(), 2 ** 31 - 1);
        await queue.ring.work.waitAsync(moved, Math.max(0, left), keepAlive);
        if (taken !== undefined) return taken;
        signal?.throwIfAborted();
        if (isOver() && !this.#hasMore) throw over(kernel);
        if (nowMs() >= until) throw late(kernel, timeoutMs);
        if (this.#hasMore) await queue.ring.work.waitAsync(NEVER, 1, keepAlive);
      }
    } finally {
      signal?.removeEventListener("abort", wake);
    }
  }

  /** Wakes whoever waits: the kernel has ended. */
  wake(): void {
    this.#options.queue.ring.work.ring();
  }

  /** Takes all that is there out of the queue. */
  fetchAll(): void {
    while (this.#fetch() > 0);
  }

  #fetch(): number {
    const { ring } = this.#options.queue;
    const count = ring.claim(HOST, this.#claimed);
    for (let i = 0; i < count; i++) this.#keep(this.#claimed[i]!);
    ring.completeAll(this.#claimed, 0, count);
    return count;
  }

  #keep(slot: number): void {
    const { queue, types, telemetry } = this.#options;
    const payload = this.#payload;
    const word = queue.ring.at(slot);
    const type = types.get(queue.words[word + WORD.type]! >>> 0);
    const isFound = queue.find(slot, payload);
    if (type === undefined || !isFound || !type.fits(payload.views, payload.at, payload.bytes))
      this.unknown++;
    else {
      const value = type.read(payload.views, payload.at) as Emission["value"];
      const kept = this.#keptOf(type.id);
      kept.push({ message: type, value, number: this.count++ });
      if (kept.length > this.#keptMax) {
        kept.shift();
        this.overflowed++;
      }
      if (telemetry?.isDebug === true) telemetry.received(type, numberAt(queue.words, word));
    }
    queue.freeOf(slot);
  }

  #keptOf(type: number): Kept[] {
    let kept = this.#kept.get(type);
    if (kept === undefined) this.#kept.set(type, (kept = []));
    return kept;
  }

  #shift(type: Message | undefined): Emission | undefined {
    if (type !== undefined) return this.#kept.get(type.id)?.shift();
    let oldest: Kept[] | undefined;
    for (const kept of this.#kept.values())
      if (kept.length > 0 && (oldest === undefined || kept[0]!.number < oldest[0]!.number))
        oldest = kept;
    return oldest?.shift();
  }
}

/** A message's number among its sender's. */
function numberAt(words: Int32Array, word: number): number {
  const [high, low] = [words[word + WORD.id_high]!, words[word + WORD.id_low]!];
  return (high >>> 0) * 2 ** 32 + (low >>> 0);
}

/** The value of an emission, as its message says. */
export function valueOf<Of extends Fields>({ value }: Emission): ValueOf<Of> {
  return value as ValueOf<Of>;
}

function over(kernel: string): Failure {
  const fix = "Launch it again: its id is free.";
  return new Failure("KERNEL_TERMINATED", {
    at: `kernel ${kernel}`,
    found: "an empty queue",
    expected: "a message",
    fix,
  });
}

function late(kernel: string, timeoutMs: number): Failure {
  const found = `no message in ${timeoutMs} ms`;
  const fix = "Give more time, or find out why the kernel emits nothing.";
  return new Failure("CALL_TIMEOUT", { at: `kernel ${kernel}`, found, expected: "a message", fix });
}
