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
}

/** What became of a message to another kernel. */
export type DeliveryStatus =
  | "delivered"
  | "queue-full"
  | "not-found"
  | "not-active"
  | "tenant-mismatch"
  | "max-hops";
