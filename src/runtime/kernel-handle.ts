// Kernel handle: a launched kernel as its host holds it.

import { Failure } from "../base/mod.ts";
import { MESSAGE_FAULTS, PRIORITY, type Priority, SLOT_STATUS } from "../layout/mod.ts";
import type { Fields, Handler, InputOf, Message, ValueOf } from "../message/mod.ts";
import { type KeepAlive, sweep } from "../ring/mod.ts";
import { Calls } from "./calls.ts";
import type { KernelDefinition } from "./define-kernel.ts";
import type { KernelBlock } from "./kernel-block.ts";
import type { KernelState, Lifecycle } from "./lifecycle.ts";
import { type MessageQueue, type Payload, WORD } from "./message-queue.ts";
import type { Launch } from "./options.ts";
import { Received } from "./received.ts";
import { type SendFacts, type Sender } from "./sender.ts";

/** What a kernel answers a message with, as its definition says. */
export type ReplyOf<Kernel, Of extends Fields> = Kernel extends {
  readonly on: readonly (infer One)[];
}
  ? One extends Handler<Of, infer Reply>
    ? ValueOf<Reply>
    : never
  : never;

export interface SendOptions {
  /** Needs a kernel that was launched with `priorities`. */
  readonly priority?: Priority;
  /** The message is worth nothing after this many milliseconds. */
  readonly ttlMs?: number;
}

export interface CallOptions extends SendOptions {
  /** 30,000. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export interface KernelStatus {
  readonly id: string;
  readonly state: KernelState;
  readonly mode: "persistent" | "event-driven";
  readonly inputQueueDepth: number;
  readonly outputQueueDepth: number;
  readonly messagesProcessed: number;
  readonly uptimeMs: number;
}

export interface KernelMetrics extends KernelStatus {
  readonly sent: number;
  readonly queueFull: number;
  readonly dropped: number;
  readonly failed: number;
  /** Messages that its threads have claimed and not ended. */
  readonly inHand: number;
  readonly expired: number;
  readonly malformed: number;
  readonly skewed: number;
  readonly emitted: number;
  readonly emitFull: number;
  readonly received: number;
  readonly answered: number;
  readonly timedOut: number;
  readonly lateReplies: number;
}

/** How a kernel's life ended. */
export type KernelEnd =
  /** `failure`: what the kernel's `stop` threw. */
  | { readonly how: "terminated"; readonly refused: number; readonly failure?: Failure }
  | { readonly how: "forced"; readonly lost: number; readonly failure?: Failure }
  | {
      readonly how: "killed";
      readonly lost: number;
      /** The thread was not told to end. */
      readonly failure?: Failure;
      /** Its exit code then. */
      readonly exitCode?: number;
    };

/** How a thread ended. `failure`: it was not told to. */
export interface ThreadEnd {
  readonly failure?: Failure;
  readonly exitCode?: number;
}

const CALL_TIMEOUT_MS = 30_000;

export interface HandleParts {
  readonly id: string;
  readonly number: number;
  readonly launch: Launch;
  readonly lifecycle: Lifecycle;
  readonly input: MessageQueue;
  readonly output: MessageQueue;
  readonly sender: Sender;
  readonly replies: ReadonlyMap<number, Message>;
  readonly blocks: readonly KernelBlock[];
  readonly owners: readonly number[];
  readonly keepAlive: KeepAlive;
  readonly pause: () => Promise<void>;
  readonly nowMs: () => number;
  readonly wallMs: () => number;
  readonly callSpins: number;
  readonly terminationTimeoutMs: number;
  /** Lets a thread that shares ours work. */
  readonly poke: (() => void) | undefined;
  /** Takes the kernel off its threads. */
  readonly leave: () => Promise<void>;
  /** Ends the kernel's threads where they are. */
  readonly kill: () => Promise<void>;
  /** The kernel has ended: its id is free. */
  readonly gone: () => void;
}

export class KernelHandle<Kernel = KernelDefinition> implements AsyncDisposable {
  readonly id: string;
  /** The kernel's number: its source where it sends. */
  readonly number: number;
  readonly #parts: HandleParts;
  readonly #calls: Calls;
  readonly #received: Received;
  readonly #facts: SendFacts = { correlation: 0, deadline: 0, priority: PRIORITY.NORMAL, hops: 0 };
  readonly #launchedMs: number;
  readonly #ended = Promise.withResolvers<KernelEnd>();
  #correlation = 0;
  #dropped = 0;
  #flushing = false;
  #failure: Failure | undefined;

