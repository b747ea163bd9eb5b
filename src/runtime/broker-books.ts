// Broker books: who hears which topics, and who may publish to which.

import { Subscriber, type Outlet, type SubscriberLimits } from "./topic-subscriber.ts";
import type { Qos, Subscription } from "./topic-options.ts";
import { TopicTree } from "./topics.ts";

/** A kernel by its id, or a stream of the host by its number. */
export type Key = string | number;

interface Listener {
  readonly subscriber: Subscriber;
  readonly filters: Map<string, Qos>;
  /** Those of its filters that its launch named: the next launch names its own. */
  readonly byLaunch: Set<string>;
  /** What the tree holds for each quality: it visits each once. */
  readonly ranks: readonly Rank[];
}

interface Rank {
  readonly listener: Listener;
  readonly qos: Qos;
}

interface Publisher {
  readonly kernel: string;
  /** The same for every kernel of that id, launched again or not. */
  readonly index: number;
  readonly topics: TopicTree<true>;
}

export class BrokerBooks {
  readonly #limits: SubscriberLimits;
  readonly #tree = new TopicTree<Rank>();
  readonly #listeners = new Map<Key, Listener>();
  /** By the number that the runtime gave each. */
  readonly #publishers = new Map<number, Publisher>();
  readonly #indices = new Map<string, number>();

  constructor(limits: SubscriberLimits) {
    this.#limits = limits;
  }

  get subscribers(): readonly (readonly [Key, Subscriber])[] {
    return [...this.#listeners].map(([key, { subscriber }]) => [key, subscriber] as const);
  }

  /** The filters of a subscriber. */
  filtersOf(key: Key): Subscription[] {
    const filters = this.#listeners.get(key)?.filters ?? [];
    return [...filters].map(([filter, qos]) => ({ filter, qos }));
  }

  /** A kernel was launched, or launched again: it may publish there, and hears what its launch says. */
  join(
    kernel: string,
    number: number,
    {
      publishes,
      subscribes,
    }: { publishes: readonly string[]; subscribes: readonly Subscription[] },
    outlet: Outlet,
  ): void {
    this.#dismiss(kernel);
    const index = this.#indices.get(kernel) ?? this.#indices.size + 1;
    this.#indices.set(kernel, index);
    const topics = new TopicTree<true>();
    for (const filter of publishes) topics.add(filter, true);
    this.#publishers.set(number, { kernel, index, topics });
    const before = this.#listeners.get(kernel);
    for (const filter of before?.byLaunch ?? []) this.unsubscribe(kernel, filter);
    for (const { filter, qos } of subscribes)
      this.subscribe(kernel, filter, qos, outlet).byLaunch.add(filter);
  }

  /** Subscribes, or changes the quality. */
  subscribe(key: Key, filter: string, qos: Qos, outlet: Outlet): Listener {
    const listener = this.#listeners.get(key) ?? listen(new Subscriber(outlet, this.#limits));
    this.#listeners.set(key, listener);
    const before = listener.filters.get(filter);
    if (before !== undefined) this.#tree.remove(filter, listener.ranks[before]!);
    this.#tree.add(filter, listener.ranks[qos]!);
    listener.filters.set(filter, qos);
    return listener;
  }

  /** Ends one subscription: what is on its way still comes. */
  unsubscribe(key: Key, filter: string): boolean {
    const listener = this.#listeners.get(key);
    const qos = listener?.filters.get(filter);
    if (listener === undefined || qos === undefined) return false;
    listener.filters.delete(filter);
    listener.byLaunch.delete(filter);
    return this.#tree.remove(filter, listener.ranks[qos]!);
  }

  /** Ends all that is known of a kernel or a stream: what is on its way there is given up. */
  forget(key: Key): boolean {
    if (typeof key === "string") this.#dismiss(key);
    const listener = this.#listeners.get(key);
    if (listener === undefined) return false;
    for (const filter of [...listener.filters.keys()]) this.unsubscribe(key, filter);
    listener.subscriber.giveUp();
    return this.#listeners.delete(key);
  }

  /** Who publishes, as ids of publications are told apart; undefined where that kernel may not do so there. */
  publisher(source: number, topic: string): number | undefined {
    if (source === 0) return 0; // The host.
    const publisher = this.#publishers.get(source);
    if (publisher === undefined) return undefined;
    return publisher.topics.match(topic, () => {}) > 0 ? publisher.index : undefined;
  }

  /** Visits whoever hears of a topic, once, with the best quality that its filters name. */
  match(topic: string, type: number, visit: (subscriber: Subscriber, qos: Qos) => void): void {
    const found = new Map<Subscriber, Qos>();
    this.#tree.match(topic, ({ listener: { subscriber }, qos }) => {
      if (subscriber.takes(type) && qos >= (found.get(subscriber) ?? 0)) found.set(subscriber, qos);
    });
    for (const [subscriber, qos] of found) visit(subscriber, qos);
  }

  subscriber(key: Key): Subscriber | undefined {
    return this.#listeners.get(key)?.subscriber;
  }

  #dismiss(kernel: string): void {
    for (const [number, publisher] of this.#publishers)
      if (publisher.kernel === kernel) this.#publishers.delete(number);
  }
}

function listen(subscriber: Subscriber): Listener {
  const ranks: Rank[] = [];
  const listener = { subscriber, filters: new Map(), byLaunch: new Set<string>(), ranks };
  for (const qos of [0, 1, 2] as const) ranks.push({ listener, qos });
  return listener;
}
