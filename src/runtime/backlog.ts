// Backlog: messages that wait on the host for room in a kernel's queue, first come, first sent.
//
// While one waits, whatever comes later waits behind it, so that messages and their answers keep their order.
// It looks again whenever the kernel has ended a message, and blocks nothing.

import { Failure } from "../base/mod.ts";
import type { Bell, KeepAlive } from "../ring/mod.ts";

/** One that waits. */
export interface Waiting {
  /** Publishes it; false: there is no room yet. What it throws refuses it. */
  send(): boolean;
  /** It is not sent any more. */
  refuse(failure: Failure): void;
  /** Monotonic milliseconds; Infinity is no limit. */
  readonly untilMs: number;
}

export interface BacklogOptions {
  /** Rings when a message of the kernel has ended. */
  readonly done: Bell;
  readonly keepAlive: KeepAlive;
  /** Monotonic milliseconds. */
  readonly nowMs: () => number;
  /** Milliseconds until rates let more through, where those keep the first one; 0: only the queue does. */
  readonly waitMs: () => number;
  /** Says that one waited for too long. */
  readonly late: () => Failure;
}

const TIMER_MAX_MS = 2 ** 31 - 1;

export class Backlog {
  readonly #options: BacklogOptions;
  /** In their order. */
  readonly #waiting = new Set<Waiting>();
  #isPumping = false;
  readonly #moved = { holds: () => this.#send() > 0 || this.size === 0 };

  constructor(options: BacklogOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#waiting.size;
  }

  push(one: Waiting): void {
    this.#waiting.add(one);
    if (this.#isPumping) this.look(); // It may wait for less time than those before it.
    else void this.#pump();
  }

  /** Gives up the one that has waited longest. */
  dropOldest(failure: Failure): void {
    const [oldest] = this.#waiting;
    if (oldest !== undefined) this.drop(oldest, failure);
  }

  /** Gives up one, wherever it waits. */
  drop(one: Waiting, failure: Failure): void {
    if (!this.#waiting.delete(one)) return;
    one.refuse(failure);
    this.look();
  }

  /** Gives up all, and says how many. */
  refuseAll(failure: Failure): number {
    const all = [...this.#waiting];
    this.#waiting.clear();
    for (const one of all) one.refuse(failure);
    this.look();
    return all.length;
  }

  /** Something has changed: looks again. */
  look(): void {
    this.#options.done.ring();
  }

  async #pump(): Promise<void> {
    const { done, keepAlive, nowMs, waitMs } = this.#options;
    this.#isPumping = true;
    while (this.size > 0) {
      this.#send();
      this.#expire(nowMs());
      if (this.size === 0) break;
      let soonest = Infinity;
      for (const { untilMs } of this.#waiting) soonest = Math.min(soonest, untilMs);
      const left = Math.min(soonest - nowMs(), waitMs() || Infinity, TIMER_MAX_MS);
      await done.waitAsync(this.#moved, Math.max(1, left), keepAlive);
    }
    this.#isPumping = false;
  }

  /** Sends from the front until there is no room, and says how many were sent or failed. */
  #send(): number {
    let moved = 0;
    for (const one of this.#waiting) {
      try {
        if (!one.send()) break;
      } catch (error) {
        one.refuse(error as Failure); // Sending throws nothing else.
      }
      this.#waiting.delete(one);
      moved++;
    }
    return moved;
  }

  #expire(nowMs: number): void {
    for (const one of this.#waiting) if (one.untilMs <= nowMs) this.drop(one, this.#options.late());
  }
}
