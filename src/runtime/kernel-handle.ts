// Kernel handle: a launched kernel as its host holds it.

import { Failure } from "../base/mod.ts";
import type { Envelope, Fields, InputOf, Message, ValueOf } from "../message/mod.ts";
import type { KeepAlive } from "../ring/mod.ts";
import type { Admission } from "./admission.ts";
import type { Histogram } from "./histogram.ts";
import { Calls } from "./calls.ts";
import type { DeadLetterBox } from "./dead-letter-box.ts";
import type { KernelDefinition } from "./define-kernel.ts";
import { type Door, Doors } from "./doors.ts";
import { Ending } from "./ending.ts";
import { unwrap } from "./envelopes.ts";
import { mustBeGiven, mustBeMessage } from "./given.ts";
import { type KernelBlock, sumOf } from "./kernel-block.ts";
import type {
  CallOptions,
  CheckpointOptions,
  KernelEnd,
  KernelMetrics,
  KernelStatus,
  Moved,
  MoveOptions,
  ReplyOf,
  SendOptions,
  ThreadEnd,
} from "./kernel-facts.ts";
import { kernelMetrics, memoryBytes } from "./kernel-metrics.ts";
import type { KernelState, Lifecycle } from "./lifecycle.ts";
import type { MessageQueue } from "./message-queue.ts";
import type { Launch } from "./options.ts";
import { Outbox } from "./outbox.ts";
import type { Profile } from "./profile.ts";
import { Received } from "./received.ts";
import type { Sender } from "./sender.ts";
import type { Telemetry } from "./telemetry.ts";
import { kernelTrace, type Trace, type TraceSource } from "./trace.ts";

export interface HandleParts {
  readonly id: string;
  readonly number: number;
  readonly launch: Launch;
  readonly lifecycle: Lifecycle;
  readonly output: MessageQueue;
  /** To each of its input queues. */
  readonly senders: readonly Sender[];
  readonly admission: Admission | undefined;
  /** Where its dead letters come from; undefined: none are kept. */
  readonly box: DeadLetterBox | undefined;
  readonly replies: ReadonlyMap<number, Message>;
  readonly blocks: readonly KernelBlock[];
  readonly owners: readonly number[];
  readonly keepAlive: KeepAlive;
  readonly pause: () => Promise<void>;
  readonly nowMs: () => number;
  readonly wallMs: () => number;
  readonly callSpins: number;
  readonly terminationTimeoutMs: number;
  /** The largest payload in bytes. */
  readonly payloadBytesMax: number;
  readonly telemetry: Telemetry;
  /** Of each of its threads, where it is profiled. */
  readonly profiles: readonly Profile[];
  /** What a message's type is called. */
  readonly nameOf: (type: number) => string;
  /** Lets a thread that shares ours work. */
  readonly poke: (() => void) | undefined;
  /** What each of its threads shares with the host. */
  readonly shares: readonly unknown[];
  /** The definition's, for handlers that cannot look. */
  readonly onInterrupt: (() => void) | undefined;
  /** Takes the kernel off its threads. */
  readonly leave: () => Promise<void>;
  /** Ends the kernel's threads where they are. */
  readonly kill: () => Promise<void>;
  /** The kernel has ended: its id is free. */
  readonly gone: () => void;
  readonly checkpoint: (options: CheckpointOptions) => Promise<Uint8Array>;
  readonly move: (options: MoveOptions) => Promise<Moved>;
}

export class KernelHandle<Kernel = KernelDefinition> implements AsyncDisposable {
  readonly id: string;
  /** The kernel's number: its source where it sends. */
  readonly number: number;
  readonly #parts: HandleParts;
  readonly #doors: Doors;
  readonly #received: Received;
  readonly #outbox: Outbox;
  readonly #ending: Ending;
  readonly #launchedMs: number;

