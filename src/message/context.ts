// Context: what a handler sees of the runtime that runs it. The runtime implements it.

import type { Fields, InputOf, Message, ValueOf } from "./schema.ts";

/** What a handler may use beside its message. */
export interface KernelContext<State = unknown> {
  /** The kernel's own id. */
  readonly kernel: string;
  /** What `start` returned. */
  state: State;
  /** Who sent the message: a kernel's number, or 0 for the host. The runtime says so, not the sender. */
  readonly source: number;
  /** Whether somebody waits for the answer. */
  readonly isCall: boolean;
  /** Whether the message shall stop. It reads shared memory, so that also loops see it. */
  readonly interrupted: boolean;
  /** Aborts when `interrupted` becomes true. For what returns to the event loop. */
  readonly signal: AbortSignal;
  /** Publishes to the kernel's output queue. False: it is full, which is counted. */
  emit<Of extends Fields>(message: Message<Of>, value: InputOf<Of>): boolean;
  /** Publishes to another kernel's queue, past the host. There is a route: see `LaunchOptions.routes`. */
  send<Of extends Fields>(kernel: string, message: Message<Of>, value: InputOf<Of>): DeliveryStatus;
  /** Calls another kernel, whose answer is a `reply`. It needs an asynchronous handler. Fails as the host's call. */
  call<Of extends Fields, Reply extends Fields>(
    kernel: string,
    message: Message<Of>,
    value: InputOf<Of>,
    reply: Message<Reply>,
    timeoutMs?: number,
  ): Promise<ValueOf<Reply>>;
  /**
   * Publishes to a topic, by the broker of the kernel's tenant: see `runtime.topics` and
   * `LaunchOptions.publishes`. Says what became of it on its way there. Fails with TOPIC_INVALID.
   */
  publish<Of extends Fields>(
    topic: string,
    message: Message<Of>,
    value: InputOf<Of>,
    options?: PublishOptions,
  ): DeliveryStatus;
  /**
   * As `publish`, and waits until the broker has taken it. It needs an asynchronous handler. Fails with
   * TOPIC_INVALID or TOPIC_FORBIDDEN, or as `call`.
   */
  publishWithReceipt<Of extends Fields>(
    topic: string,
    message: Message<Of>,
    value: InputOf<Of>,
    options?: PublishOptions,
  ): Promise<Receipt>;
}

export interface PublishOptions {
  /** 0: at most once, the default. 1: at least once. 2: once, as far as can be known. */
  readonly qos?: 0 | 1 | 2;
  /** Keeps it for whoever subscribes later, in place of what was kept of the topic before. */
  readonly retain?: boolean;
  /**
   * The publisher's own number for it, a whole number from 1 to 2^53 - 1: the broker takes a number of one
   * kernel once, so that one whose receipt did not come may be published again.
   */
  readonly id?: number;
}

export interface Receipt {
  /** What to ask `topics.receipt()` for; 0 for a duplicate. */
  readonly id: number;
  /** Subscribers that it was for. */
  readonly matched: number;
  /** A publication of this number came before, and this one went nowhere. */
  readonly isDuplicate: boolean;
}

/** What became of a message to another kernel. */
export type DeliveryStatus =
  | "delivered"
  | "queue-full"
  | "not-found"
  | "not-active"
  | "tenant-mismatch"
  | "max-hops";
