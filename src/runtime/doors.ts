// Doors: the ways into a kernel's queues, and which of them a message takes.

import type { Writable } from "../message/mod.ts";
import type { Calls } from "./calls.ts";
import { Placement, type Scheduler } from "./scheduling.ts";
import type { SendFacts, Sender } from "./sender.ts";

/** A way into one queue, and back. */
export interface Door {
  readonly sender: Sender;
  readonly calls: Calls;
}

export class Doors {
  readonly all: readonly Door[];
  /** By which the last message went, or the last one that was tried. */
  last: Door;
  readonly #placement: Placement;

  constructor(all: readonly Door[], scheduler: Scheduler) {
    this.all = all;
    this.last = all[0]!;
    this.#placement = new Placement(scheduler);
  }

  /** The queue of the next message. Fails with OPTION_UNSUPPORTED for a `key` or `level` that means nothing. */
  pick(key?: number, level?: number): number {
    return this.#placement.pick(key, level);
  }

  /** Publishes to `queue`, or to the next one that has room where messages may go there. -1: none has. */
  send<Value>(
    message: Writable<Value>,
    value: Value,
    facts: SendFacts,
    queue: number,
    gather = false,
  ): number {
    const { all } = this;
    const tries = this.#placement.mayMove ? all.length : 1;
    let slot = -1;
    for (let i = 0; i < tries && slot < 0; i++) {
      this.last = all[(queue + i) % all.length]!;
      slot = this.last.sender.send(message, value, facts, gather);
    }
    return slot;
  }

  /** Calls whose slots are not free again. */
  get pending(): number {
    let pending = 0;
    for (let i = 0; i < this.all.length; i++) pending += this.all[i]!.calls.pending;
    return pending;
  }

  /** Shows what was gathered. */
  flush(): void {
    for (const { sender } of this.all) sender.flush();
  }

  /** Tells whoever takes the messages. */
  wake(): void {
    for (const { sender } of this.all) sender.wake();
  }

  /** Of all doors together. */
  sum(count: (door: Door) => number): number {
    return this.all.reduce((total, door) => total + count(door), 0);
  }
}
