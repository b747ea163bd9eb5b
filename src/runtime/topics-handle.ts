// Topics handle: publish and subscribe between the kernels of one tenant, as their host holds it.
//
// The host's books here are what a broker is launched with, and launched again with: only what is retained and
// what is under way ends with a broker's thread. What changes while it starts it is told before anyone may ask it.

import { Failure } from "../base/mod.ts";
import type { Fields, InputOf, Message, PublishOptions, Receipt, ValueOf } from "../message/mod.ts";
import { type BrokerMetrics, type BrokerOrder, type BrokerPage, PAGE } from "./broker.ts";
import type { Key } from "./broker-books.ts";
import type { KernelEnd } from "./kernel-facts.ts";
import type { KernelHandle } from "./kernel-handle.ts";
import { type Qos, type ResolvedBroker, resolveSubscription } from "./topic-options.ts";
import { receiptOf } from "./topic-publishing.ts";
import type { ReceiptState } from "./topic-receipts.ts";
import { ended, hasEnded, type TopicStream, TopicStreams } from "./topic-streams.ts";
import type { SubscriberMetrics } from "./topic-subscriber.ts";
import { brokerOf, Order, Publication, PublishAsked } from "./topic-wire.ts";
import { checkFilter } from "./topics.ts";

export interface TopicsMetrics extends BrokerMetrics {
  /** Starts of the broker. After the first, what was retained or under way is gone. */
  readonly generation: number;
  /** By kernel id, and by filter for the host's own streams, with a number before it. */
  readonly subscribers: Readonly<Record<string, SubscriberMetrics>>;
}

export interface TopicsParts {
  readonly options: ResolvedBroker;
  /** Lets the broker send to a kernel, or a kernel to the broker, as long as kernel `by` is there. Fails with TENANT_MISMATCH. */
  readonly connect: (from: string, to: string, by: string) => Promise<void>;
  readonly pause: () => Promise<void>;
  /** The topics have ended. */
  readonly gone: () => void;
}

/** A kernel as the broker is told of it. */
type Member = Extract<BrokerOrder, { order: "join" }>;
type Subscribing = Extract<BrokerOrder, { order: "subscribe" }>;

export class Topics implements AsyncDisposable {
  /** The kernel that is the broker. */
  readonly id: string;
  readonly tenant: number;
  readonly #parts: TopicsParts;
  readonly #members = new Map<string, Member>();
  /** By kernel and filter, beside what launches say. */
  readonly #subscriptions = new Map<string, Map<string, Subscribing>>();
  readonly #streams: TopicStreams;
  /** What the broker knows that starts, or runs. */
  readonly #told = new Set<Member | Subscribing | TopicStream>();
  /** Resolves when the broker that starts knows all, or has ended; undefined where none starts. */
  #starting: PromiseWithResolvers<void> | undefined;
  /** The broker that knows all; undefined once the topics have ended. */
  #broker = Promise.withResolvers<KernelHandle | undefined>();
  #isReady = false;
  #generation = 0;

