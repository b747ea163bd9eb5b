// Outbox: how a host's messages get into a kernel's queue, and what happens when that is full.

import { Failure } from "../base/mod.ts";
import { PRIORITY } from "../layout/mod.ts";
import type { Fields, InputOf, Message } from "../message/mod.ts";
import type { KeepAlive } from "../ring/mod.ts";
import { type Calls, cancelled } from "./calls.ts";
import type { CallOptions, SendOptions } from "./kernel-facts.ts";
import type { Launch } from "./options.ts";
import type { SendFacts, Sender } from "./sender.ts";
import type { CallWatch, Telemetry } from "./telemetry.ts";

const CALL_TIMEOUT_MS = 30_000;

export interface OutboxParts {
  readonly id: string;
  readonly launch: Launch;
  readonly sender: Sender;
  readonly calls: Calls;
  readonly keepAlive: KeepAlive;
  /** Monotonic milliseconds. */
  readonly nowMs: () => number;
  /** Unix milliseconds. */
  readonly wallMs: () => number;
  /** Looks at a call's slot before its caller yields to the event loop. */
  readonly callSpins: number;
  /** Lets a thread that shares ours work. */
  readonly poke: (() => void) | undefined;
  readonly telemetry: Telemetry;
  /** Fails unless the kernel takes messages. */
  readonly mustTake: () => void;
}

export class Outbox {
  /** Messages that were not sent because the queue was full. */
  dropped = 0;
  readonly #parts: OutboxParts;
  readonly #facts: SendFacts = { correlation: 0, deadline: 0, priority: PRIORITY.NORMAL, hops: 0 };
  #correlation = 0;
  #flushing = false;

  constructor(parts: OutboxParts) {
    this.#parts = parts;
  }

