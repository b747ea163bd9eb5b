// Virtual time: timers in order of their time, run as fast as the promises between them settle.

import type { SimulatedTime } from "./simulated-device.ts";

interface Timer {
  readonly atMs: number;
  readonly run: () => void;
}

/** A turn of the event loop takes a microsecond. */
const TURN_MS = 0.001;
/** Beyond these whatever is waited for does not come. */
const HOUR_MS = 3_600_000;
const TURNS_MAX = 300_000;

export class VirtualTime implements SimulatedTime {
  #nowMs = 0;
  #timers: Timer[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  after(ms: number, run: () => void): () => void {
    const timer = { atMs: this.#nowMs + Math.max(TURN_MS, ms), run };
    const behind = this.#timers.findIndex(({ atMs }) => atMs > timer.atMs);
    this.#timers.splice(behind < 0 ? this.#timers.length : behind, 0, timer);
    return () => {
      this.#timers = this.#timers.filter((one) => one !== timer);
    };
  }

  block(ms: number): void {
    this.#nowMs += ms;
  }

  /** Runs timers until `promise` settles. Fails when nothing is left that could settle it. */
  async until<Result>(promise: Promise<Result>): Promise<Result> {
    const state = { isSettled: false };
    const settled = (): void => void (state.isSettled = true);
    promise.then(settled, settled);
    const lastMs = this.#nowMs + HOUR_MS;
    for (let turns = 0; ; turns++) {
      await microtasks();
      if (state.isSettled) break;
      const timer = this.#timers.shift();
      if (timer === undefined || timer.atMs > lastMs || turns > TURNS_MAX)
        throw new Error("nothing is left that could settle it");
      this.#nowMs = Math.max(this.#nowMs, timer.atMs);
      timer.run();
    }
    return promise;
  }

  /** Lets `ms` pass. */
  async pass(ms: number): Promise<void> {
    await this.until(new Promise<void>((resolve) => void this.after(ms, resolve)));
    await microtasks();
  }
}

/** Lets every promise settle that waits for no timer. */
function microtasks(): Promise<void> {
  return new Promise((resume) => void setImmediate(resume));
}
