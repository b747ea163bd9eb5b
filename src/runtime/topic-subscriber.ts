// Topic subscriber: what is on its way to one subscriber, as the broker has it.
//
//   qos   no room, or not there   the handler failed   its thread died
//   0     dropped                 failed               lost
//   1     waits                   repeated             repeated, also to the kernel launched again
//   2     waits                   failed               lost: the handler may have started
//
// What waits is bounded by number and by time, what is repeated also by attempts. So each publication ends in
// one of five fates, and matched = handled + failed + dropped + lost + expired + lag.

import type { Failure, FailureCode } from "../base/mod.ts";
import type { Refusal } from "./routes.ts";
import type { Fate, OpenReceipt } from "./topic-receipts.ts";
import type { Qos } from "./topic-options.ts";

/** A publication as the broker keeps it: subscribers share it. */
export interface Kept {
  readonly receipt: OpenReceipt;
  readonly topic: string;
  readonly type: number;
  readonly payload: Uint8Array;
  readonly qos: Qos;
  /** Of the message by which it came. */
  readonly hops: number;
}

/** A publication under way. */
export interface Parcel {
  readonly isSettled: boolean;
  /** Ends what is settled, once. Returns why it failed. */
  end(): Failure | undefined;
}

/** The way to a subscriber. */
export interface Outlet {
  /** Only parcels of this type; of any, where it is left out. */
  readonly type?: number | undefined;
  /** Whether parcels settle without a word, so that somebody must look at them. */
  readonly isSilent: boolean;
  post(publication: Kept): Parcel | Refusal;
}

export interface SubscriberLimits {
  /** Publications that wait. */
  readonly queueMax: number;
  /** Publications of quality 1 that are under way at once. */
  readonly inFlightMax: number;
  readonly attemptsMax: number;
  readonly retryMs: number;
  readonly timeoutMs: number;
}

interface Entry {
  readonly publication: Kept;
  readonly qos: Qos;
  readonly untilMs: number;
  attempts: number;
  notBeforeMs: number;
  parcel: Parcel | undefined;
}

export interface SubscriberMetrics extends Readonly<Record<Fate, number>> {
  /** Publications for it. */
  readonly matched: number;
  /** Those of them that are neither handled nor given up. */
  readonly lag: number;
  /** Times that a publication was sent again. */
  readonly retried: number;
}

/** The message never reached a handler. */
const NOT_STARTED: ReadonlySet<FailureCode> = new Set<FailureCode>([
  "KERNEL_TERMINATED",
  "DEADLINE_PASSED",
  "MESSAGE_DAMAGED",
  "CLOCK_SKEW",
]);
/** It will not reach one another time either. */
const HOPELESS: ReadonlySet<FailureCode | Refusal> = new Set<FailureCode | Refusal>([
  ...(["MESSAGE_UNKNOWN", "MESSAGE_INVALID", "MESSAGE_TOO_LARGE"] as const),
  ...(["tenant-mismatch", "max-hops"] as const),
]);

