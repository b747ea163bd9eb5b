// Delivery: what a handler may use beside its message. One serves every message that comes in its slot, and
// is good until the handler has settled.

import type { Fields, InputOf, KernelContext, Message } from "../message/mod.ts";

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
  #isTold = false;

  constructor(kernel: DeliveryKernel) {
    this.#kernel = kernel;
  }

  begin(source: number, isCall: boolean): void {
    this.source = source;
    this.isCall = isCall;
    this.late = false;
    this.#abort = undefined;
    this.#isTold = false;
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
    return this.#isTold || this.#kernel.interrupted;
  }

  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.interrupted) this.#abort.abort();
    return this.#abort.signal;
  }

  /** The message shall stop. */
  tell(): void {
    this.#isTold = true;
    this.#abort?.abort();
  }

  emit<Of extends Fields>(message: Message<Of>, value: InputOf<Of>): boolean {
    return this.#kernel.emit(message, value);
  }
}
