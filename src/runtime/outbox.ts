// Outbox: how a host's messages get into a kernel's queue, and what happens when they find no room.
//
//   fail          the send fails
//   wait          it waits on the host, behind those before it; it fails when as many wait as the queue has slots
//   drop-newest   it is dropped
//   drop-oldest   it waits, and when as many wait as the queue has slots, the oldest of them is dropped
//   dead-letter   it goes to the runtime's dead letters

import { Failure } from "../base/mod.ts";
import { PRIORITY } from "../layout/mod.ts";
import { RawMessage, Views, type Writable } from "../message/mod.ts";
import type { KeepAlive } from "../ring/mod.ts";
import type { Admission, Refusal } from "./admission.ts";
import { Backlog, type Waiting } from "./backlog.ts";
import { CALL_TIMEOUT_MS } from "./calls.ts";
import type { DeadReason } from "./dead-letters.ts";
import type { Doors } from "./doors.ts";
import { cancelled } from "./faults.ts";
import type { CallOptions, SendOptions } from "./kernel-facts.ts";
import type { Launch } from "./options.ts";
import { Patience } from "./patience.ts";
import { noTime, unsupported } from "./unsupported.ts";
import { PLAIN_SEND, type SendFacts } from "./sender.ts";
import type { CallWatch, Telemetry } from "./telemetry.ts";

/** A deadline is a time modulo 2^32 ms: one of more than 24 days would seem to have passed. */
const TTL_MAX_MS = 2 ** 30;
const NOW = Promise.resolve();

export interface OutboxParts {
  readonly id: string;
  readonly launch: Launch;
  readonly doors: Doors;
  /** What messages pass before they take room; undefined: nothing was asked for. */
  readonly admission: Admission | undefined;
  /** Keeps a message that found no room. */
  readonly bury: (type: number, payload: Uint8Array, reason: DeadReason, attempts: number) => void;
  readonly keepAlive: KeepAlive;
  /** Monotonic milliseconds. */
  readonly nowMs: () => number;
  /** Unix milliseconds. */
  readonly wallMs: () => number;
  /** The most looks at a call's slot before its caller yields to the event loop. */
  readonly callSpins: number;
  /** Lets a thread that shares ours work. */
  readonly poke: (() => void) | undefined;
  readonly telemetry: Telemetry;
  /** Fails unless the kernel takes messages. */
  readonly mustTake: () => void;
}

/** A message that was not sent: why. */
type Why = "room" | Refusal;

