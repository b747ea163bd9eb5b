// Delivery: what a handler may use beside its message. One serves every message that comes in its slot, and
// is good until the handler has settled.

import type { Fields, InputOf, Message } from "../message/mod.ts";

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
}

/** What a delivery asks its kernel for. */
export interface DeliveryKernel {
  readonly id: string;
  state: unknown;
  readonly interrupted: boolean;
  emit<Of extends Fields>(message: Message<Of>, value: InputOf<Of>): boolean;
}

export class Delivery implements KernelContext {
  source = 0;
  isCall = false;
  /** The handler returned before its work was done. */
  late = false;
  readonly #kernel: DeliveryKernel;
  #abort: AbortController | undefined;

  constructor(kernel: DeliveryKernel) {
    this.#kernel = kernel;
  }

  begin(source: number, isCall: boolean): void {
    this.source = source;
    this.isCall = isCall;
    this.late = false;
    this.#abort = undefined;
  }

  get kernel(): string {
    return this.#kernel.id;
  }

  get state(): unknown {
    return this.#kernel.state;
  }

  set state(state: unknown) {
    this.#kernel.state = state;
  }

  get interrupted(): boolean {
    return this.#kernel.interrupted;
  }

  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    this.abortIfInterrupted();
    return this.#abort.signal;
  }

  emit<Of extends Fields>(message: Message<Of>, value: InputOf<Of>): boolean {
    return this.#kernel.emit(message, value);
  }

  /** The thread's loop asks between turns. */
  abortIfInterrupted(): void {
    if (this.#abort !== undefined && this.#kernel.interrupted) this.#abort.abort();
  }
}
