// Broker: who hears what is published, between the kernels of one tenant. It holds no thread and reads no clock:
// the kernel in broker-kernel.ts gives it both.
//
//   publish   who may? -> new? -> retain -> copy once -> each subscriber's queue
//   obey      the host's word alone: who is there, what it may publish, what it hears

import { BrokerBooks, type Key } from "./broker-books.ts";
import { Deduplication } from "./deduplication.ts";
import type { Qos, Subscription } from "./topic-options.ts";
import { KernelOutlet, type Post, StreamOutlet } from "./topic-outlet.ts";
import { Receipts } from "./topic-receipts.ts";
import type { Kept, Subscriber, SubscriberLimits, SubscriberMetrics } from "./topic-subscriber.ts";
import { checkTopic, Retained } from "./topics.ts";
import {
  type Arrival,
  NOTHING,
  type Published,
  readPublication,
  type RECEIPT_STATUS,
} from "./topic-wire.ts";

export interface BrokerOptions extends SubscriberLimits {
  readonly receiptsMax: number;
  readonly retainedMax: number;
  /** Publishers' own numbers that are remembered, and for how long. */
  readonly idsMax: number;
  readonly idsTtlMs: number;
}

/** What its kernel does for it. */
export interface BrokerPort {
  readonly nowMs: () => number;
  readonly post: Post;
  /** To the host. False: its queue is full. */
  readonly arrive: (arrival: Arrival) => boolean;
  /** Sees to it that `look` is called again and again while `isWaiting`. */
  readonly wake: () => void;
}

export type BrokerOrder =
  | {
      readonly order: "join";
      readonly kernel: string;
      readonly number: number;
      readonly publishes: readonly string[];
      readonly subscribes: readonly Subscription[];
    }
  | ({ readonly order: "subscribe"; readonly kernel: string } & Subscription)
  | { readonly order: "unsubscribe"; readonly kernel: string; readonly filter: string }
  | { readonly order: "forget"; readonly key: Key }
  | ({ readonly order: "stream"; readonly stream: number; readonly type: number } & Subscription)
  | { readonly order: "receipt"; readonly id: number }
  | { readonly order: "metrics"; readonly from: number };

export interface BrokerMetrics {
  /** Publications taken. */
  readonly published: number;
  /** Publications refused: their number had come before, the publisher may not, or they were none. */
  readonly duplicates: number;
  readonly forbidden: number;
  readonly invalid: number;
  /** Topics of which something is retained, and values given up for want of room. */
  readonly retained: number;
  readonly retainedForgotten: number;
  readonly receipts: number;
  readonly receiptsForgotten: number;
}

export interface BrokerPage extends BrokerMetrics {
  readonly subscribers: readonly (readonly [Key, SubscriberMetrics])[];
}

export type Status = (typeof RECEIPT_STATUS)[number];
export type Judged = { readonly status: Status; readonly id: number; readonly matched: number };

/** Subscribers whose metrics one answer holds. */
export const PAGE = 64;

export class Broker {
  readonly #options: BrokerOptions;
  readonly #port: BrokerPort;
  readonly #books: BrokerBooks;
  readonly #receipts: Receipts;
  readonly #retained: Retained<Kept>;
  readonly #ids: Deduplication;
  readonly #streams = new Map<number, StreamOutlet>();
  /** Subscribers to whom something is under way, so that nobody else is looked at. */
  readonly #busy = new Set<Subscriber>();
  readonly #counts = { published: 0, duplicates: 0, forbidden: 0, invalid: 0 };