export class Outbox {
  /** Messages that were not sent because there was no room. */
  dropped = 0;
  readonly #parts: OutboxParts;
  /** Made when the first message waits: most kernels never have one. */
  #backlog: Backlog | undefined;
  readonly #facts: SendFacts = { ...PLAIN_SEND };
  readonly #patience: Patience;
  /** Whether sends may be shown together: nobody else publishes, and all go one way. */
  readonly #mayGather: boolean;
  #why: Why = "room";
  #correlation = 0;
  #flushing = false;
  readonly #flush = (): void => {
    this.#flushing = false;
    this.#parts.doors.flush();
    this.#parts.poke?.();
  };

  constructor(parts: OutboxParts) {
    this.#parts = parts;
    this.#patience = new Patience(parts.callSpins);
    this.#mayGather = !parts.launch.priorities && parts.poke === undefined;
  }

  /** Messages that wait on the host. */
  get waiting(): number {
    return this.#backlog?.size ?? 0;
  }

  /** See `KernelHandle.send`. */
  send<Value>(message: Writable<Value>, value: Value, options: SendOptions | undefined): boolean {
    this.#parts.mustTake();
    const facts = this.#factsOf(options, 0);
    const queue = this.#parts.doors.pick(options?.key, options?.level);
    if (this.waiting > 0) this.#why = "room";
    else if (this.#publish(message, value, facts, queue, this.#mayGather) >= 0) {
      this.#tell(message);
      this.#flushSoon();
      return true;
    }
    if (this.#why === "duplicate") return false;
    return this.#overflow(message, value, facts, queue);
  }

  /** Sends a dead letter once more. False: something keeps it, whatever the policy. */
  resend(type: number, payload: Uint8Array, attempts: number): boolean {
    if (this.waiting > 0) return false;
    const facts = { ...PLAIN_SEND, attempts };
    const queue = this.#parts.doors.pick();
    const isSent = this.#publish(new RawMessage(type), payload, facts, queue, false) >= 0;
    if (isSent) this.#parts.poke?.();
    return isSent;
  }

  /** See `KernelHandle.sendWaiting`. */
  sendWaiting<Value>(message: Writable<Value>, value: Value, options: CallOptions): Promise<void> {
    const facts = { ...this.#factsOf(options, 0) };
    const queue = this.#parts.doors.pick(options.key, options.level);
    return this.#whenFree(options, () => {
      const slot = this.#publish(message, value, facts, queue, false);
      if (slot < 0) return this.#why === "duplicate" ? Promise.resolve() : undefined;
      this.#tell(message);
      return Promise.resolve();
    });
  }

  /** See `KernelHandle.call`. Not async itself: a promise less for each call. */
  call<Value>(message: Writable<Value>, value: Value, options?: CallOptions): Promise<unknown> {
    const { poke, id, mustTake, telemetry, doors } = this.#parts;
    if (options?.signal?.aborted === true) throw cancelled(id, options.signal.reason);
    if (Number.isNaN(options?.timeoutMs)) throw noTime();
    mustTake();
    const facts = this.#factsOf(options, this.#correlate());
    const queue = doors.pick(options?.key, options?.level);
    const watch = telemetry.watch(message);
    if (this.waiting > 0) {
      this.#why = "room";
      return this.#callWhenFree(message, value, options, facts, queue, watch);
    }
    const isAlone = doors.pending === 0 && !this.#flushing; // Else the caller goes on before it awaits.
    const slot = this.#publish(message, value, facts, queue, !isAlone && this.#mayGather);
    if (slot < 0) return this.#callWhenFree(message, value, options, facts, queue, watch);
    const { calls, sender } = doors.last;
    watch?.sent(sender.number);
    this.#flushSoon();
    if (isAlone) {
      poke?.();
      // A thread that shares ours has done what it can: one look says whether that was all.
      const looks = Math.min(this.#patience.looks, poke === undefined ? Infinity : 1);
      const isAnswered = calls.looksFor(slot, looks);
      this.#patience.heard(isAnswered);
      if (isAnswered) return Promise.resolve(calls.take(slot, watch));
    }
    return this.#answerTo(slot, options, watch);
  }

  /** What waits on the host is not sent any more. Says how many messages that are. */
  refuseAll(failure: Failure): number {
    return this.#backlog?.refuseAll(failure) ?? 0;
  }

  /** Publishes a message, or returns -1: `#why` says what keeps it. */
  #publish<Value>(
    message: Writable<Value>,
    value: Value,
    facts: SendFacts,
    queue: number,
    gather: boolean,
  ): number {
    const { admission, doors } = this.#parts;
    const refusal = admission?.refusal(facts.idHigh, facts.idLow);
    if (refusal !== undefined) {
      this.#why = refusal;
      return -1;
    }
    const slot = doors.send(message, value, facts, queue, gather);
    if (slot < 0) this.#why = "room";
    else admission?.sent(facts.idHigh, facts.idLow);
    return slot;
  }

  /** A message that found no room: as the launch says. False: it was dropped. */
  #overflow<Value>(
    message: Writable<Value>,
    value: Value,
    facts: SendFacts,
    queue: number,
  ): boolean {
    const { launch, bury } = this.#parts;
    const isCrowded = this.waiting >= launch.inputQueueCapacity;
    switch (launch.whenFull) {
      case "fail":
        throw this.#refused();
      case "wait":
        if (isCrowded) throw this.#refused();
        break;
      case "drop-oldest":
        if (isCrowded) this.#backlog?.dropOldest(dropped(this.#parts.id));
        break;
      case "dead-letter":
        bury(message.id, copyOf(message, value), "queue-full", facts.attempts);
        return this.#dropped(message);
      case "drop-newest":
        return this.#dropped(message);
    }
    this.#wait(this.#later(message, value, facts, queue));
    return true;
  }

  #wait(one: Waiting): void {
    const { doors, keepAlive, nowMs, admission } = this.#parts;
    this.#backlog ??= new Backlog({
      ...{ done: doors.last.sender.queue.ring.done, keepAlive, nowMs },
      waitMs: () => (doors.all.length > 1 ? 1 : (admission?.waitMs ?? 0)), // Other queues ring elsewhere.
      late: () => this.#refused(),
    });
    this.#backlog.push(one);
  }

  /** A message was sent that nobody waits for. */
  #tell(message: { readonly id: number }): void {
    const { telemetry, doors } = this.#parts;
    if (telemetry.isDebug) telemetry.sent(message, doors.last.sender.number);
  }

  #dropped(message: { readonly id: number }): false {
    this.dropped++;
    this.#parts.telemetry.dropped(message);
    return false;
  }

  /** A copy of a message that waits: its sender may change the value. */
  #later<Value>(message: Writable<Value>, value: Value, facts: SendFacts, queue: number): Waiting {
    const { bury } = this.#parts;
    const raw = new RawMessage(message.id);
    const bytes = copyOf(message, value);
    const own = { ...facts };
    return {
      send: () => {
        if (this.#publish(raw, bytes, own, queue, false) < 0) return this.#why === "duplicate";
        this.#tell(raw);
        return true;
      },
      refuse: ({ code }) => {
        bury(raw.id, bytes, code === "QUEUE_FULL" ? "queue-full" : "terminated", own.attempts);
        this.#dropped(raw);
      },
      untilMs: Infinity,
    };
  }

  #callWhenFree<Value>(
    message: Writable<Value>,
    value: Value,
    options: CallOptions = {},
    facts: SendFacts,
    queue: number,
    watch: CallWatch | undefined,
  ): Promise<unknown> {
    const { launch, nowMs } = this.#parts;
    const { whenFull } = launch;
    const untilMs = nowMs() + (options.timeoutMs ?? CALL_TIMEOUT_MS);
    const mayWait = whenFull === "wait" || whenFull === "drop-oldest";
    if (this.#why === "duplicate" || !mayWait) throw this.#refused();
    const own = { ...facts };
    return this.#whenFree(options, () => {
      const slot = this.#publish(message, value, own, queue, false);
      if (slot >= 0) {
        watch?.sent(this.#parts.doors.last.sender.number);
        return this.#answerTo(slot, { ...options, timeoutMs: untilMs - nowMs() }, watch);
      }
      if (this.#why === "duplicate") throw this.#refused();
      return undefined;
    });
  }

  /** Waits until `attempt` gives something, behind those that wait already. */
  #whenFree<Result>(
    { timeoutMs = CALL_TIMEOUT_MS, signal }: CallOptions,
    attempt: () => Promise<Result> | undefined,
  ): Promise<Result> {
    const { id, mustTake, nowMs } = this.#parts;
    if (Number.isNaN(timeoutMs)) throw noTime();
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    if (signal?.aborted === true) throw cancelled(id, signal.reason);
    const abort = (): void => this.#backlog?.drop(waiting, cancelled(id, signal?.reason));
    const waiting: Waiting = {
      send: () => {
        mustTake();
        const result = attempt();
        if (result === undefined) return false;
        signal?.removeEventListener("abort", abort);
        resolve(result);
        return true;
      },
      refuse: (failure) => {
        signal?.removeEventListener("abort", abort);
        reject(failure);
      },
      untilMs: nowMs() + timeoutMs,
    };
    signal?.addEventListener("abort", abort, { once: true });
    this.#wait(waiting);
    return promise;
  }

  #answerTo(slot: number, options?: CallOptions, watch?: CallWatch): Promise<unknown> {
    const timeoutMs = options?.timeoutMs ?? CALL_TIMEOUT_MS;
    return this.#parts.doors.last.calls.answerTo(slot, timeoutMs, options?.signal, watch);
  }

  #factsOf(options: SendOptions | undefined, correlation: number): SendFacts {
    const facts = this.#facts;
    facts.correlation = correlation;
    facts.deadline = 0;
    facts.priority = PRIORITY.NORMAL;
    facts.idLow = facts.idHigh = 0;
    if (options === undefined) return facts;
    const { ttlMs, priority, messageId } = options;
    if (ttlMs !== undefined) {
      if (Number.isNaN(ttlMs)) throw unsupported("ttlMs", "NaN", "milliseconds");
      const ms = Math.max(-TTL_MAX_MS, Math.min(ttlMs, TTL_MAX_MS));
      facts.deadline = Math.trunc(this.#parts.wallMs() + ms) | 0 || 1;
    }
    if (messageId !== undefined) {
      if (typeof messageId !== "bigint")
        throw unsupported("messageId", typeof messageId, "a bigint of 64 bits");
      facts.idLow = Number(BigInt.asIntN(32, messageId));
      facts.idHigh = Number(BigInt.asIntN(32, messageId >> 32n));
    }
    if (priority === undefined) return facts;
    if (!this.#parts.launch.priorities) throw noPriorities(this.#parts.id);
    if (!Object.hasOwn(PRIORITY, priority))
      throw unsupported("priority", String(priority), Object.keys(PRIORITY).join(", "));
    facts.priority = PRIORITY[priority];
    return facts;
  }

  #correlate(): number {
    this.#correlation = (this.#correlation + 1) & 0x7fff_ffff || 1; // 0 is none, and negative is given up.
    return this.#correlation;
  }

  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    void NOW.then(this.#flush); // As queueMicrotask, which takes longer: it keeps track of who asked.
  }

  #refused(): Failure {
    const { id, launch, admission } = this.#parts;
    const at = `kernel ${id}`;
    switch (this.#why) {
      case "duplicate":
        return new Failure("MESSAGE_DUPLICATE", {
          ...{ at, found: "a message whose id was sent before", expected: "an id of its own" },
          fix: "Nothing, if it is a repetition; else give it another `messageId`.",
        });
      case "rate":
        return new Failure("RATE_LIMITED", {
          ...{ at, found: "more messages than the rate lets through", expected: "fewer" },
          fix: `Send again in ${admission!.waitMs} ms, or launch with \`whenFull: "wait"\`.`,
        });
      case "credits":
        return new Failure("QUEUE_FULL", {
          ...{ at, found: "no credit: the kernel has too many messages in hand" },
          ...{
            expected: "one credit",
            fix: "Send when it has ended some, or with more `credits`.",
          },
        });
      case "room":
        return this.#parts.doors.last.sender.missing === "slot"
          ? new Failure("QUEUE_FULL", {
              ...{ at, found: `${launch.inputQueueCapacity} messages, in every slot` },
              ...{ expected: "room for one more" },
              fix: 'Send later, with `whenFull: "wait"`, or to more workers.',
            })
          : new Failure("QUEUE_FULL", {
              ...{ at, found: "no free block for a payload larger than a cell" },
              ...{ expected: "one of the runtime's `payloadBlocks`" },
              fix: "Send later, or create the runtime with more blocks, or launch with larger `cellBytes`.",
            });
    }
  }
}

/** A message's payload as bytes that are nobody else's. */
function copyOf<Value>(message: Writable<Value>, value: Value): Uint8Array {
  const bytes = message.bytesOf(value);
  const views = new Views(new SharedArrayBuffer(Math.ceil(bytes / 8) * 8 || 8));
  return views.u8.slice(0, message.write(views, 0, value));
}

function dropped(id: string): Failure {
  return new Failure("QUEUE_FULL", {
    ...{ at: `kernel ${id}`, found: "newer messages for which this one had to make room" },
    ...{ expected: "room", fix: "Send less, or launch with a larger queue or another `whenFull`." },
  });
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
