// Kernel host: one kernel on the thread that serves it. The whole way of a message is here.
//
//   1. Claim    finished slots, oldest first.
//   2. Check    type, size, checksum, deadline, clock. What fails ends as a fault and reaches no handler.
//   3. Handle   the body reads the message where it lies.
//   4. Answer   a reply in the slot's own cell to who calls, or else a message to the output queue.
//   5. Settle   the slot: who calls reads and frees it; any other is free at once.
//
// A handler that returns a promise keeps its slot, and one lane, until that settles. With one lane, the
// default, a kernel so handles one message at a time and in order.

import { Failure } from "../base/mod.ts";
import { FAULT_CODES, MESSAGE_FAULTS } from "../layout/mod.ts";
import type { Fields, Handler, HybridClock, InputOf, Message } from "../message/mod.ts";
import { Answers } from "./answers.ts";
import type { DeadLetterSlot } from "./dead-letter-box.ts";
import { Inspection, VOID } from "./inspection.ts";
import type { KernelDefinition } from "./define-kernel.ts";
import { Delivery } from "./delivery.ts";
import { COUNTER, type KernelBlock } from "./kernel-block.ts";
import { type MessageQueue, WORD } from "./message-queue.ts";
import { Pace, type Known as KnownPace } from "./pace.ts";
import type { Routes } from "./routes.ts";
import { PLAIN_SEND, type Sender } from "./sender.ts";

/** The byte of a slot's flags that counts hops. */
const HOPS = 0xff;
/** Messages claimed at once. */
const BATCH = 64;
/** Answers of quick handlers that are shown together: the first of them waits for the last. */
const SETTLED_AT_ONCE = 8;

export interface KernelHostOptions {
  readonly id: string;
  /** What the hosts of one kernel on one thread have in common. */
  readonly common: HostCommon;
  /** The name under which the thread owns slots. */
  readonly owner: number;
  readonly definition: KernelDefinition;
  readonly input: MessageQueue;
  /** To the output queue. */
  readonly output: Sender;
  /** To other kernels. */
  readonly routes: Routes;
  readonly clock: HybridClock;
  readonly block: KernelBlock;
  /** Where messages go that nobody waits for and that fail; undefined: nowhere. */
  readonly dead: DeadLetterSlot | undefined;
  /** Messages that it handles at a time. */
  readonly lanes: number;
  /** Messages that it claims at once: few where other threads could take them. */
  readonly atOnce: number;
  /** Whether senders add checksums. */
  readonly checksum: boolean;
  /** The largest reply in bytes. */
  readonly payloadBytesMax: number;
  /** Unix milliseconds, read at once. */
  readonly wallMs: () => number;
  /** Monotonic milliseconds. */
  readonly nowMs: () => number;
  /** A handler goes on by itself: 1. It has settled, and a lane is free: -1. */
  readonly lanesTaken: (by: 1 | -1) => void;
}

/** One kernel's on one thread, whichever of its queues a message came by. */
export interface HostCommon {
  state: unknown;
  /** Messages whose handlers went on after they returned. */
  readonly running: Set<Delivery>;
  /** How many those are: every message asks. */
  busy: number;
}

interface Known extends KnownPace {
  readonly handler: Handler;
  /** By slot: what reads its cell, which stays where it is. */
  readonly views: object[];
}

export class KernelHost {
  readonly #common: HostCommon;
  /** It starts no message: it is saved, or leaves this thread. See resting.ts. */
  isResting = false;
  readonly #options: KernelHostOptions;
  readonly #input: MessageQueue;
  readonly #words: Int32Array;
  readonly #known = new Map<number, Known>();
  /** Types of messages that it may emit. */
  readonly #gives = new Set<number>();
  readonly #inspection: Inspection;
  readonly #answers: Answers;
  readonly #pace: Pace;
  readonly #deliveries: Delivery[] = [];
  readonly #running: Set<Delivery>;
  readonly #claimed: Int32Array;
  /** Claimed messages from here to `#end` were not started. */
  #next = 0;
  #end = 0;
  /** Claimed messages from here to `#next` were handled and are not settled. */
  #unsettled = 0;
  /** The first message of this turn. */
  #from = 0;
  #isInTurn = false;
  /** Others wait behind a claimed message, or before it for their answers to be shown. */
  #isCrowd = false;
  #lastType = 0;
  #last: Known | undefined;
  #lastGiven = 0;

  constructor(options: KernelHostOptions) {
    const { input, definition } = options;
    this.#options = options;
    this.#common = options.common;
    this.#running = options.common.running;
    this.#input = input;
    this.#words = input.words;
    this.#claimed = new Int32Array(Math.min(BATCH, input.ring.geometry.slots));
    this.#inspection = new Inspection(options);
    this.#answers = new Answers(input, options.payloadBytesMax);
    this.#pace = new Pace(options.nowMs);
    for (const handler of definition.on) {
      this.#known.set(handler.message.id | 0, { handler, views: [], runs: 0, round: 0 });
      if (handler.reply !== undefined) this.#gives.add(handler.reply.id);
    }
    for (const { id } of definition.emits ?? []) this.#gives.add(id);
  }