  /** See `KernelHandle.send`. */
  send<Of extends Fields>(
    message: Message<Of>,
    value: InputOf<Of>,
    options: SendOptions | undefined,
  ): boolean {
    this.#parts.mustTake();
    const { sender, telemetry } = this.#parts;
    const facts = this.#factsOf(options, 0);
    if (sender.send(message, value, facts, this.#mayGather) >= 0) {
      if (telemetry.isDebug) telemetry.sent(message, sender.number);
      this.#flushSoon();
      return true;
    }
    if (this.#parts.launch.whenFull === "fail") throw this.#full();
    this.dropped++;
    telemetry.dropped(message);
    return false;
  }

  /** See `KernelHandle.sendWaiting`. */
  async sendWaiting<Of extends Fields>(
    message: Message<Of>,
    value: InputOf<Of>,
    options: CallOptions,
  ): Promise<void> {
    const { sender, telemetry } = this.#parts;
    const sent = (): void => {
      if (telemetry.isDebug) telemetry.sent(message, sender.number);
    };
    if (!(await this.#sendWhenFree(message, value, options, 0, sent))) throw this.#full();
  }

  /** See `KernelHandle.call`. Not async itself: a promise less for each call. */
  call<Of extends Fields>(
    message: Message<Of>,
    value: InputOf<Of>,
    options?: CallOptions,
  ): Promise<unknown> {
    const signal = options?.signal;
    if (signal?.aborted === true) throw cancelled(this.#parts.id, signal.reason);
    this.#parts.mustTake();
    const { sender, poke, callSpins, calls, telemetry } = this.#parts;

    const isAlone = calls.pending === 0 && !this.#flushing; // Else the caller goes on before it awaits.
    const facts = this.#factsOf(options, this.#correlate());
    const watch = telemetry.watch(message);
    const slot = sender.send(message, value, facts, !isAlone && this.#mayGather);
    if (slot < 0) return this.#callWhenFree(message, value, options, facts.correlation, watch);
    watch?.sent(sender.number);
    this.#flushSoon();
    if (isAlone) {
      poke?.();
      for (let looks = callSpins; looks > 0; looks--)
        if (calls.isAnswered(slot)) return Promise.resolve(calls.take(slot, watch));
    }
    return this.#answerTo(slot, options, watch);
  }

  /** Waits for room and publishes. False: there was none in time. `sent` is called at once with the slot. */
  async #sendWhenFree<Of extends Fields>(
    message: Message<Of>,
    value: InputOf<Of>,
    options: CallOptions,
    correlation: number,
    sent: (slot: number) => void,
  ): Promise<boolean> {
    const { sender, keepAlive, nowMs } = this.#parts;
    const { done } = sender.queue.ring;
    const { timeoutMs = CALL_TIMEOUT_MS, signal } = options;
    const until = nowMs() + timeoutMs;
    const slots: number[] = [];
    const room = {
      holds: () => {
        if (signal?.aborted === true) throw cancelled(this.#parts.id, signal.reason);
        this.#parts.mustTake();
        const slot = sender.send(message, value, this.#factsOf(options, correlation));
        if (slot < 0) return false;
        slots.push(slot);
        sent(slot);
        return true;
      },
    };
    const wake = (): void => done.ring();
    signal?.addEventListener("abort", wake, { once: true });
    try {
      while (slots.length === 0 && nowMs() < until) {
        const left = Math.min(until - nowMs(), 2 ** 31 - 1);
        await done.waitAsync(room, left, keepAlive);
      }
    } finally {
      signal?.removeEventListener("abort", wake);
    }
    return slots.length > 0;
  }

  async #callWhenFree<Of extends Fields>(
    message: Message<Of>,
    value: InputOf<Of>,
    options: CallOptions = {},
    correlation: number,
    watch: CallWatch | undefined,
  ): Promise<unknown> {
    if (this.#parts.launch.whenFull !== "wait") throw this.#full();
    let answer: Promise<unknown> | undefined;
    const sent = (slot: number): void => {
      watch?.sent(this.#parts.sender.number);
      answer = this.#answerTo(slot, options, watch);
    };
    if (!(await this.#sendWhenFree(message, value, options, correlation, sent))) throw this.#full();
    return answer;
  }

  #answerTo(slot: number, options?: CallOptions, watch?: CallWatch): Promise<unknown> {
    const timeoutMs = options?.timeoutMs ?? CALL_TIMEOUT_MS;
    return this.#parts.calls.answerTo(slot, timeoutMs, options?.signal, watch);
  }

  #factsOf(options: SendOptions | undefined, correlation: number): SendFacts {
    const facts = this.#facts;
    facts.correlation = correlation;
    facts.deadline = 0;
    facts.priority = PRIORITY.NORMAL;
    if (options?.ttlMs !== undefined)
      facts.deadline = Math.trunc(this.#parts.wallMs() + options.ttlMs) | 0 || 1;
    if (options?.priority === undefined) return facts;
    if (!this.#parts.launch.priorities) throw noPriorities(this.#parts.id);
    facts.priority = PRIORITY[options.priority];
    return facts;
  }

  #correlate(): number {
    this.#correlation = (this.#correlation + 1) & 0x7fff_ffff || 1; // 0 is none, and negative is given up.
    return this.#correlation;
  }

  /** Whether sends may be shown together: nobody else publishes, and all go one way. */
  get #mayGather(): boolean {
    return !this.#parts.launch.priorities && this.#parts.poke === undefined;
  }

  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(() => {
      this.#flushing = false;
      this.#parts.sender.flush();
      this.#parts.poke?.();
    });
  }

  #full(): Failure {
    const { id, launch } = this.#parts;
    return new Failure("QUEUE_FULL", {
      at: `kernel ${id}`,
      found: `${launch.inputQueueCapacity} messages that wait, or no free block for a large one`,
      expected: "room for one more",
      fix: 'Send later, with `whenFull: "wait"`, or to more workers.',
    });
  }
}

function noPriorities(id: string): Failure {
  return new Failure("OPTION_UNSUPPORTED", {
    ...{
      at: `kernel ${id}`,
      found: "a message with a priority",
      expected: "a kernel with lanes for them",
    },
    fix: "Launch the kernel with `priorities: true`.",
  });
}
