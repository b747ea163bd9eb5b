// Received: the messages that a kernel has emitted, as its host takes them.

import { Failure } from "../base/mod.ts";
import type { Fields, Message, ValueOf } from "../message/mod.ts";
import type { KeepAlive } from "../ring/mod.ts";
import { type MessageQueue, type Payload, WORD } from "./message-queue.ts";
import type { Telemetry } from "./telemetry.ts";

/** The host's name as owner of slots in output queues. */
const HOST = 1;
const BATCH = 64;

export interface Emission {
  readonly message: Message;
  readonly value: Readonly<Record<string, unknown>>;
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
  /** Messages taken, and those whose type nobody declared. */
  count = 0;
  unknown = 0;
  readonly #options: ReceivedOptions;
  readonly #claimed = new Int32Array(BATCH);
  readonly #payload: Payload;
  readonly #waiting: Emission[] = [];

  constructor(options: ReceivedOptions) {
    this.#options = options;
    this.#payload = { views: options.queue.views, at: 0, bytes: 0 };
  }

  /** Messages taken from the queue that nobody has asked for yet. */
  get kept(): number {
    return this.#waiting.length;
  }

  /** The oldest message, or the oldest of `type`; undefined when there is none. */
  take(type?: Message): Emission | undefined {
    for (let from = 0; ;) {
      for (; from < this.#waiting.length; from++)
        if (type === undefined || this.#waiting[from]!.message.id === type.id)
          return this.#waiting.splice(from, 1)[0];
      if (from > this.#options.queue.ring.geometry.slots || this.#fetch() === 0) return undefined;
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
    const until = nowMs() + timeoutMs;
    let taken: Emission | undefined;
    const moved = {
      holds: () => (taken = this.take(type)) !== undefined || isOver() || signal?.aborted === true,
    };
    const wake = (): void => queue.ring.work.ring();
    signal?.addEventListener("abort", wake, { once: true });
    try {
      for (;;) {
        const left = Math.min(until - nowMs(), 2 ** 31 - 1);
        await queue.ring.work.waitAsync(moved, Math.max(0, left), keepAlive);
        if (taken !== undefined) return taken;
        signal?.throwIfAborted();
        if (isOver()) throw over(kernel);
        if (nowMs() >= until) throw late(kernel, timeoutMs);
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
      this.count++;
      if (telemetry?.isDebug === true) telemetry.received(type, numberAt(queue.words, word));
      this.#waiting.push({
        message: type,
        value: type.read(payload.views, payload.at) as Emission["value"],
      });
    }
    if (isFound) queue.free(payload);
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
