// Waiters: those who wait for room or for a message, first come, first served.

import type { BridgeTime } from "./device.ts";

export interface WaitOptions {
  /** Milliseconds: 30,000. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export const WAIT_TIMEOUT_MS = 30_000;
/** The longest that timers can wait. */
const TIMER_MS_MAX = 2 ** 31 - 1;

interface Waiter<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (failure: unknown) => void;
}

export class Waiters<Item, Result> {
  readonly #time: BridgeTime;
  readonly #waiting = new Set<Waiter<Item, Result>>();

  constructor(time: BridgeTime) {
    this.#time = time;
  }

  get count(): number {
    return this.#waiting.size;
  }

  /** Waits for `serve`. Rejects with what `late` makes, with the signal's reason, or with `refuseAll`'s. */
  async wait(
    item: Item,
    options: WaitOptions,
    late: (timeoutMs: number) => unknown,
  ): Promise<Result> {
    const { timeoutMs = WAIT_TIMEOUT_MS, signal } = options;
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    const waiter = { item, resolve, reject };
    const leave = (why: () => unknown): void => {
      if (this.#waiting.delete(waiter)) reject(why());
    };
    const aborted = (): void => leave(() => signal!.reason as unknown);
    this.#waiting.add(waiter);
    signal?.addEventListener("abort", aborted, { once: true });
    const cancel =
      timeoutMs > TIMER_MS_MAX
        ? undefined
        : this.#time.after(Math.max(0, timeoutMs), () => leave(() => late(timeoutMs)));
    try {
      return await promise;
    } finally {
      cancel?.();
      signal?.removeEventListener("abort", aborted);
    }
  }

  /** Serves the first as long as `serve` has something for it; undefined: it has not. */
  serve(serve: (item: Item) => { readonly result: Result } | undefined): void {
    for (const waiter of this.#waiting) {
      const served = serve(waiter.item);
      if (served === undefined) return;
      this.#waiting.delete(waiter);
      waiter.resolve(served.result);
    }
  }

  refuseAll(failure: unknown): void {
    for (const { reject } of this.#waiting) reject(failure);
    this.#waiting.clear();
  }
}
