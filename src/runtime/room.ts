// Room: those who wait for a place in a full queue. They get one in the order in which they came.

import type { KeepAlive } from "../ring/mod.ts";
import type { MessageQueue } from "./message-queue.ts";

export interface RoomOptions {
  readonly queue: MessageQueue;
  readonly keepAlive: KeepAlive;
  /** Monotonic milliseconds. */
  readonly nowMs: () => number;
}

export class Room {
  readonly #options: RoomOptions;
  /** Who waits, by the order of their coming. */
  readonly #waiting = new Set<() => boolean>();

  constructor(options: RoomOptions) {
    this.#options = options;
  }

  /** Somebody waits. Who keeps to the order waits too, though there may be room. */
  get isWanted(): boolean {
    return this.#waiting.size > 0;
  }

  /**
   * Calls `publish` whenever there may be room and nobody waits for longer, until it says true. False: it did
   * not within `timeoutMs`. Fails with what it throws; so a `publish` that looks at `signal` first ends at once.
   */
  async wait(publish: () => boolean, timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
    const { queue, keepAlive, nowMs } = this.#options;
    const { done } = queue.ring;
    const until = nowMs() + timeoutMs;
    const turn = (): boolean => (this.#isFirst(turn) || signal?.aborted === true) && publish();
    const wake = (): void => done.ring();
    signal?.addEventListener("abort", wake, { once: true });
    this.#waiting.add(turn);
    try {
      for (;;) {
        const left = Math.min(until - nowMs(), 2 ** 31 - 1);
        if (left <= 0) return false;
        if (await done.waitAsync({ holds: turn }, left, keepAlive)) return true;
      }
    } finally {
      signal?.removeEventListener("abort", wake);
      this.#waiting.delete(turn);
      if (this.isWanted) done.ring(); // The next one looks.
    }
  }

  #isFirst(turn: () => boolean): boolean {
    for (const first of this.#waiting) return first === turn;
    return false;
  }
}
