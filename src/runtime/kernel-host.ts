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

import { FAULT_CODES, MESSAGE_FAULTS, MESSAGE_OPCODES, SLOT } from "../layout/mod.ts";
import { crc32c, type Fields, type Handler } from "../message/mod.ts";
import type { HybridClock, InputOf, Message } from "../message/mod.ts";
import { ABANDONED } from "./calls.ts";
import type { DeadLetterSlot } from "./dead-letter-box.ts";
import type { KernelDefinition } from "./define-kernel.ts";
import { Delivery } from "./delivery.ts";
import type { Counter, KernelBlock } from "./kernel-block.ts";
import { type MessageQueue, type Payload, WORD } from "./message-queue.ts";
import type { Routes } from "./routes.ts";
import { PLAIN_SEND, type Sender } from "./sender.ts";

const OPCODE = SLOT.fields.opcode.at / 4;
const { HANDLER_ERROR, MALFORMED_ARGS, UNKNOWN_OPCODE } = FAULT_CODES;
/** The byte of a slot's flags that counts hops. */
const HOPS = 0xff;
/** Messages claimed at once. */
const BATCH = 64;
/** Answers that are shown together: the first of them waits for the last. */
const SETTLED_AT_ONCE = 8;
/** Instead of a fault's code: a place that its sender took and could not fill. */
const VOID = -1;
const utf8 = new TextEncoder();
const scratch = new Uint8Array(4096); // An encoder writes to no shared memory.

export interface KernelHostOptions {
  readonly id: string;
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
  /** Unix milliseconds. */
  readonly now: () => number;
  /** A handler goes on by itself: 1. It has settled, and a lane is free: -1. */
  readonly lanesTaken: (by: 1 | -1) => void;
}

interface Known {
  readonly handler: Handler;
  /** By slot: what reads its cell, which stays where it is. */
  readonly views: object[];
}

export class KernelHost {
  state: unknown;
  readonly #options: KernelHostOptions;
  readonly #input: MessageQueue;
  readonly #words: Int32Array;
  readonly #known = new Map<number, Known>();
  readonly #deliveries: Delivery[] = [];
  readonly #running = new Set<Delivery>();
  readonly #claimed: Int32Array;
  readonly #request: Payload;
  readonly #reply: Payload;
  /** Claimed messages from here to `#end` were not started. */
  #next = 0;
  #end = 0;
  /** Claimed messages from here to `#next` were handled and are not settled. */
  #unsettled = 0;
  #lastType = 0;
  #last: Known | undefined;

  constructor(options: KernelHostOptions) {
    const { input, definition } = options;
    this.#options = options;
    this.#input = input;
    this.#words = input.words;
    this.#claimed = new Int32Array(Math.min(BATCH, input.ring.geometry.slots));
    this.#request = { views: input.views, at: 0, bytes: 0 };
    this.#reply = { views: input.views, at: 0, bytes: 0 };
    for (const handler of definition.on)
      this.#known.set(handler.message.id | 0, { handler, views: [] });
  }

  get id(): string {
    return this.#options.id;
  }

  /** Messages whose handlers went on after they returned. */
  get busy(): number {
    return this.#running.size;
  }

  get routes(): Routes {
    return this.#options.routes;
  }

  get interrupted(): boolean {
    return this.#options.block.interrupted;
  }

  /** Whether messages were claimed that wait for a lane, or for the kernel to be active again. */
  get isBehind(): boolean {
    return this.#next < this.#end;
  }

