// Calls: the answers that a host waits for from one kernel.
//
// A caller waits in three steps: it looks for some microseconds, then in every turn of the event loop, and
// after a while it sleeps until the kernel's done bell rings. A waiter is there before its message is.

import type { Failure } from "../base/mod.ts";
import { FAULT_CODE_ARG, MESSAGE_OPCODES, SLOT, SLOT_STATUS } from "../layout/mod.ts";
import type { Message } from "../message/mod.ts";
import type { KeepAlive } from "../ring/mod.ts";
import { cancelled, failureOf, unanswered } from "./faults.ts";
import { type MessageQueue, type Payload, WORD } from "./message-queue.ts";
import type { CallWatch, Telemetry } from "./telemetry.ts";

const { DONE, FAULT } = SLOT_STATUS;
const OPCODE = SLOT.fields.opcode.at / 4;
const CODE = SLOT.fields.args.at / 4 + FAULT_CODE_ARG;
/** How long a call waits where its caller does not say. */
export const CALL_TIMEOUT_MS = 30_000;
/** Turns of the event loop without an answer before the host sleeps. */
const TURNS_AWAKE = 100;
const decoder = new TextDecoder();

export interface CallsOptions {
  readonly kernel: string;
  readonly queue: MessageQueue;
  /** Replies by their type. */
  readonly replies: ReadonlyMap<number, Message>;
  readonly keepAlive: KeepAlive;
  /** Lets the event loop have a turn. */
  readonly pause: () => Promise<void>;
  /**
   * The same, for about a millisecond: how a thread waits that may be killed. Left out: the caller sleeps until
   * an answer comes. V8 may crash the process when a thread is killed while it waits by `Atomics.waitAsync`.
   */
  readonly nap?: (() => Promise<void>) | undefined;
  /** Monotonic milliseconds. */
  readonly nowMs: () => number;
  /** Answers come in the order of the calls. */
  readonly inOrder: boolean;
  /** Is told of calls that fail. */
  readonly telemetry?: Telemetry;
}

interface Waiting {
  readonly slot: number;
  readonly resolve: (value: unknown) => void;
  readonly reject: (failure: Failure) => void;
  readonly untilMs: number;
  readonly watch: CallWatch | undefined;
  /** Nobody waits any more; its slot is freed when the answer comes. */
  abandoned: boolean;
  /** Stops listening to the caller's signal. */
  forget: (() => void) | undefined;
}

export class Calls {
  /** Replies and faults that came; of both, those whose caller had given up. */
  answered = 0;
  failed = 0;
  late = 0;
  timedOut = 0;
  readonly #options: CallsOptions;
  readonly #payload: Payload;
  #waiting: Waiting[] = [];
  /** The first that was not settled. */
  #from = 0;
  #isWatching = false;
  #settlements = 0;
  #lastType = 0;
  #lastReply: Message | undefined;
  #soonestMs = Infinity;
  /** Of the last turn of the event loop; 0 is unknown. */
  #nowMs = 0;
  /** A call has less time than what the watch sleeps for. */
  #isSooner = false;
  readonly #moved = { holds: () => this.poll() > 0 || this.pending === 0 || this.#isSooner };

  constructor(options: CallsOptions) {
    this.#options = options;
    this.#payload = options.queue.payload();
  }

  /** Slots whose answers have not come, abandoned ones too. */
  get pending(): number {
    return this.#waiting.length - this.#from;
  }