  constructor(options: BrokerOptions, port: BrokerPort) {
    this.#options = options;
    this.#port = port;
    this.#books = new BrokerBooks(options);
    this.#receipts = new Receipts(options.receiptsMax);
    this.#retained = new Retained({ max: options.retainedMax });
    this.#ids = new Deduplication({
      ...{ max: options.idsMax, ttlMs: options.idsTtlMs, now: port.nowMs },
    });
  }

  /** Whether `look` has something to do. */
  get isWaiting(): boolean {
    return this.#busy.values().some((subscriber) => subscriber.isWaiting);
  }

  /** Whether handlers have publications that they have not settled. */
  get isOut(): boolean {
    return this.#busy.values().some((subscriber) => subscriber.isOut);
  }

  /** Ends what has settled and sends what may go. Says how many publications moved. */
  look(): number {
    const now = this.#port.nowMs();
    let moved = 0;
    for (const subscriber of this.#busy) {
      moved += subscriber.look(now);
      if (subscriber.lag === 0) this.#busy.delete(subscriber);
    }
    return moved;
  }

  /** Takes a publication of kernel `source`, whose bytes are on loan. */
  publish(source: number, hops: number, published: Published): Judged {
    const read = readPublication(published);
    const { type, qos, id_high: idHigh, id_low: idLow } = published;
    if (read === undefined || !isTopic(read.topic) || qos > 2) return this.#refused("invalid");
    const publisher = this.#books.publisher(source, read.topic);
    if (publisher === undefined) return this.#refused("forbidden");
    if ((idHigh | idLow) !== 0 && this.#ids.isDuplicate(publisher, idHigh, idLow))
      return this.#refused("duplicate");
    if (type === NOTHING.id && published.retain === 0) return this.#refused("invalid");
    this.#counts.published++;
    const receipt = this.#receipts.open(read.topic);
    this.#pass({ receipt, ...read, type, qos: qos as Qos, hops }, published.retain !== 0);
    return { status: "accepted", id: receipt.id, matched: receipt.matched };
  }

  /** The host's program has taken the oldest of a stream's. */
  taken(stream: number): void {
    this.#streams.get(stream)?.taken();
    this.#books.subscriber(stream)?.look(this.#port.nowMs());
    this.#wake();
  }

  obey(order: BrokerOrder): unknown {
    const answer = this.#obey(order);
    this.#wake();
    return answer;
  }

  #obey(order: BrokerOrder): unknown {
    switch (order.order) {
      case "join":
        this.#books.join(order.kernel, order.number, order, this.#outlet(order.kernel));
        return this.#remember(order.kernel, this.#books.filtersOf(order.kernel));
      case "subscribe":
        this.#books.subscribe(order.kernel, order.filter, order.qos, this.#outlet(order.kernel));
        return this.#remember(order.kernel, [order]);
      case "unsubscribe":
        return this.#books.unsubscribe(order.kernel, order.filter);
      case "forget":
        if (typeof order.key === "number") this.#streams.delete(order.key);
        return this.#books.forget(order.key);
      case "stream":
        return this.#open(order);
      case "receipt":
        return this.#receipts.get(order.id);
      case "metrics":
        return this.#page(order.from);
    }
  }

  #open(order: BrokerOrder & { order: "stream" }): unknown {
    const { stream, filter, qos } = order;
    const outlet = new StreamOutlet(order, this.#options.queueMax, this.#port.arrive);
    this.#streams.set(stream, outlet);
    this.#books.subscribe(stream, filter, qos, outlet);
    return this.#remember(stream, [order]);
  }

  #outlet(kernel: string): KernelOutlet {
    return new KernelOutlet(kernel, this.#port.post);
  }

  #pass(publication: Kept, retain: boolean): void {
    const { topic, type } = publication;
    const isNothing = type === NOTHING.id;
    if (retain) this.#retained.set(topic, isNothing ? undefined : { ...publication, hops: 0 });
    if (isNothing) return;
    const now = this.#port.nowMs();
    this.#books.match(topic, type, (subscriber, qos) =>
      this.#offer(subscriber, publication, qos, now),
    );
    this.#wake();
  }

  /** Gives a subscriber what is retained of the topics that any of the filters chooses, oldest first. */
  #remember(key: Key, filters: readonly Subscription[]): number {
    const subscriber = this.#books.subscriber(key);
    if (subscriber === undefined) return 0;
    const found = new Map<Kept, Qos>();
    for (const { filter, qos } of filters)
      for (const [, kept] of this.#retained.matching(filter))
        if (subscriber.takes(kept.type) && qos >= (found.get(kept) ?? 0)) found.set(kept, qos);
    for (const kept of found.keys()) if (subscriber.has(kept)) found.delete(kept); // It comes anyway.
    const now = this.#port.nowMs();
    for (const [kept, qos] of found) this.#offer(subscriber, kept, qos, now);
    return found.size;
  }

  /** The lesser quality counts: of what was published, and of what was asked for. */
  #offer(subscriber: Subscriber, publication: Kept, qos: Qos, nowMs: number): void {
    subscriber.offer(publication, Math.min(publication.qos, qos) as Qos, nowMs);
    this.#busy.add(subscriber);
  }

  #refused(status: "duplicate" | "forbidden" | "invalid"): Judged {
    this.#counts[status === "duplicate" ? "duplicates" : status]++;
    return { status, id: 0, matched: 0 };
  }

  #page(from: number): BrokerPage {
    this.look();
    return {
      ...this.#counts,
      ...{ retained: this.#retained.size, retainedForgotten: this.#retained.forgotten },
      ...{ receipts: this.#receipts.size, receiptsForgotten: this.#receipts.forgotten },
      subscribers: this.#books.subscribers
        .slice(from, from + PAGE)
        .map(([key, { metrics }]) => [key, metrics] as const),
    };
  }

  #wake(): void {
    if (this.isWaiting) this.#port.wake();
  }
}

function isTopic(name: string): boolean {
  try {
    checkTopic(name);
    return true;
  } catch {
    return false; // The publisher learns it by its receipt.
  }
}