  /** Handles up to one batch of what is there; says how many messages were started. */
  turn(): number {
    const { owner, block, output, lanes, atOnce } = this.#options;
    block.count("heartbeat");
    if (block.interrupted) this.interrupt();
    if (!block.mayHandle) return 0;
    if (this.#next === this.#end && this.#running.size < lanes) {
      this.#next = this.#unsettled = 0;
      this.#end = this.#input.ring.claim(owner, this.#claimed, atOnce);
      block.count("claimed", this.#end);
    }
    const from = this.#next;
    while (this.#next < this.#end && this.#mayStart()) {
      this.#start(this.#claimed[this.#next]!);
      this.#next++;
      if (this.#next - this.#unsettled >= SETTLED_AT_ONCE) this.#settle();
    }
    this.#settle();
    output.flush();
    return this.#next - from;
  }

  /** Tells whatever runs to stop. */
  interrupt(): void {
    for (const delivery of this.#running) delivery.tell();
    this.#options.block.interrupted = false;
  }

  emit<Of extends Fields>(message: Message<Of>, value: InputOf<Of>): boolean {
    const { output, block } = this.#options;
    const isOut = output.send(message, value, PLAIN_SEND, this.#running.size === 0) >= 0;
    block.count(isOut ? "emitted" : "emit_full");
    return isOut;
  }

  /** Faults what was claimed and not started: the kernel ends. */
  refuseRest(): void {
    for (; this.#next < this.#end; this.#next++)
      this.#refuse(this.#claimed[this.#next]!, MESSAGE_FAULTS.TERMINATED);
    this.#settle();
  }

  #mayStart(): boolean {
    const { block, lanes } = this.#options;
    return this.#running.size < lanes && block.mayHandle;
  }

  #start(slot: number): void {
    const word = this.#input.ring.at(slot);
    const known = this.#knownOf(this.#words[word + WORD.type]!);
    const fault = this.#check(slot, word, known);
    if (fault === VOID) this.#options.block.count("failed"); // Settled with its neighbours.
    else if (fault !== 0) this.#refuse(slot, fault);
    else this.#handle(slot, word, known!);
  }

  #knownOf(type: number): Known | undefined {
    if (type !== this.#lastType) {
      this.#lastType = type;
      this.#last = this.#known.get(type);
    }
    return this.#last;
  }

  /** 0, or why a message reaches no handler. */
  #check(slot: number, word: number, known: Known | undefined): number {
    const words = this.#words;
    const opcode = words[word + OPCODE];
    if (opcode === MESSAGE_OPCODES.ERROR) return VOID;
    if (known === undefined || opcode !== MESSAGE_OPCODES.MESSAGE)
      return this.#counted("malformed", UNKNOWN_OPCODE);
    if (!this.#isWhole(slot, known.handler.message))
      return this.#counted("malformed", MALFORMED_ARGS);
    if (this.#options.checksum && !this.#isIntact(words[word + WORD.checksum]!))
      return this.#counted("malformed", MESSAGE_FAULTS.CHECKSUM);
    if (words[word + WORD.correlation] === ABANDONED) return MESSAGE_FAULTS.CANCELLED;
    if (this.#isLate(words[word + WORD.deadline]!))
      return this.#counted("expired", MESSAGE_FAULTS.DEADLINE);
    const [high, low] = [words[word + WORD.stamp_high]! >>> 0, words[word + WORD.stamp_low]! >>> 0];
    const isNear = this.#options.clock.observe(high, low);
    return isNear ? 0 : this.#counted("skewed", MESSAGE_FAULTS.CLOCK_SKEW);
  }

  #isWhole(slot: number, message: Message): boolean {
    const request = this.#request;
    return (
      this.#input.find(slot, request) &&
      this.#input.isRequest(slot, request) &&
      message.fits(request.views, request.at, request.bytes)
    );
  }

  #isIntact(checksum: number): boolean {
    const { views, at, bytes } = this.#request;
    return crc32c(views.u8, at, at + bytes) === checksum >>> 0;
  }

  #isLate(deadline: number): boolean {
    return deadline !== 0 && ((Math.trunc(this.#options.now()) - deadline) | 0) > 0;
  }

  #counted(counter: Counter, code: number): number {
    this.#options.block.count(counter);
    return code;
  }

  #handle(slot: number, word: number, known: Known): void {
    const { handler } = known;
    const { views, at } = this.#request;
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

  #delivery(slot: number): Delivery {
    return (this.#deliveries[slot] ??= new Delivery(this));
  }

  /** The handler goes on by itself: its slot and its lane are taken until it settles. */
  #later(run: Run, answer: Promise<unknown>): void {
    this.#apart();
    run.delivery.late = true;
    this.#running.add(run.delivery);
    this.#options.lanesTaken(1);
    this.#options.block.busy = this.#running.size;
    const settled = (end: () => void): void => {
      this.#running.delete(run.delivery);
      this.#options.block.busy = this.#running.size;
      end();
      this.#options.output.flush();
      this.#options.lanesTaken(-1);
    };
    answer.then(
      (value) => settled(() => this.#answerLate(run, value)),
      (error: unknown) => settled(() => this.#failed(run, error)),
    );
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
    if (reply !== undefined && !delivery.isCall) this.emit(reply, value as never);
    if (delivery.isCall) this.#input.placeNothing(slot); // The request goes, whatever the answer.
    const isWritten = reply === undefined || !delivery.isCall || this.#write(slot, reply, value);
    this.#freeBlock(block);
    if (isWritten) {
      this.#options.block.count("processed");
      if (delivery.late) this.#input.ring.complete(slot); // Any other is settled with its neighbours.
    } else this.#fault(slot, MESSAGE_FAULTS.REPLY_TOO_LARGE, delivery.late);
  }

  /** Writes the reply to the slot's own cell, or to a block. False: neither holds it. */
  #write(slot: number, reply: Message, value: unknown): boolean {
    const into = this.#reply;
    const bytes = reply.bytesOf(value as never);
    if (bytes > this.#options.payloadBytesMax) return false;
    if (!this.#input.room(this.#input.replyAt(slot), bytes, into)) return false;
    try {
      into.bytes = reply.write(into.views, into.at, value as never);
    } catch (error) {
      this.#input.free(into);
      throw error;
    }
    const word = this.#input.ring.at(slot);
    this.#words[word + OPCODE] = MESSAGE_OPCODES.REPLY;
    this.#words[word + WORD.type] = reply.id;
    this.#input.place(slot, into);
    return true;
  }

  #failed({ slot, block, delivery }: Run, error: unknown): void {
    const { interrupted } = delivery;
    this.#bury(slot, interrupted ? MESSAGE_FAULTS.INTERRUPTED : HANDLER_ERROR);
    this.#freeBlock(block);
    this.#explain(slot, error instanceof Error ? (error.stack ?? String(error)) : String(error));
    if (interrupted && !delivery.late) this.#options.block.interrupted = false; // It was for this one.
    this.#fault(slot, interrupted ? MESSAGE_FAULTS.INTERRUPTED : HANDLER_ERROR, delivery.late);
  }

  /** Leaves as much of a text as the cell holds where the reply would be. */
  #explain(slot: number, text: string): void {
    const { views, cellBytes } = this.#input;
    const { written } = utf8.encodeInto(text, scratch);
    const bytes = Math.min(written, cellBytes);
    const at = this.#input.replyAt(slot);
    views.u8.set(scratch.subarray(0, bytes), at);
    this.#input.place(slot, { views, at, bytes });
  }

  /** A message that reached no handler: its block goes back. */
  #refuse(slot: number, code: number): void {
    const request = this.#request;
    this.#bury(slot, code);
    if (this.#input.find(slot, request)) this.#input.free(request);
    this.#input.placeNothing(slot);
    this.#fault(slot, code, false);
  }

  /** Keeps a message that nobody waits for, where the launch asks for that. */
  #bury(slot: number, code: number): void {
    const { dead, block } = this.#options;
    if (dead === undefined || this.#input.ring.isHeld(slot)) return;
    if (!dead.put(this.#input, slot, code)) block.count("dead_lost");
  }

  #freeBlock(at: number): void {
    if (at >= 0) this.#input.freeBlock(at);
  }

  #fault(slot: number, code: number, late: boolean): void {
    if (!late) this.#apart();
    this.#options.block.count("failed");
    this.#input.ring.fault(slot, code, 0);
  }

  /** The message at `#next` is settled by itself: those before it are, first. */
  #apart(): void {
    this.#settle();
    this.#unsettled = this.#next + 1;
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
