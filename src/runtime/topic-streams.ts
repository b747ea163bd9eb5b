// Topic streams: how the host hears topics. The broker emits what is published for all of its streams; whoever
// waits first receives, and hands on what is for another.

import { Failure } from "../base/mod.ts";
import type { Fields, Message, ValueOf } from "../message/mod.ts";
import type { KernelHandle } from "./kernel-handle.ts";
import type { Subscription } from "./topic-options.ts";
import { type Arrival, Arrived, readArrival, Taken } from "./topic-wire.ts";

/** What a stream asks its topics for. */
export interface StreamHost {
  /** The broker as it is now, once it is there; undefined where the topics have ended. */
  readonly broker: () => Promise<KernelHandle | undefined>;
  /** The stream is wanted no more. */
  readonly close: (stream: number) => void;
}

export class TopicStreams {
  readonly #host: StreamHost;
  readonly #streams = new Map<number, TopicStream>();
  #isReceiving = false;
  #last = 0;

  constructor(host: StreamHost) {
    this.#host = host;
  }

  /** The streams that are open. */
  get open(): readonly TopicStream[] {
    return [...this.#streams.values()];
  }

  add<Of extends Fields>(
    subscription: Subscription,
    message: Message<Of>,
    signal: AbortSignal | undefined,
  ): TopicStream<Of> {
    const stream = new TopicStream(++this.#last, { subscription, message, signal, streams: this });
    this.#streams.set(stream.number, stream as unknown as TopicStream);
    return stream;
  }

  remove(stream: number): void {
    if (this.#streams.delete(stream)) this.#host.close(stream);
  }

  /** Lets one more publication come for a stream. */
  async taken(stream: number): Promise<void> {
    const broker = await this.#host.broker();
    await broker?.sendWaiting(Taken, { stream }).catch(ended);
  }

  /** Waits until something came, for whichever stream, or until the stream is to look again. False: nothing more comes. */
  async wait(stream: TopicStream): Promise<boolean> {
    if (this.#isReceiving) {
      await stream.called();
      return true;
    }
    this.#isReceiving = true;
    try {
      const broker = await this.#host.broker();
      if (broker === undefined) return false;
      const { value } = await broker.messages(Arrived, stream.over).next();
      if (value !== undefined) this.#streams.get(value.stream)?.arrive(value);
      return true; // Without a value the broker has ended: another one comes, or none.
    } catch (error) {
      if (stream.over.aborted) return true;
      throw error;
    } finally {
      this.#isReceiving = false;
      for (const other of this.#streams.values()) other.call(); // One of them receives from now on.
    }
  }
}

interface StreamParts<Of extends Fields> {
  readonly subscription: Subscription;
  readonly message: Message<Of>;
  readonly signal: AbortSignal | undefined;
  readonly streams: TopicStreams;
}

/** One of the host's subscriptions. What was given last counts as handled when the next is asked for. */
export class TopicStream<Of extends Fields = Fields> implements AsyncIterableIterator<
  { readonly topic: string; readonly value: ValueOf<Of> },
  undefined
> {
  readonly number: number;
  readonly subscription: Subscription;
  readonly type: number;
  /** Publications that are no whole message of the stream's. */
  malformed = 0;
  readonly #parts: StreamParts<Of>;
  readonly #arrived: Arrival[] = [];
  readonly #over = new AbortController();
  readonly #abort = (): void => this.#close(this.#parts.signal?.reason);
  #failure: unknown;
  #owes = 0;
  #call = Promise.withResolvers<void>();

  constructor(number: number, parts: StreamParts<Of>) {
    this.number = number;
    this.subscription = parts.subscription;
    this.type = parts.message.id;
    this.#parts = parts;
    if (parts.signal?.aborted === true) this.#abort();
    else parts.signal?.addEventListener("abort", this.#abort, { once: true });
  }

  /** Aborts when the stream ends. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  /** Resolves when the stream is to look again. */
  called(): Promise<void> {
    return this.#call.promise;
  }

  call(): void {
    this.#call.resolve();
    this.#call = Promise.withResolvers();
  }

  arrive(arrival: Arrival): void {
    this.#arrived.push(arrival); // No more than are untaken: the broker counts.
  }

  /** The broker has refused the subscription. */
  fail(failure: unknown): void {
    this.#close(failure);
  }

  /** Fails with the reason of the stream's signal, or with why the broker refused it. */
  async next(): Promise<
    IteratorResult<{ readonly topic: string; readonly value: ValueOf<Of> }, undefined>
  > {
    const { streams, message } = this.#parts;
    for (;;) {
      for (; this.#owes > 0; this.#owes--) await streams.taken(this.number);
      const arrival = this.#arrived.shift();
      if (arrival === undefined) {
        if (this.#failure !== undefined) throw this.#failure;
        if (this.over.aborted || !(await streams.wait(this as unknown as TopicStream)))
          return { done: true, value: undefined };
        continue;
      }
      this.#owes++;
      const value = readArrival(arrival, message);
      if (value !== undefined) return { done: false, value };
      this.malformed++;
    }
  }

  async return(): Promise<IteratorResult<never, undefined>> {
    for (; this.#owes > 0; this.#owes--) await this.#parts.streams.taken(this.number);
    this.#arrived.length = 0;
    this.#close(undefined);
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  #close(failure: unknown): void {
    if (this.over.aborted) return;
    this.#failure = failure;
    this.#parts.signal?.removeEventListener("abort", this.#abort);
    this.#over.abort();
    this.#parts.streams.remove(this.number);
    this.call();
  }
}

/** A broker that ends forgets what it was told: the next one starts afresh. */
export function ended(error: unknown): void {
  if (!hasEnded(error)) throw error;
}

/** Whether a call failed because the broker has ended. */
export function hasEnded(error: unknown): boolean {
  return error instanceof Failure && ENDED.has(error.code);
}

const ENDED: ReadonlySet<string> = new Set([
  "KERNEL_TERMINATED",
  "KERNEL_NOT_ACTIVE",
  "WORKER_LOST",
]);