  constructor(parts: HandleParts) {
    const { id, number, input, output, replies, keepAlive, pause, nowMs, launch } = parts;
    const inOrder = launch.gridSize === 1 && launch.blockSize === 1 && !launch.priorities;
    this.id = id;
    this.number = number;
    this.#parts = parts;
    this.#launchedMs = nowMs();
    this.#calls = new Calls({
      kernel: id,
      queue: input,
      replies,
      keepAlive,
      pause,
      nowMs,
      inOrder,
    });
    const isOver = (): boolean => this.state === "terminated";
    this.#received = new Received({
      kernel: id,
      queue: output,
      types: replies,
      keepAlive,
      nowMs,
      isOver,
    });
  }

  get state(): KernelState {
    return this.#parts.lifecycle.state;
  }

  /** Starts of the kernel of this id under supervision, from 1. */
  get generation(): number {
    return this.#parts.blocks[0]!.generation;
  }

  get isActive(): boolean {
    return this.state === "active";
  }

  get isTerminated(): boolean {
    return this.state === "terminated";
  }

  /** Lets the kernel handle messages. Fails with INVALID_STATE_TRANSITION unless it is launched or deactivated. */
  activate(): void {
    this.#parts.lifecycle.move("activate");
    this.#wake();
  }

  /** Stops handling; messages stay in the queue, and what runs goes on to its end. */
  deactivate(): void {
    this.#parts.lifecycle.move("deactivate");
  }

  suspend(): void {
    this.deactivate();
  }

  resume(): void {
    this.activate();
  }

  /**
   * Publishes a message. False: the policy `drop-newest` dropped it. With `wait` use `sendWaiting`. Fails
   * with KERNEL_NOT_ACTIVE, QUEUE_FULL or MESSAGE_TOO_LARGE, and then nothing was sent.
   */
  send<Of extends Fields>(
    message: Message<Of>,
    value: InputOf<Of>,
    options?: SendOptions,
  ): boolean {
    this.#mustTake();
    const facts = this.#factsOf(options, 0);
    if (this.#parts.sender.send(message, value, facts, this.#mayGather) >= 0) {
      this.#flushSoon();
      return true;
    }
    if (this.#parts.launch.whenFull === "fail")
      throw full(this.id, this.#parts.launch.inputQueueCapacity);
    this.#dropped++;
    return false;
  }

  /** As `send`, waiting for room. It never blocks the event loop. Fails with QUEUE_FULL after `timeoutMs`. */
  async sendWaiting<Of extends Fields>(
    message: Message<Of>,
    value: InputOf<Of>,
    options: SendOptions & { readonly timeoutMs?: number } = {},
  ): Promise<void> {
    if (!(await this.#sendWhenFree(message, value, options, 0, () => {})))
      throw full(this.id, this.#parts.launch.inputQueueCapacity);
  }

  /**
   * Sends a message and waits for its answer. Fails with what became of it: HANDLER_FAILED, CALL_TIMEOUT,
   * CALL_CANCELLED, WORKER_LOST, KERNEL_TERMINATED and so on.
   */
  call<Of extends Fields>(
    message: Message<Of>,
    value: InputOf<Of>,
    options?: CallOptions,
  ): Promise<ReplyOf<Kernel, Of>> {
    try {
      return this.#call(message, value, options) as Promise<ReplyOf<Kernel, Of>>;
    } catch (error) {
      return Promise.reject(error as Error);
    }
  }

  /** The oldest emitted message, or the oldest of a type; waits without end. */
  async receive<Of extends Fields>(message: Message<Of>): Promise<ValueOf<Of>> {
    return this.receiveTimeout(message, Infinity);
  }

  /** Fails with CALL_TIMEOUT, or with KERNEL_TERMINATED at once when nothing more can come. */
  async receiveTimeout<Of extends Fields>(
    message: Message<Of>,
    timeoutMs: number,
  ): Promise<ValueOf<Of>> {
    return (await this.#received.wait(message as unknown as Message, timeoutMs))
      .value as ValueOf<Of>;
  }

  /** Fails with QUEUE_EMPTY, or with KERNEL_TERMINATED. */
  tryReceive<Of extends Fields>(message: Message<Of>): ValueOf<Of> {
    const taken = this.#received.take(message as unknown as Message);
    if (taken !== undefined) return taken.value as ValueOf<Of>;
    if (this.isTerminated) throw terminated(this.id);
    throw new Failure("QUEUE_EMPTY", {
      ...{ at: `kernel ${this.id}`, found: "no such message", expected: "one or more" },
      fix: "Use receive(), which waits.",
    });
  }

  /** Emitted messages of a type as they come, until the kernel has ended. */
  async *messages<Of extends Fields>(
    message: Message<Of>,
    signal?: AbortSignal,
  ): AsyncGenerator<ValueOf<Of>, void> {
    for (;;) {
      try {
        yield (await this.#received.wait(message as unknown as Message, Infinity, signal))
          .value as ValueOf<Of>;
      } catch (error) {
        if (error instanceof Failure && error.code === "KERNEL_TERMINATED") return;
        throw error;
      }
    }
  }

  /** Tells the running handler to stop; the kernel's state is kept. See `KernelContext.interrupted`. */
  interrupt(): void {
    for (const block of this.#parts.blocks) block.interrupted = true;
    this.#wake();
  }

  /**
   * Takes no more messages, drains the queue until the deadline, then forces: what was not handled fails
   * with KERNEL_TERMINATED. The id is free afterwards. Fails with INVALID_STATE_TRANSITION the second time.
   */
  async terminate(options: { readonly timeoutMs?: number } = {}): Promise<KernelEnd> {
    this.#parts.lifecycle.move("terminate");
    return this.#terminate(options.timeoutMs ?? this.#parts.terminationTimeoutMs);
  }

  /** Ends the kernel's threads where they are: its state is lost, and so is what it held. */
  async kill(): Promise<KernelEnd> {
    if (!this.isTerminated) await this.#parts.kill();
    return this.#ended.promise;
  }

  /** How the kernel's life ends. Never rejects. */
  wait(): Promise<KernelEnd> {
    return this.#ended.promise;
  }

  get status(): KernelStatus {
    const { launch, input, output, nowMs } = this.#parts;
    return {
      ...{ id: this.id, state: this.state, mode: launch.mode },
      inputQueueDepth: input.ring.depth,
      outputQueueDepth: output.ring.depth + this.#received.kept,
      messagesProcessed: this.#sum("processed"),
      uptimeMs: nowMs() - this.#launchedMs,
    };
  }

  get metrics(): KernelMetrics {
    const { sender } = this.#parts;
    return {
      ...this.status,
      inHand: this.#inHand,
      ...{ sent: sender.sent, queueFull: sender.full, dropped: this.#dropped },
      ...{
        failed: this.#sum("failed"),
        expired: this.#sum("expired"),
        malformed: this.#sum("malformed"),
      },
      ...{
        skewed: this.#sum("skewed"),
        emitted: this.#sum("emitted"),
        emitFull: this.#sum("emit_full"),
      },
      ...{ received: this.#received.count, answered: this.#calls.answered },
      ...{ timedOut: this.#calls.timedOut, lateReplies: this.#calls.late },
    };
  }

  /** Two of the metrics, without the cost of the others. */
  get traffic(): { readonly sent: number; readonly received: number } {
    return { sent: this.#parts.sender.sent, received: this.#received.count };
  }

  /** The runtime says so. */
  setGeneration(generation: number): void {
    for (const block of this.#parts.blocks) block.generation = generation;
  }

  /** Its thread has died. The runtime says so. */
  lost({ failure, exitCode }: ThreadEnd): void {
    if (this.isTerminated) return;
    const { lifecycle, input, owners, gone } = this.#parts;
    if (this.state !== "terminating") lifecycle.move("terminate");
    this.#freeLoose(owners);
    const lost = owners.reduce((sum, owner) => sum + sweep(input.ring, owner), 0);
    this.#refuseRest();
    lifecycle.move("terminated");
    gone();
    const why = failure === undefined ? {} : { failure, exitCode: exitCode ?? 1 };
    this.#over({ how: "killed", lost, ...why });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.state === "terminating" || this.isTerminated) await this.#ended.promise;
    else await this.terminate();
  }

  async #terminate(timeoutMs: number): Promise<KernelEnd> {
    const { lifecycle, input, nowMs, pause, gone } = this.#parts;
    const until = nowMs() + timeoutMs;
    this.#parts.sender.flush();
    this.#wake();
    while (input.ring.depth > 0 && nowMs() < until) await pause();
    const isDrained = input.ring.depth === 0;
    for (const block of this.#parts.blocks) block.close();
    if (!isDrained) this.interrupt();
    const left = await this.#leave();
    if (left === "died" || this.isTerminated) return this.#ended.promise;
    if (left === "stuck") return this.kill();
    const refused = this.#refuseRest();
    lifecycle.move("terminated");
    const failed = this.#failure === undefined ? {} : { failure: this.#failure };
    const end: KernelEnd = isDrained
      ? { how: "terminated", refused, ...failed }
      : { how: "forced", lost: refused, ...failed };
    gone();
    this.#over(end);
    return end;
  }

  /**
   * Takes the kernel off its threads. `stuck`: a handler of its own does not stop, or for much longer its
   * thread does not answer, and then only the thread's end helps, which its other kernels share.
   */
  async #leave(): Promise<"left" | "died" | "stuck"> {
    const { leave, nowMs, pause, terminationTimeoutMs } = this.#parts;
    const started = nowMs();
    const answers: ("left" | "died")[] = [];
    void leave().then(
      () => answers.push("left"),
      async (failure: Failure) => {
        await pause(); // A thread that has died has told so by now.
        this.#failure = failure; // Otherwise it is the kernel's `stop` that threw.
        answers.push(this.isTerminated ? "died" : "left");
      },
    );
    while (answers.length === 0) {
      const ms = nowMs() - started;
      if (ms > terminationTimeoutMs + GRACE_MS || (ms > GRACE_MS && this.#inHand > 0))
        return "stuck";
      await pause();
    }
    return answers[0]!;
  }

  get #inHand(): number {
    return (this.#sum("claimed") - this.#sum("processed") - this.#sum("failed")) >>> 0;
  }

  /** What nobody waits for has nobody who frees its block. */
  #freeLoose(owners: readonly number[]): void {
    const { input } = this.#parts;
    const payload: Payload = { views: input.views, at: 0, bytes: 0 };
    for (let slot = 0; slot < input.ring.geometry.slots; slot++) {
      if (!owners.includes(input.ring.owner(slot)) || input.ring.isHeld(slot)) continue;
      if (input.find(slot, payload)) input.free(payload);
      input.placeNothing(slot);
    }
  }

  /** The caller of these calls has died: their slots are freed when they are answered, or now. */
  forsake(source: number): void {
    const { ring, words } = this.#parts.input;
    const payload: Payload = { views: this.#parts.input.views, at: 0, bytes: 0 };
    for (let slot = 0; slot < ring.geometry.slots; slot++) {
      if (!ring.isOut(slot) || words[ring.at(slot) + WORD.source] !== source) continue;
      if (!ring.isHeld(slot)) continue;
      const status = ring.status(slot);
      if (status !== SLOT_STATUS.DONE && status !== SLOT_STATUS.FAULT) ring.loosen(slot);
      else {
        if (this.#parts.input.find(slot, payload)) this.#parts.input.free(payload);
        ring.releaseOwn(slot);
      }
    }
  }

  #over(end: KernelEnd): void {
    this.#received.fetchAll(); // Its blocks are wanted; who receives gets copies.
    this.#received.wake();
    this.#ended.resolve(end);
  }

  /** Nobody serves the queue any more: what is in it fails, and its payloads are freed. */
  #refuseRest(): number {
    const { input } = this.#parts;
    const claimed = new Int32Array(64);
    const payload: Payload = { views: input.views, at: 0, bytes: 0 };
    let refused = 0;
    for (let count = 0; (count = input.ring.claim(REFUSER, claimed)) > 0;) {
      for (const slot of claimed.subarray(0, count)) {
        if (input.find(slot, payload)) input.free(payload);
        input.placeNothing(slot);
        input.ring.fault(slot, MESSAGE_FAULTS.TERMINATED, 0);
        refused++;
      }
    }
    this.#calls.poll();
    return refused;
  }

  /** Waits for room and publishes. False: there was none in time. `sent` is called at once with the slot. */
  async #sendWhenFree<Of extends Fields>(
    message: Message<Of>,
    value: InputOf<Of>,
    options: CallOptions,
    correlation: number,
    sent: (slot: number) => void,
  ): Promise<boolean> {
    const { input, sender, keepAlive, nowMs } = this.#parts;
    const { timeoutMs = CALL_TIMEOUT_MS, signal } = options;
    const until = nowMs() + timeoutMs;
    const slots: number[] = [];
    const room = {
      holds: () => {
        if (signal?.aborted === true) throw cancelled(this.id, signal.reason);
        this.#mustTake();
        const slot = sender.send(message, value, this.#factsOf(options, correlation));
        if (slot < 0) return false;
        slots.push(slot);
        sent(slot);
        return true;
      },
    };
    const wake = (): void => input.ring.done.ring();
    signal?.addEventListener("abort", wake, { once: true });
    try {
      while (slots.length === 0 && nowMs() < until) {
        const left = Math.min(until - nowMs(), 2 ** 31 - 1);
        await input.ring.done.waitAsync(room, left, keepAlive);
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
  ): Promise<unknown> {
    const { whenFull, inputQueueCapacity } = this.#parts.launch;
    if (whenFull !== "wait") throw full(this.id, inputQueueCapacity);
    let answer: Promise<unknown> | undefined;
    const sent = (slot: number): void => void (answer = this.#answerTo(slot, options));
    if (!(await this.#sendWhenFree(message, value, options, correlation, sent)))
      throw full(this.id, inputQueueCapacity);
    return answer;
  }

  /** Not async itself: a promise less for each call. */
  #call<Of extends Fields>(
    message: Message<Of>,
    value: InputOf<Of>,
    options?: CallOptions,
  ): Promise<unknown> {
    const signal = options?.signal;
    if (signal?.aborted === true) throw cancelled(this.id, signal.reason);
    this.#mustTake();
    const { sender, poke, callSpins } = this.#parts;
    const calls = this.#calls;
    const isAlone = calls.pending === 0 && !this.#flushing; // Else the caller goes on before it awaits.
    const facts = this.#factsOf(options, this.#correlate());
    const slot = sender.send(message, value, facts, !isAlone && this.#mayGather);
    if (slot < 0) return this.#callWhenFree(message, value, options, facts.correlation);
    this.#flushSoon();
    if (isAlone) {
      poke?.();
      for (let looks = callSpins; looks > 0; looks--)
        if (calls.isAnswered(slot)) return Promise.resolve(calls.take(slot));
    }
    return this.#answerTo(slot, options);
  }

  #answerTo(slot: number, options?: CallOptions): Promise<unknown> {
    return this.#calls.answerTo(slot, options?.timeoutMs ?? CALL_TIMEOUT_MS, options?.signal);
  }

  #factsOf(options: SendOptions | undefined, correlation: number): SendFacts {
    const facts = this.#facts;
    facts.correlation = correlation;
    facts.deadline = 0;
    facts.priority = PRIORITY.NORMAL;
    if (options?.ttlMs !== undefined)
      facts.deadline = Math.trunc(this.#parts.wallMs() + options.ttlMs) | 0 || 1;
    if (options?.priority === undefined) return facts;
    if (!this.#parts.launch.priorities) throw noPriorities(this.id);
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

  #wake(): void {
    this.#parts.sender.wake();
    this.#parts.poke?.();
  }

  #mustTake(): void {
    const { state } = this;
    if (state === "active") return;
    if (state === "terminated") throw terminated(this.id);
    throw new Failure("KERNEL_NOT_ACTIVE", {
      at: `kernel ${this.id}`,
      found: `a kernel that is ${state}`,
      expected: "one that is active",
      fix: "Call activate() first.",
    });
  }

  #sum(counter: Parameters<KernelBlock["read"]>[0]): number {
    return this.#parts.blocks.reduce((sum, block) => sum + block.read(counter), 0);
  }
}

/** The name under which the host claims what it refuses. */
const REFUSER = 0x7fff_fffe;
/** After draining, for a handler that was told to stop. */
const GRACE_MS = 200;

function cancelled(id: string, cause: unknown): Failure {
  const facts = {
    found: "an aborted signal",
    expected: "a call that is still wanted",
    fix: "Nothing.",
  };
  return new Failure("CALL_CANCELLED", { at: `kernel ${id}`, ...facts }, { cause });
}

function full(id: string, capacity: number): Failure {
  return new Failure("QUEUE_FULL", {
    at: `kernel ${id}`,
    found: `${capacity} messages that wait, or no free block for a large one`,
    expected: "room for one more",
    fix: 'Send later, with `whenFull: "wait"`, or to more workers.',
  });
}

function terminated(id: string): Failure {
  return failureIn(id);
}

function failureIn(id: string): Failure {
  return new Failure("KERNEL_TERMINATED", {
    ...{ at: `kernel ${id}`, found: "a kernel that has ended", expected: "one that is active" },
    fix: "Launch it again: its id is free.",
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
