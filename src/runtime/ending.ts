// Ending: how a kernel's life ends, by its own drain, by force or with its thread.
//
//   terminate   close to senders, drain, close to the threads, leave them, refuse what is left
//   kill        the threads end where they are
//   lost        a thread has ended: what it had is swept, the rest refused

import type { Failure } from "../base/mod.ts";
import { SLOT_STATUS } from "../layout/mod.ts";
import { sweep } from "../ring/core.ts";
import type { DeadReason } from "./dead-letters.ts";
import { type KernelBlock, sumOf } from "./kernel-block.ts";
import type { KernelEnd, ThreadEnd } from "./kernel-facts.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { type MessageQueue, WORD } from "./message-queue.ts";
import { refuseAll } from "./refusal.ts";

/** After draining, for a handler that was told to stop. */
const GRACE_MS = 200;

export interface EndingParts {
  readonly lifecycle: Lifecycle;
  /** Its input queues. */
  readonly inputs: readonly MessageQueue[];
  readonly blocks: readonly KernelBlock[];
  readonly owners: readonly number[];
  readonly pause: () => Promise<void>;
  readonly nowMs: () => number;
  readonly terminationTimeoutMs: number;
  /** The definition's, for handlers that cannot look. */
  readonly onInterrupt: (() => void) | undefined;
  /** Shows what was gathered, and tells the threads that there is something to do. */
  readonly wake: () => void;
  /** Takes the kernel off its threads. */
  readonly leave: () => Promise<void>;
  /** Ends the kernel's threads where they are. */
  readonly kill: () => Promise<void>;
  /** Settles the calls that were answered. */
  readonly poll: () => void;
  /** What waits on the host for room: how many messages, and an end to them. */
  readonly waiting: () => number;
  readonly refuseWaiting: () => number;
  /** Keeps a message that nobody waits for and nobody handles. */
  readonly bury: (queue: MessageQueue, slot: number, reason: DeadReason) => void;
  /** The kernel has ended: whoever waits for messages learns of it. */
  readonly over: () => void;
  /** The same, after that: its id is free. */
  readonly gone: () => void;
}

export class Ending {
  readonly #parts: EndingParts;
  readonly #ended = Promise.withResolvers<KernelEnd>();
  #failure: Failure | undefined;

  constructor(parts: EndingParts) {
    this.#parts = parts;
  }

  /** How the kernel's life ends. Never rejects. */
  get ended(): Promise<KernelEnd> {
    return this.#ended.promise;
  }

  /** Messages that its threads have claimed and not ended. */
  get inHand(): number {
    return this.#parts.blocks.reduce((sum, { inHand }) => sum + inHand, 0);
  }

  /** Drains until the deadline, then forces. Fails with INVALID_STATE_TRANSITION the second time. */
  async terminate(timeoutMs: number): Promise<KernelEnd> {
    this.#parts.lifecycle.move("terminate");
    const { lifecycle, nowMs, pause, wake } = this.#parts;
    const until = nowMs() + timeoutMs;
    wake();
    while (this.#depth > 0 && nowMs() < until) await pause();
    for (const block of this.#parts.blocks) block.close();
    const waiting = this.#depth;
    const isDrained = waiting === 0;
    const before = sumOf(this.#parts.blocks, "processed");
    if (!isDrained) this.interrupt();
    const left = await this.#leave();
    if (left === "died" || this.#isOver) return this.#ended.promise;
    if (left === "stuck") return this.kill();
    const refused = this.#refuseRest();
    lifecycle.move("terminated");
    this.#refuseRest(); // Another kernel may have sent just before it saw that.
    const failed = this.#failure === undefined ? {} : { failure: this.#failure };
    const end: KernelEnd = isDrained
      ? { how: "terminated", refused, ...failed }
      : {
          how: "forced",
          lost: waiting - ((sumOf(this.#parts.blocks, "processed") - before) >>> 0),
          ...failed,
        };
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
        answers.push(this.#isOver ? "died" : "left");
      },
    );
    while (answers.length === 0) {
      const ms = nowMs() - started;
      if (ms > terminationTimeoutMs + GRACE_MS || (ms > GRACE_MS && this.inHand > 0))
        return "stuck";
      await pause();
    }
    return answers[0]!;
  }

  /** Ends the threads where they are. */
  async kill(): Promise<KernelEnd> {
    if (!this.#isOver) await this.#parts.kill();
    return this.#ended.promise;
  }

  /** Tells whatever runs to stop. */
  interrupt(): void {
    for (const block of this.#parts.blocks) block.interrupted = true;
    this.#parts.onInterrupt?.();
    this.#parts.wake();
  }

  /** Its thread has died. The runtime says so. */
  lost({ failure, exitCode }: ThreadEnd): void {
    if (this.#isOver) return;
    const { lifecycle, inputs, owners } = this.#parts;
    if (lifecycle.state !== "terminating") lifecycle.move("terminate");
    let lost = 0;
    for (const queue of inputs) {
      for (const slot of slotsOf(queue, owners)) {
        if (queue.ring.isHeld(slot)) continue;
        this.#parts.bury(queue, slot, "worker-lost");
        queue.discard(slot);
      }
      for (const owner of owners) lost += sweep(queue.ring, owner);
    }
    lost += this.#refuseRest();
    lifecycle.move("terminated");
    this.#refuseRest();
    const why = failure === undefined ? {} : { failure, exitCode: exitCode ?? 1 };
    this.#over({ how: "killed", lost, ...why });
  }

  /** A thread has died that may just have been sending to this kernel, or freeing what was answered. */
  mend(thread: number): void {
    for (const queue of this.#parts.inputs) queue.mend(thread);
    if (this.#depth > 0) this.#parts.wake();
  }

  /** The caller of these calls has died: their slots are freed when they are answered, or now. */
  forsake(source: number): void {
    for (const queue of this.#parts.inputs) {
      const { ring, words } = queue;
      for (let slot = 0; slot < ring.geometry.slots; slot++) {
        if (!ring.isOut(slot) || words[ring.at(slot) + WORD.source] !== source) continue;
        if (!ring.isHeld(slot)) continue;
        const status = ring.status(slot);
        if (status !== SLOT_STATUS.DONE && status !== SLOT_STATUS.FAULT) ring.loosen(slot);
        else {
          queue.discard(slot);
          ring.releaseOwn(slot);
        }
      }
    }
  }

  #over(end: KernelEnd): void {
    this.#parts.over(); // It takes what was emitted, which the books shall know of.
    this.#parts.gone();
    this.#ended.resolve(end);
  }

  /** Nobody serves the queues any more: what is in them fails. */
  #refuseRest(): number {
    const { inputs, bury, poll, refuseWaiting } = this.#parts;
    let refused = refuseWaiting();
    for (const queue of inputs)
      refused += refuseAll(queue, (slot) => {
        if (!queue.ring.isHeld(slot)) bury(queue, slot, "terminated");
      });
    poll();
    return refused;
  }

  get #depth(): number {
    return this.#parts.inputs.reduce((sum, { ring }) => sum + ring.depth, this.#parts.waiting());
  }

  get #isOver(): boolean {
    return this.#parts.lifecycle.state === "terminated";
  }
}

/** Slots that threads of these names have. */
function slotsOf({ ring }: MessageQueue, owners: readonly number[]): number[] {
  const slots = Array.from({ length: ring.geometry.slots }, (_, slot) => slot);
  return slots.filter((slot) => owners.includes(ring.owner(slot)));
}