export class Subscriber {
  readonly #outlet: Outlet;
  readonly #limits: SubscriberLimits;
  readonly #counts = {
    ...{ matched: 0, handled: 0, failed: 0, dropped: 0, lost: 0, expired: 0, retried: 0 },
  };
  #queue: Entry[] = [];
  #out: Entry[] = [];
  /** Of those, what has a quality above 0, and 2. */
  #reliable = 0;
  #once = 0;

  constructor(outlet: Outlet, limits: SubscriberLimits) {
    this.#outlet = outlet;
    this.#limits = limits;
  }

  get metrics(): SubscriberMetrics {
    return { ...this.#counts, lag: this.lag };
  }

  /** Publications that are neither handled nor given up. */
  get lag(): number {
    return this.#queue.length + this.#out.length;
  }

  /** Whether it is under way to a handler, and nobody will say when that has settled. */
  get isOut(): boolean {
    return this.#outlet.isSilent && this.#out.length > 0;
  }

  /** Whether somebody must look again. */
  get isWaiting(): boolean {
    const [first] = this.#queue;
    return this.isOut || (first !== undefined && (this.#outlet.isSilent || this.#mayGo(first.qos)));
  }

  takes(type: number): boolean {
    return this.#outlet.type === undefined || this.#outlet.type === type;
  }

  /** Whether a publication is on its way already. */
  has({ receipt }: Kept): boolean {
    return [...this.#queue, ...this.#out].some((entry) => entry.publication.receipt === receipt);
  }

  /** Takes a publication. */
  offer(publication: Kept, qos: Qos, nowMs: number): void {
    this.#counts.matched++;
    publication.receipt.matched++;
    const untilMs = nowMs + this.#limits.timeoutMs;
    const entry: Entry = {
      ...{ publication, qos, untilMs, attempts: 0, notBeforeMs: nowMs, parcel: undefined },
    };
    if (qos === 0) {
      const refusal = this.#post(entry);
      if (refusal !== undefined) this.#end(entry, HOPELESS.has(refusal) ? "failed" : "dropped");
    } else if (this.#queue.length >= this.#limits.queueMax) this.#end(entry, "dropped");
    else {
      this.#queue.push(entry);
      this.look(nowMs);
    }
  }

  /** Ends what has settled and sends what may go. Says how many moved. */
  look(nowMs: number): number {
    return this.#settleAll(nowMs) + this.#sendAll(nowMs);
  }

  /** Nobody is there any more. */
  giveUp(): void {
    for (const entry of [...this.#queue, ...this.#out]) this.#end(entry, "dropped");
    this.#queue = [];
    this.#out = [];
    this.#reliable = this.#once = 0;
  }

  #settleAll(nowMs: number): number {
    const settled = new Set(this.#out.filter(({ parcel }) => parcel!.isSettled)); // Asked once: it changes.
    if (settled.size === 0) return 0;
    this.#out = this.#out.filter((entry) => !settled.has(entry));
    const again = [...settled].filter((entry) => {
      this.#count(entry, -1);
      return !this.#settle(entry, entry.parcel!.end()?.code, nowMs);
    });
    this.#queue.unshift(...again); // In the order in which they went.
    return settled.size;
  }

  /** False: it is to be sent again. */
  #settle(entry: Entry, code: FailureCode | undefined, nowMs: number): boolean {
    if (code === undefined) return this.#end(entry, "handled");
    const isForHandler = !NOT_STARTED.has(code);
    const mayRepeat = entry.qos === 1 || (entry.qos === 2 && !isForHandler);
    if (HOPELESS.has(code)) return this.#end(entry, "failed");
    if (!mayRepeat || entry.attempts >= this.#limits.attemptsMax) {
      const fate = code === "WORKER_LOST" ? "lost" : "failed";
      return this.#end(entry, isForHandler ? fate : "dropped");
    }
    entry.notBeforeMs = nowMs + this.#limits.retryMs * 2 ** (entry.attempts - 1);
    return false;
  }

  #sendAll(nowMs: number): number {
    for (let moved = 0; ; moved++) {
      const [first] = this.#queue;
      if (first === undefined) return moved;
      if (nowMs < first.untilMs) {
        if (nowMs < first.notBeforeMs || !this.#mayGo(first.qos)) return moved;
        const refusal = this.#post(first);
        if (refusal !== undefined && !HOPELESS.has(refusal)) return moved;
        if (refusal !== undefined) this.#end(first, "failed");
      } else this.#end(first, "expired");
      this.#queue.shift();
    }
  }

  /** Of quality 2, one goes at a time and alone: were others claimed with it, nobody could say which started. */
  #mayGo(qos: Qos): boolean {
    if (qos === 2) return this.#reliable === 0;
    return this.#once === 0 && this.#reliable < this.#limits.inFlightMax;
  }

  #post(entry: Entry): Refusal | undefined {
    const posted = this.#outlet.post(entry.publication);
    if (typeof posted === "string") return posted;
    if (entry.attempts++ > 0) this.#counts.retried++;
    entry.parcel = posted;
    this.#out.push(entry);
    this.#count(entry, 1);
    return undefined;
  }

  #count({ qos }: Entry, by: 1 | -1): void {
    if (qos > 0) this.#reliable += by;
    if (qos === 2) this.#once += by;
  }

  #end({ publication }: Entry, fate: Fate): true {
    this.#counts[fate]++;
    publication.receipt[fate]++;
    return true;
  }
}