  constructor(parts: HandleParts) {
    const { id, number, output, replies, launch, senders, poke } = parts;
    const { keepAlive, pause, nowMs, telemetry } = parts;
    const inOrder = launch.gridSize * launch.blockSize === 1 && !launch.priorities;
    this.id = id;
    this.number = number;
    this.#parts = parts;
    this.#launchedMs = nowMs();
    const waiting = { kernel: id, keepAlive, nowMs, telemetry };
    const all = senders.map((sender): Door => {
      const { queue } = sender;
      return { sender, calls: new Calls({ ...waiting, queue, replies, pause, inOrder }) };
    });
    const isOver = (): boolean => this.isTerminated;
    const received = new Received({ ...waiting, queue: output, types: replies, isOver });
    const mustTake = (): void => mustBeActive(id, this.state);
    const doors = new Doors(all, launch.scheduler);
    this.#doors = doors;
    this.#received = received;
    // Each gets what it asks for and no more: there may be ten thousand of them.
    const { box, wallMs, callSpins, admission } = parts;
    const outbox = new Outbox({
      ...{ id, launch, doors, admission, keepAlive, nowMs, wallMs, callSpins, poke, telemetry },
      bury: (...letter) => box?.add(...letter),
      mustTake,
    });
    this.#outbox = outbox;
    const { lifecycle, blocks, owners, terminationTimeoutMs, onInterrupt, leave, kill, gone } =
      parts;
    this.#ending = new Ending({
      ...{ lifecycle, blocks, owners, pause, nowMs, terminationTimeoutMs },
      ...{ onInterrupt, leave, kill, gone, inputs: senders.map(({ queue }) => queue) },
      waiting: () => outbox.waiting,
      refuseWaiting: () => outbox.refuseAll(terminated(id)),
      bury: (...letter) => box?.take(...letter),
      wake: () => {
        doors.flush();
        doors.wake();
        poke?.();
      },
      poll: () => {
        for (const { calls } of all) calls.poll();
      },
      over: () => {
        box?.close();
        received.fetchAll(); // Its blocks are wanted; who receives gets copies.
        received.wake();
      },
    });
  }

  get state(): KernelState {
    return this.#parts.lifecycle.state;
  }

  /** What the definition's `shares` gave on each of the kernel's threads. */
  get shares(): readonly unknown[] {
    return this.#parts.shares;
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
    this.#doors.wake();
    this.#parts.poke?.();
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
    mustBeGiven(message, value, this.id);
    return this.#outbox.send(message, value, options);
  }

  /** As `send`, waiting for room. It never blocks the event loop. Fails with QUEUE_FULL after `timeoutMs`. */
  async sendWaiting<Of extends Fields>(
    message: Message<Of>,
    value: InputOf<Of>,
    options: SendOptions & { readonly timeoutMs?: number } = {},
  ): Promise<void> {
    mustBeGiven(message, value, this.id);
    await this.#outbox.sendWaiting(message, value, options);
  }

  /**
   * As `send`, for a message in its wire form. A kernel without `priorities` takes all as one. Fails with
   * MESSAGE_INVALID too.
   */
  sendEnvelope(envelope: Envelope | Uint8Array): boolean {
    const { wallMs, payloadBytesMax, launch } = this.#parts;
    const read = unwrap(envelope, { payloadBytesMax, wallMs: wallMs() });
    const { message, payload, options, priority } = read;
    return this.#outbox.send(
      message,
      payload,
      launch.priorities ? { ...options, priority } : options,
    );
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
      mustBeGiven(message, value, this.id);
      return this.#outbox.call(message, value, options) as Promise<ReplyOf<Kernel, Of>>;
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
    mustBeMessage(message, this.id);
    return (await this.#received.wait(message as unknown as Message, timeoutMs))
      .value as ValueOf<Of>;
  }

  /** Fails with QUEUE_EMPTY, or with KERNEL_TERMINATED. */
  tryReceive<Of extends Fields>(message: Message<Of>): ValueOf<Of> {
    mustBeMessage(message, this.id);
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
    mustBeMessage(message, this.id);
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
    this.#ending.interrupt();
  }

  /**
   * Takes no more messages, drains the queue until the deadline, then forces: what was not handled fails
   * with KERNEL_TERMINATED. The id is free afterwards. Fails with INVALID_STATE_TRANSITION the second time.
   */
  async terminate(options: { readonly timeoutMs?: number } = {}): Promise<KernelEnd> {
    return this.#ending.terminate(options.timeoutMs ?? this.#parts.terminationTimeoutMs);
  }

  /** Ends the kernel's threads where they are: its state is lost, and so is what it held. */
  async kill(): Promise<KernelEnd> {
    return this.#ending.kill();
  }

  /**
   * The kernel's state and the messages that wait, as bytes: `launch` goes on from there with `restore`. The
   * kernel pauses between two messages for it. Calls that wait are not in it; they are answered by this
   * kernel. Fails with STATE_UNSAVABLE, REST_TIMEOUT, OPTION_UNSUPPORTED, or KERNEL_TERMINATED.
   */
  async checkpoint(options: CheckpointOptions = {}): Promise<Uint8Array> {
    return this.#parts.checkpoint(options);
  }

  /**
   * Takes the kernel to another thread, with its state and queues, while others send to it. Whatever fails,
   * it stays where it was: with MOVE_REFUSED, STATE_UNSAVABLE, REST_TIMEOUT, LAUNCH_FAILED where `restore`
   * threw, WORKER_LOST, or KERNEL_TERMINATED.
   */
  async move(options: MoveOptions = {}): Promise<Moved> {
    return this.#parts.move(options);
  }

  /** How the kernel's life ends. Never rejects. */
  wait(): Promise<KernelEnd> {
    return this.#ending.ended;
  }

  get status(): KernelStatus {
    const { launch, output, nowMs } = this.#parts;
    return {
      ...{ id: this.id, state: this.state, mode: launch.mode },
      inputQueueDepth: this.#doors.sum(({ sender }) => sender.queue.ring.depth),
      outputQueueDepth: output.ring.depth + this.#received.kept,
      messagesProcessed: sumOf(this.#parts.blocks, "processed"),
      uptimeMs: nowMs() - this.#launchedMs,
    };
  }

  get metrics(): KernelMetrics {
    const { status, generation } = this;
    const [outbox, doors, received] = [this.#outbox, this.#doors, this.#received];
    const { inHand } = this.#ending;
    return kernelMetrics({ ...this.#parts, status, generation, inHand, outbox, doors, received });
  }

  /** Messages that the host sent and took. */
  get traffic(): { readonly sent: number; readonly received: number } {
    const sent = this.#doors.sum(({ sender }) => sender.sent);
    return { sent, received: this.#received.count };
  }

  /** How long the host's calls took, where one was measured. */
  get latency(): Histogram | undefined {
    return this.#parts.telemetry.latency.histogram;
  }

  /** Bytes of its queues and words, and of what it records. */
  get memoryBytes(): number {
    return memoryBytes(this.#parts);
  }

  /** What its threads recorded, so far or until it ended. Fails with OPTION_UNSUPPORTED unless it is profiled. */
  trace(): Trace {
    return kernelTrace(this.traceSource);
  }

  /** The same, for a trace of several kernels. */
  get traceSource(): TraceSource {
    const { id, number, profiles, nameOf } = this.#parts;
    return { id, number, profiles, nameOf };
  }

  /** The runtime says so. */
  setGeneration(generation: number): void {
    for (const block of this.#parts.blocks) block.generation = generation;
  }

  /** Sends a dead letter once more. False: the kernel is not active, or something keeps it. */
  resend(type: number, payload: Uint8Array, attempts: number): boolean {
    return this.isActive && this.#outbox.resend(type, payload, attempts);
  }

  /** Brings its dead letters to the runtime's. */
  collectDeadLetters(): void {
    this.#parts.box?.empty();
  }

  /** Its thread has died. The runtime says so. */
  lost(end: ThreadEnd): void {
    this.#ending.lost(end);
  }

  /** A thread of this number has died, which may have sent to this kernel. The runtime says so. */
  mend(thread: number): void {
    this.#ending.mend(thread);
  }

  /** The kernel of this number has died: nobody waits for its calls. The runtime says so. */
  forsake(source: number): void {
    this.#ending.forsake(source);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.state === "terminating" || this.isTerminated) await this.#ending.ended;
    else await this.terminate();
  }
}

function mustBeActive(id: string, state: KernelState): void {
  if (state === "active") return;
  if (state === "terminated") throw terminated(id);
  throw new Failure("KERNEL_NOT_ACTIVE", {
    at: `kernel ${id}`,
    found: `a kernel that is ${state}`,
    expected: "one that is active",
    fix: "Call activate() first.",
  });
}

function terminated(id: string): Failure {
  return new Failure("KERNEL_TERMINATED", {
    ...{ at: `kernel ${id}`, found: "a kernel that has ended", expected: "one that is active" },
    fix: "Launch it again: its id is free.",
  });
}