  get state(): unknown {
    return this.#common.state;
  }

  set state(state: unknown) {
    this.#common.state = state;
  }

  /** Whether messages were claimed that wait for a lane, or for the kernel to be active again. */
  get isBehind(): boolean {
    return this.#next < this.#end;
  }

  get id(): string {
    return this.#options.id;
  }

  /** Messages whose handlers went on after they returned. */
  get busy(): number {
    return this.#common.busy;
  }

  get routes(): Routes {
    return this.#options.routes;
  }

  get interrupted(): boolean {
    return this.#options.block.interrupted;
  }

  /** Slots that were claimed and not started, oldest first. */
  get unstarted(): Int32Array {
    return this.#claimed.slice(this.#next, this.#end);
  }

  /** Goes on with what its predecessor on another thread had claimed in the same name. */
  adopt(unstarted: Int32Array): void {
    this.#claimed.set(unstarted);
    this.#end = unstarted.length;
  }

  /** Handles up to one batch of what is there; says how many messages were started. */
  turn(atOnce = this.#options.atOnce): number {
    const { owner, block, output, lanes } = this.#options;
    if (this.isResting && this.busy === 0) return 0; // It may be another thread's by now.
    block.count(COUNTER.heartbeat);
    const mayHandle = !this.isResting && block.mayHandle;
    const mayClaim = mayHandle && this.#next === this.#end && this.busy < lanes;
    if (mayClaim) {
      this.#next = this.#unsettled = 0;
      this.#end = this.#input.ring.claim(owner, this.#claimed, atOnce);
    }
    this.#forget(); // After the claim: what came before a message that is here is not for it.
    if (mayClaim) block.count(COUNTER.claimed, this.#end); // After that: who sees it in hand may interrupt it.
    if (!mayHandle || this.#next === this.#end) return 0;
    this.#from = this.#next;
    this.#isInTurn = true;
    this.#isCrowd = this.#end - this.#from > 1;
    if (this.#isCrowd) this.#pace.begin();
    while (this.#next < this.#end && this.#mayStart()) {
      this.#start(this.#claimed[this.#next]!);
      this.#next++;
      if (this.#next - this.#unsettled >= SETTLED_AT_ONCE) this.#settleTogether();
    }
    this.#settleTogether();
    output.flush();
    this.#isInTurn = false;
    return this.#next - this.#from;
  }

  /** Tells whatever runs to stop. */
  interrupt(): void {
    for (const delivery of this.#running) delivery.tell();
    this.#options.block.interrupted = false;
  }

  /** Fails with EMISSION_UNDECLARED: nobody could read it. */
  emit<Of extends Fields>(message: Message<Of>, value: InputOf<Of>): boolean {
    if (message.id !== this.#lastGiven) {
      if (!this.#gives.has(message.id)) throw undeclared(this.id, String(message));
      this.#lastGiven = message.id;
    }
    return this.#publish(message, value);
  }

  /** Faults what was claimed and not started: the kernel ends. */
  refuseRest(): void {
    for (; this.#next < this.#end; this.#next++)
      this.#refuse(this.#claimed[this.#next]!, MESSAGE_FAULTS.TERMINATED);
    this.#settle();
  }

  #mayStart(): boolean {
    const { block, lanes } = this.#options;
    return this.busy < lanes && block.mayHandle && !this.isResting;
  }

  #publish<Of extends Fields>(message: Message<Of>, value: InputOf<Of>): boolean {
    const { output, block } = this.#options;
    const gather = this.#isInTurn && this.busy === 0; // Shown at the end of the turn.
    const isOut = output.send(message, value, PLAIN_SEND, gather) >= 0;
    block.count(isOut ? COUNTER.emitted : COUNTER.emit_full);
    return isOut;
  }

  #start(slot: number): void {
    const word = this.#input.ring.at(slot);
    const known = this.#knownOf(this.#words[word + WORD.type]!);
    const fault = this.#inspection.check(slot, word, known?.handler.message);
    if (fault === VOID) this.#options.block.count(COUNTER.failed); // Settled with its neighbours.
    else if (fault !== 0) this.#refuse(slot, fault);
    else if (!this.#isCrowd || this.#pace.isQuick(known!)) this.#handle(slot, word, known!);
    else {
      if (this.#next > this.#from) this.#forget();
      this.#settle();
      this.#options.output.flush();
      this.#pace.begin();
      this.#handle(slot, word, known!);
      this.#pace.ran(known!);
    }
  }

  #knownOf(type: number): Known | undefined {
    if (type !== this.#lastType) {
      this.#lastType = type;
      this.#last = this.#known.get(type);
    }
    return this.#last;
  }

  #handle(slot: number, word: number, known: Known): void {
    const { handler } = known;
    const { views, at } = this.#inspection.request;
    const isInCell = views === this.#input.views;
    const view = isInCell
      ? (known.views[slot] ??= handler.message.view(views, at))
      : handler.message.view(views, at);
    const run: Run = { slot, handler, block: isInCell ? -1 : at, delivery: this.#delivery(slot) };
    run.delivery.begin(
      this.#words[word + WORD.source]! >>> 0,
      this.#input.ring.isHeld(slot),
      this.#words[word + WORD.flags]! & HOPS,
    );
    try {
      const answer = handler.handle(view as never, run.delivery as never);
      if (answer instanceof Promise) this.#later(run, answer);
      else this.#answer(run, answer);
    } catch (error) {
      this.#failed(run, error);
    }
  }

  /** An interrupt is for what ran when it came, and not for the next message. */
  #forget(): void {
    if (this.#options.block.interrupted) this.interrupt();
  }

  #delivery(slot: number): Delivery {
    return (this.#deliveries[slot] ??= new Delivery(this));
  }

  /** The handler goes on by itself: its slot and its lane are taken until it settles. */
  #later(run: Run, answer: Promise<unknown>): void {
    this.#apart();
    run.delivery.late = true;
    this.#running.add(run.delivery);
    this.#options.lanesTaken(1);
    this.#countRunning();
    const settled = (end: () => void): void => {
      this.#running.delete(run.delivery);
      this.#countRunning();
      end();
      this.#options.output.flush();
      this.#options.lanesTaken(-1);
    };
    answer.then(
      (value) => settled(() => this.#answerLate(run, value)),
      (error: unknown) => settled(() => this.#failed(run, error)),
    );
  }

  #countRunning(): void {
    this.#options.block.busy = this.#common.busy = this.#running.size;
  }

  #answerLate(run: Run, value: unknown): void {
    try {
      this.#answer(run, value);
    } catch (error) {
      this.#failed(run, error); // A reply that cannot be written.
    }
  }

  #answer({ slot, handler, block, delivery }: Run, value: unknown): void {
    const { reply } = handler;
    const { isCall } = delivery;
    if (reply !== undefined && !isCall) this.#publish(reply, value as never);
    if (isCall) this.#input.placeNothing(slot); // The request goes, whatever the answer.
    const isWritten = reply === undefined || !isCall || this.#answers.write(slot, reply, value);
    this.#freeBlock(slot, block);
    if (isWritten) {
      this.#options.block.count(COUNTER.processed);
      if (delivery.late) this.#input.ring.complete(slot); // Any other is settled with its neighbours.
    } else this.#fault(slot, MESSAGE_FAULTS.REPLY_TOO_LARGE, delivery.late);
  }

  #failed({ slot, block, delivery }: Run, error: unknown): void {
    const code = delivery.interrupted ? MESSAGE_FAULTS.INTERRUPTED : FAULT_CODES.HANDLER_ERROR;
    this.#bury(slot, code);
    this.#freeBlock(slot, block);
    if (delivery.isCall) this.#answers.explain(slot, error);
    else this.#input.placeNothing(slot);
    if (!delivery.late) this.#forget(); // It was for this one.
    this.#fault(slot, code, delivery.late);
  }

  /** A message that reached no handler: its block goes back. */
  #refuse(slot: number, code: number): void {
    this.#bury(slot, code);
    this.#input.discard(slot);
    this.#fault(slot, code, false);
  }

  /** Keeps a message that nobody waits for, where the launch asks for that. */
  #bury(slot: number, code: number): void {
    const { dead, block } = this.#options;
    if (dead === undefined || this.#input.ring.isHeld(slot)) return;
    if (!dead.put(this.#input, slot, code)) block.count(COUNTER.dead_lost);
  }

  #freeBlock(slot: number, at: number): void {
    if (at >= 0) this.#input.freeBlock(slot, at);
  }

  #fault(slot: number, code: number, late: boolean): void {
    if (!late) this.#apart();
    this.#options.block.count(COUNTER.failed);
    this.#input.ring.fault(slot, code, 0);
  }

  /** The message at `#next` is settled by itself: those before it are, first. */
  #apart(): void {
    this.#settle();
    this.#unsettled = this.#next + 1;
  }

  /** Those since the last time were quick, as far as was known. */
  #settleTogether(): void {
    if (this.#next === this.#unsettled) return;
    this.#settle();
    if (this.#isCrowd) this.#pace.ranTogether();
  }

  #settle(): void {
    if (this.#next > this.#unsettled)
      this.#input.ring.completeAll(this.#claimed, this.#unsettled, this.#next);
    this.#unsettled = Math.max(this.#unsettled, this.#next);
  }
}

/** A message that a handler has. `block`: where its payload is in the pool, or -1. */
interface Run {
  readonly slot: number;
  readonly handler: Handler;
  readonly block: number;
  readonly delivery: Delivery;
}

function undeclared(id: string, message: string): Failure {
  return new Failure("EMISSION_UNDECLARED", {
    at: `kernel ${id}`,
    found: message,
    expected: "a message of its `emits`, or a reply of its `on`",
    fix: "Add the message to `emits` in defineKernel().",
  });
}