  /** Whether a slot is answered. The caller looks before it waits. */
  isAnswered(slot: number): boolean {
    return isOver(this.#options.queue.ring.status(slot));
  }

  /** Looks up to so many times for a slot's answer: at the slot itself once any was settled since the last time. */
  looksFor(slot: number, looks: number): boolean {
    const { ring } = this.#options.queue;
    let left = looks;
    while (left > 0 && ring.settlements === this.#settlements) left--;
    while (left > 0 && !this.isAnswered(slot)) left--;
    this.#settlements = ring.settlements;
    return left > 0;
  }

  /** Reads an answer and frees its slot. Fails with what became of the message. */
  take(slot: number, watch?: CallWatch): unknown {
    const { queue, kernel, telemetry } = this.#options;
    const { ring, words } = queue;
    const payload = this.#payload;
    const word = ring.at(slot);
    const isFault = words[word] === FAULT; // It was seen to be answered.
    const reply = this.#replyOf(words[word + WORD.type]!);
    const isFound = queue.find(slot, payload);
    const opcode = words[word + OPCODE];
    const isText = opcode === MESSAGE_OPCODES.ERROR; // Else the request may still be there.
    if (isFault) this.failed++;
    else this.answered++;
    try {
      if (isFault) {
        const failure = failureOf(
          kernel,
          words[word + CODE]!,
          isFound && isText ? textOf(payload) : "",
        );
        watch?.ended(failure);
        if (words[word + WORD.correlation] !== ABANDONED)
          telemetry?.failed(words[word + WORD.type]! >>> 0, failure);
        throw failure;
      }
      watch?.ended(undefined);
      if (opcode !== MESSAGE_OPCODES.REPLY || !isFound || reply === undefined) return undefined;
      if (!reply.fits(payload.views, payload.at, payload.bytes)) return undefined;
      return reply.read(payload.views, payload.at);
    } finally {
      queue.freeOf(slot);
      ring.releaseOwn(slot);
    }
  }

  /** Waits for the answer in a slot. The time begins with the last turn of the event loop. */
  answerTo(
    slot: number,
    timeoutMs: number,
    signal?: AbortSignal,
    watch?: CallWatch,
  ): Promise<unknown> {
    if (this.#nowMs === 0) this.#nowMs = this.#options.nowMs();
    const untilMs = this.#nowMs + timeoutMs;
    if (untilMs < this.#soonestMs) {
      this.#soonestMs = untilMs;
      this.#isSooner = true;
      if (this.#isWatching) this.#options.queue.ring.done.ring(); // It may sleep for too long.
    }
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        slot,
        resolve,
        reject,
        untilMs,
        watch,
        abandoned: false,
        forget: undefined,
      };
      this.#waiting.push(waiting);
      if (signal !== undefined) this.#obey(signal, waiting);
      if (!this.#isWatching) void this.#watchAll();
    });
  }

  /** Settles what was answered, and says how many. */
  poll(): number {
    const waiting = this.#waiting;
    const settled = this.#options.inOrder ? this.#pollRun() : this.#pollAll();
    if (this.#from === waiting.length || this.#from > 4096) {
      waiting.splice(0, this.#from);
      this.#from = 0;
    }
    return settled;
  }

  /**
   * Answers come in the order of the calls: plain looks find up to where, and one atomic look at the last
   * makes all of them seen.
   */
  #pollRun(): number {
    const { ring, words } = this.#options.queue;
    const waiting = this.#waiting;
    let end = this.#from;
    while (end < waiting.length && isOver(words[ring.at(waiting[end]!.slot)]!)) end++;
    const settled = end - this.#from;
    if (settled === 0 || !this.isAnswered(waiting[end - 1]!.slot)) return 0;
    while (this.#from < end) this.#settle(waiting[this.#from++]!);
    return settled;
  }

  #pollAll(): number {
    const waiting = this.#waiting;
    let settled = 0;
    for (let i = this.#from; i < waiting.length; i++) {
      const one = waiting[i]!;
      if (!this.isAnswered(one.slot)) continue;
      this.#settle(one);
      if (i > this.#from) waiting[i] = waiting[this.#from]!;
      this.#from++;
      settled++;
    }
    return settled;
  }

  #replyOf(type: number): Message | undefined {
    if (type !== this.#lastType) {
      this.#lastType = type;
      this.#lastReply = this.#options.replies.get(type >>> 0);
    }
    return this.#lastReply;
  }

  #settle(one: Waiting): void {
    one.forget?.();
    if (one.abandoned) this.late++;
    try {
      one.resolve(this.take(one.slot, one.watch)); // Which does nothing where the caller gave up.
    } catch (error) {
      one.reject(error as Failure);
    }
  }

  #obey(signal: AbortSignal, waiting: Waiting): void {
    const abort = (): void => this.#giveUp(waiting, cancelled(this.#options.kernel, signal.reason));
    if (signal.aborted) abort();
    else {
      signal.addEventListener("abort", abort, { once: true });
      waiting.forget = () => signal.removeEventListener("abort", abort);
    }
  }

  #giveUp(waiting: Waiting, why: Failure): void {
    if (waiting.abandoned) return;
    waiting.abandoned = true;
    const { queue, telemetry } = this.#options;
    const word = queue.ring.at(waiting.slot);
    queue.words[word + WORD.correlation] = ABANDONED; // No handler need start it.
    waiting.watch?.gaveUp(why);
    telemetry?.failed(queue.words[word + WORD.type]! >>> 0, why);
    waiting.reject(why);
  }

  async #watchAll(): Promise<void> {
    const { queue, keepAlive, pause, nap, nowMs } = this.#options;
    this.#isWatching = true;
    let still = 0;
    while (this.pending > 0) {
      if (this.poll() > 0) still = 0;
      if (this.pending === 0) break;
      this.#nowMs = nowMs();
      this.#isSooner = false;
      if (this.#nowMs >= this.#soonestMs) this.#expire(this.#nowMs);
      if (still++ < TURNS_AWAKE) await pause();
      else if (nap !== undefined) await nap();
      else await queue.ring.done.waitAsync(this.#moved, this.#sleepMs(this.#nowMs), keepAlive);
    }
    this.#isWatching = false;
    this.#nowMs = 0;
  }

  #sleepMs(nowMs: number): number {
    return Math.max(1, Math.min(this.#soonestMs - nowMs, 2 ** 31 - 1));
  }

  #expire(nowMs: number): void {
    this.#soonestMs = Infinity;
    for (let i = this.#from; i < this.#waiting.length; i++) {
      const one = this.#waiting[i]!;
      if (one.abandoned) continue;
      if (one.untilMs > nowMs) this.#soonestMs = Math.min(this.#soonestMs, one.untilMs);
      else {
        this.timedOut++;
        this.#giveUp(one, unanswered(this.#options.kernel));
      }
    }
  }
}

/** In place of a correlation: the caller has given up. */
export const ABANDONED = 0xffff_ffff | 0;

function isOver(status: number): boolean {
  return status === DONE || status === FAULT;
}

function textOf({ views, at, bytes }: Payload): string {
  return decoder.decode(views.u8.slice(at, at + bytes));
}