  constructor(parts: TopicsParts) {
    this.#parts = parts;
    this.tenant = parts.options.tenant;
    this.id = brokerOf(this.tenant);
    this.#streams = new TopicStreams({
      broker: () => this.#broker.promise,
      close: (stream) => void this.#ask({ order: "forget", key: stream }).catch(ended),
    });
  }

  /**
   * Publishes, and says how many subscribers it is for. Fails with TOPIC_INVALID, OPTION_UNSUPPORTED,
   * MESSAGE_TOO_LARGE or as a call of the broker does.
   */
  async publish<Of extends Fields>(
    topic: string,
    message: Message<Of>,
    value: InputOf<Of>,
    options?: PublishOptions,
  ): Promise<Receipt> {
    const publication = new Publication(PublishAsked, topic, message, options);
    const broker = await this.#open();
    // A publication is written as a message is, and never read by the host.
    const answer = await broker.call(publication as never, value as never);
    return receiptOf(topic, answer as never);
  }

  /** What became of a publication: undefined where it was too long ago. */
  async receipt(id: number): Promise<ReceiptState | undefined> {
    return ((await this.#ask({ order: "receipt", id })) as ReceiptState | null) ?? undefined;
  }

  /**
   * Lets a kernel hear what the filter chooses, launched already or later, and again when it is launched
   * again. It handles publications as it does messages; what it answers goes nowhere. Says how many retained
   * ones it got. Fails with TOPIC_INVALID or TENANT_MISMATCH.
   */
  async subscribe(
    filter: string,
    kernel: string | { readonly id: string },
    { qos }: { readonly qos?: Qos } = {},
  ): Promise<number> {
    const id = idOf(kernel);
    const subscription = resolveSubscription(filter, qos);
    await this.#parts.connect(this.id, id, id);
    const broker = await this.#open(); // What is told when it has begun is told once.
    const order: Subscribing = { order: "subscribe", kernel: id, ...subscription };
    const filters = this.#subscriptions.get(id) ?? new Map<string, Subscribing>();
    this.#subscriptions.set(id, filters.set(filter, order));
    return (await command(broker, order)) as number;
  }

  /** False: there was no such subscription. What is on its way still comes. */
  async unsubscribe(filter: string, kernel: string | { readonly id: string }): Promise<boolean> {
    const id = idOf(kernel);
    checkFilter(filter);
    this.#subscriptions.get(id)?.delete(filter);
    return (await this.#ask({ order: "unsubscribe", kernel: id, filter })) as boolean;
  }

  /** Ends all that is known of a kernel that will not be launched again: its subscriptions, what waits for it. */
  async forget(kernel: string): Promise<void> {
    this.#members.delete(kernel);
    this.#subscriptions.delete(kernel);
    await this.#ask({ order: "forget", key: kernel });
  }

  /**
   * What is published as `message` to the topics that the filter chooses, from now on, and before that what is
   * retained. It ends by `break` or `signal`, and when the topics do. Fails with TOPIC_INVALID.
   */
  messages<Of extends Fields>(
    filter: string,
    message: Message<Of>,
    { qos, signal }: { readonly qos?: Qos; readonly signal?: AbortSignal } = {},
  ): AsyncIterableIterator<{ readonly topic: string; readonly value: ValueOf<Of> }, undefined> {
    const stream = this.#streams.add(resolveSubscription(filter, qos), message, signal);
    if (!stream.over.aborted)
      this.#tell(orderOf(stream as unknown as TopicStream)).catch((error: unknown) =>
        stream.fail(error),
      );
    return stream;
  }

  /** Asks the broker. */
  async metrics(): Promise<TopicsMetrics> {
    const names = new Map<Key, string>();
    for (const { number, subscription } of this.#streams.open)
      names.set(number, `${number}: ${subscription.filter}`);
    const subscribers: Record<string, SubscriberMetrics> = {};
    for (let from = 0; ; from += PAGE) {
      const page = (await this.#ask({ order: "metrics", from })) as BrokerPage;
      for (const [key, metrics] of page.subscribers)
        subscribers[names.get(key) ?? String(key)] = metrics;
      if (page.subscribers.length < PAGE)
        return { ...page, generation: this.#generation, subscribers };
    }
  }

  /** A kernel of the tenant was launched, or launched again. The runtime says so, before it is active. */
  async join(
    kernel: string,
    number: number,
    { publishes, subscribes }: Pick<Member, "publishes" | "subscribes">,
  ): Promise<void> {
    const isHeard = subscribes.length > 0 || this.#subscriptions.has(kernel);
    if (publishes.length === 0 && !isHeard && !this.#members.has(kernel)) return;
    if (publishes.length > 0) await this.#parts.connect(kernel, this.id, kernel);
    if (isHeard) await this.#parts.connect(this.id, kernel, kernel);
    const member: Member = { order: "join", kernel, number, publishes, subscribes };
    this.#members.set(kernel, member);
    await this.#tell(member);
    await this.#starting?.promise;
  }

  /** What a broker that starts is given: all that the host knows. */
  starts(): readonly BrokerOrder[] {
    this.#starting ??= Promise.withResolvers();
    this.#told.clear();
    return this.#untold();
  }

  /** The broker was launched, or launched again. The runtime says so. It learns what has changed meanwhile. */
  async begin(broker: KernelHandle): Promise<void> {
    void broker.wait().then((end) => this.#ended(end));
    while (broker.state === "launched") await this.#parts.pause();
    try {
      for (let orders; (orders = this.#untold()).length > 0;)
        for (const order of orders) await command(broker, order);
      this.#isReady = true;
      this.#generation = broker.generation;
      this.#broker.resolve(broker);
    } catch (error) {
      this.#broker.promise.catch(() => {}); // Whoever asks gets it.
      if (!hasEnded(error)) this.#broker.reject(error);
    } finally {
      this.#started();
    }
  }

  /** Resolves when the first broker knows all. Fails with KERNEL_TERMINATED where it has ended for good. */
  async begun(): Promise<void> {
    await this.#open();
  }

  /** The broker is not launched again. The runtime says so. */
  end(): void {
    this.#isReady = false;
    this.#started();
    this.#broker.resolve(undefined);
    this.#parts.gone();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const broker = await this.#broker.promise;
    await broker?.[Symbol.asyncDispose]();
  }

  #ended(end: KernelEnd): void {
    if (this.#isReady) this.#broker = Promise.withResolvers(); // Whoever asks from now on waits for the next one.
    this.#isReady = false;
    if (end.how !== "killed" || end.failure === undefined) this.end();
  }

  /** Fails with KERNEL_TERMINATED. */
  async #open(): Promise<KernelHandle> {
    const broker = await this.#broker.promise;
    if (broker !== undefined) return broker;
    throw new Failure("KERNEL_TERMINATED", {
      ...{ at: `topics of tenant ${this.tenant}`, found: "topics that have ended" },
      ...{ expected: "topics that are open", fix: "Open them again with runtime.topics()." },
    });
  }

  async #ask(order: BrokerOrder): Promise<unknown> {
    return command(await this.#open(), order);
  }

  /** Tells what is in the books by now, unless the broker has ended or just starts: it learns it from there. */
  async #tell(order: BrokerOrder): Promise<void> {
    if (this.#isReady) await this.#ask(order).catch(ended);
  }

  /** What is in the books and was not told. From now on it is. */
  #untold(): BrokerOrder[] {
    const orders: BrokerOrder[] = [];
    const add = (known: Member | Subscribing | TopicStream, order: BrokerOrder): void => {
      if (!this.#told.has(known)) orders.push(order);
      this.#told.add(known);
    };
    for (const stream of this.#streams.open) add(stream, orderOf(stream));
    for (const filters of this.#subscriptions.values())
      for (const order of filters.values()) add(order, order);
    for (const member of this.#members.values()) add(member, member);
    return orders;
  }

  #started(): void {
    this.#starting?.resolve();
    this.#starting = undefined;
    this.#told.clear();
  }
}

function idOf(kernel: string | { readonly id: string }): string {
  return typeof kernel === "string" ? kernel : kernel.id;
}

function orderOf({ number, type, subscription }: TopicStream): BrokerOrder {
  return { order: "stream", stream: number, type, ...subscription };
}

async function command(broker: KernelHandle, order: BrokerOrder): Promise<unknown> {
  const answer: unknown = await broker.call(Order, { json: JSON.stringify(order) });
  return JSON.parse((answer as { readonly json: string }).json) as unknown;
}
