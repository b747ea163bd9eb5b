// Waits: how a thread waits for another's next move, and never misses it.
//
// A bell is a word that moves and a count of those asleep on it. Whoever waits counts itself, reads the
// bell, looks once more at what it waits for, and sleeps only while the bell is still as read. Whoever
// changed something looks at the count after the change. Both orders are total, so one of the two always
// sees the other: either the sleeper's last look finds the change, or the changer finds the sleeper.

import { Failure } from "../base/mod.ts";
import { BELLS, type RingGeometry } from "../layout/mod.ts";

/** What is waited for. One object serves many waits, so that waiting allocates nothing. */
export interface Condition {
  holds(): boolean;
}

/** How long to look before sleeping, and how long to sleep. Both 0: look once. */
export interface IdlePolicy {
  /** Looks before the first sleep; Infinity never sleeps. */
  readonly spins: number;
  /** The longest sleep, in milliseconds. 0: do not sleep. */
  readonly sleepMs: number;
}

/** The usual ways to wait. */
export const IDLE = {
  spin: { spins: Infinity, sleepMs: 0 },
  spinThenWait: { spins: 2000, sleepMs: Infinity },
  wait: { spins: 0, sleepMs: Infinity },
} as const satisfies Readonly<Record<string, IdlePolicy>>;

/** Keeps the event loop alive from its call until the call of what it returns. */
export type KeepAlive = () => () => void;

export class Bell {
  readonly #words: Int32Array;
  readonly #bell: number;
  readonly #sleepers: number;

  /** Indices of the two words. */
  constructor(words: Int32Array, bell: number, sleepers: number) {
    this.#words = words;
    this.#bell = bell;
    this.#sleepers = sleepers;
  }

  /** Wakes whoever sleeps. Call it after the change that they wait for. */
  ring(): void {
    if (Atomics.load(this.#words, this.#sleepers) === 0) return;
    Atomics.add(this.#words, this.#bell, 1);
    Atomics.notify(this.#words, this.#bell);
  }

  /** As `ring`, for a change that this thread alone waits for: it needs no atomic look at its own count. */
  ringHere(): void {
    if (this.#words[this.#sleepers] !== 0) this.ring();
  }

  /** Waits until `condition` holds. False: it did not within the policy. Blocks the thread. */
  wait(condition: Condition, policy: IdlePolicy): boolean {
    for (let i = 0; i < policy.spins; i++) if (condition.holds()) return true;
    if (policy.sleepMs === 0) return condition.holds();
    Atomics.add(this.#words, this.#sleepers, 1);
    try {
      return this.#sleep(condition, policy.sleepMs);
    } finally {
      Atomics.sub(this.#words, this.#sleepers, 1);
    }
  }

  /**
   * Waits until `condition` holds without blocking the thread; false after `sleepMs` without a move. The
   * event loop stays alive by `keepAlive` meanwhile, and only meanwhile.
   */
  async waitAsync(condition: Condition, sleepMs: number, keepAlive: KeepAlive): Promise<boolean> {
    if (condition.holds()) return true;
    Atomics.add(this.#words, this.#sleepers, 1);
    const release = keepAlive();
    try {
      for (;;) {
        const seen = Atomics.load(this.#words, this.#bell);
        if (condition.holds()) return true;
        const move = Atomics.waitAsync(this.#words, this.#bell, seen, sleepMs);
        if ((await move.value) === "timed-out") return condition.holds();
      }
    } finally {
      release();
      Atomics.sub(this.#words, this.#sleepers, 1);
    }
  }

  #sleep(condition: Condition, sleepMs: number): boolean {
    for (;;) {
      const seen = Atomics.load(this.#words, this.#bell);
      if (condition.holds()) return true;
      if (this.#blocked(seen, sleepMs) === "timed-out") return condition.holds();
    }
  }

  #blocked(seen: number, sleepMs: number): "ok" | "not-equal" | "timed-out" {
    try {
      return Atomics.wait(this.#words, this.#bell, seen, sleepMs);
    } catch (cause) {
      const facts = {
        found: "a thread that may not block",
        expected: "one that may call Atomics.wait()",
        fix: "Use waitAsync() here, or wait on another thread.",
      };
      throw new Failure("THREAD_MAY_NOT_BLOCK", facts, { cause });
    }
  }
}

/** The bells of a ring: "work" wakes executors, "done" wakes hosts. */
export function bellOf(words: Int32Array, geometry: RingGeometry, side: "work" | "done"): Bell {
  const { doorbell, sleepers, done_doorbell, done_sleepers } = BELLS.fields;
  const work = side === "work";
  const bell = (geometry.bellsAt + (work ? doorbell : done_doorbell).at) / 4;
  return new Bell(words, bell, (geometry.bellsAt + (work ? sleepers : done_sleepers).at) / 4);
}
