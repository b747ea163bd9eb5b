// Pool: the instances of one kernel, lent to one caller at a time.
//
// What a caller gets is its own from before, or clean. An instance remembers its tenant, and is
// handed to another only after `reset`: memory zeroed or replaced, globals and tables fresh. So the
// common case, one tenant, costs a look at the top of a stack, and isolation is paid for by whoever
// changes tenants. An instance that trapped is never lent again; its place is.

import { Failure } from "../base/mod.ts";
import type { KernelInstance } from "./instance.ts";

export interface PoolOptions {
  readonly kernel: string;
  /** Instances that may live at once, lent ones included. */
  readonly instancesMax: number;
  /** Callers of `acquire` that may wait for one; the next is refused. */
  readonly queueMax: number;
  /** Makes an instance. Called only when no idle one can serve. */
  readonly create: () => KernelInstance;
  /** Makes an instance clean. What it throws goes to the caller, and the instance is dropped. */
  readonly reset: (instance: KernelInstance) => void;
  /** Ends an instance that did not trap, when the pool is closed. Must not throw. */
  readonly retire: (instance: KernelInstance) => void;
}

/** Always: created = idle + lent + discarded. */
export interface PoolCounts {
  readonly created: number;
  readonly resets: number;
  /** Dropped: after a trap, a reset that failed, or the end of the pool. */
  readonly discarded: number;
  readonly idle: number;
  readonly lent: number;
  readonly waiting: number;
}

interface Waiter {
  readonly tenant: string;
  readonly resolve: (instance: KernelInstance) => void;
  readonly reject: (error: unknown) => void;
  /** Takes the waiter's listener off its signal. */
  readonly leave: () => void;
}

export class InstancePool {
  readonly #options: PoolOptions;
  readonly #idle: KernelInstance[] = [];
  #waiting: Waiter[] = [];
  #lent = 0;
  #created = 0;
  #resets = 0;
  #discarded = 0;
  /** Why nothing is lent any more. */
  #closed: Failure | undefined;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  counts(): PoolCounts {
    return {
      created: this.#created,
      resets: this.#resets,
      discarded: this.#discarded,
      idle: this.#idle.length,
      lent: this.#lent,
      waiting: this.#waiting.length,
    };
  }

  /** Lends an instance now. POOL_EXHAUSTED when every one is lent. */
  take(tenant: string): KernelInstance {
    const instance = this.#tryTake(tenant);
    if (instance === undefined) throw this.#exhausted("wait for one: await kernel.acquire()");
    return instance;
  }

  /** Lends an instance, waiting in line for one. POOL_EXHAUSTED when the line is full. */
  async acquire(tenant: string, signal?: AbortSignal): Promise<KernelInstance> {
    signal?.throwIfAborted();
    const instance = this.#waiting.length === 0 ? this.#tryTake(tenant) : undefined;
    if (instance !== undefined) return instance;
    if (this.#waiting.length >= this.#options.queueMax) throw this.#exhausted("try again later");
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        this.#waiting = this.#waiting.filter((each) => each !== waiter);
        reject(signal!.reason as Error);
      };
      const leave = (): void => signal?.removeEventListener("abort", abort);
      const waiter: Waiter = { tenant, resolve, reject, leave };
      this.#waiting.push(waiter);
      signal?.addEventListener("abort", abort, { once: true });
    });
  }

  /** Takes an instance back, and hands it to the first in line. */
  release(instance: KernelInstance): void {
    this.#lent--;
    if (instance.trapped) this.#discarded++;
    else if (this.#closed === undefined) this.#idle.push(instance);
    else this.#retire(instance);
    while (this.#waiting.length > 0 && this.#serve());
  }

  /**
   * Lends nothing any more, for `reason`: whoever waits is refused, idle instances are retired now and
   * lent ones when they come back.
   */
  close(reason: Failure): void {
    this.#closed ??= reason;
    for (const { reject, leave } of this.#waiting.splice(0)) {
      leave();
      reject(reason);
    }
    for (const instance of this.#idle.splice(0)) this.#retire(instance);
  }

  #tryTake(tenant: string): KernelInstance | undefined {
    const last = this.#idle.length - 1;
    const top = this.#idle[last];
    if (top !== undefined && top.tenant === tenant) {
      this.#idle.length = last;
      this.#lent++;
      return top;
    }
    return this.#takeSlowly(tenant);
  }

  /** The tenant's own, then a clean one, then a new one, then another tenant's, cleaned. */
  #takeSlowly(tenant: string): KernelInstance | undefined {
    if (this.#closed !== undefined) throw this.#closed;
    const own = this.#idle.findIndex((instance) => instance.tenant === tenant);
    const clean =
      own >= 0 ? own : this.#idle.findIndex((instance) => instance.tenant === undefined);
    if (clean >= 0) return this.#lend(this.#idle.splice(clean, 1)[0]!, tenant);
    if (this.#idle.length + this.#lent < this.#options.instancesMax)
      return this.#lend(this.#create(), tenant);
    const other = this.#idle.shift(); // The one that has lain idle longest.
    return other === undefined ? undefined : this.#lend(this.#reset(other), tenant);
  }

  #create(): KernelInstance {
    const instance = this.#options.create();
    this.#created++;
    return instance;
  }

  #reset(instance: KernelInstance): KernelInstance {
    this.#discarded++; // Until it is clean it is gone.
    this.#options.reset(instance);
    this.#discarded--;
    this.#resets++;
    return instance;
  }

  #lend(instance: KernelInstance, tenant: string): KernelInstance {
    instance.tenant = tenant;
    this.#lent++;
    return instance;
  }

  #retire(instance: KernelInstance): void {
    this.#discarded++;
    this.#options.retire(instance);
  }

  /** Serves the first in line. False when there is nothing to serve it with. */
  #serve(): boolean {
    const waiter = this.#waiting.shift()!;
    try {
      const instance = this.#tryTake(waiter.tenant);
      if (instance === undefined) {
        this.#waiting.unshift(waiter);
        return false;
      }
      waiter.resolve(instance);
    } catch (error) {
      waiter.reject(error); // A start function that traps is this caller's error, not the releaser's.
    }
    waiter.leave();
    return true;
  }

  #exhausted(advice: string): Failure {
    const { kernel, instancesMax, queueMax } = this.#options;
    return new Failure(
      "POOL_EXHAUSTED",
      {
        at: `kernel "${kernel}"`,
        found: `${this.#lent} of ${instancesMax} instances lent, ${this.#waiting.length} of ${queueMax} callers waiting`,
        expected: "an instance to lend, or a place in the line",
        fix: `Dispose calls that are done, ${advice}, or raise poolInstancesMax.`,
      },
      { detail: { ...this.counts() } },
    );
  }
}
