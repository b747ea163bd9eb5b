// Delivery: what a handler may use beside its message. One serves every message that comes in its slot, and
// is good until the handler has settled.

import { assert } from "../base/mod.ts";
import type {
  DeliveryStatus,
  Fields,
  InputOf,
  KernelContext,
  Message,
  PublishOptions,
  Receipt,
  ValueOf,
} from "../message/mod.ts";
import { CALL_TIMEOUT_MS } from "./calls.ts";
import type { Routes } from "./routes.ts";
import { publishBy, publishWithReceiptBy } from "./topic-publishing.ts";

/** What a delivery asks its kernel for. */
export interface DeliveryKernel {
  readonly id: string;
  state: unknown;
  readonly interrupted: boolean;
  readonly routes: Routes;
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
  #hops = 0;

  constructor(kernel: DeliveryKernel) {
    this.#kernel = kernel;
  }

  /** The kernel whose handler got a context: for kernels that are the runtime's own. */
  static kernelOf(context: KernelContext): DeliveryKernel {
    return ownOf(context).#kernel;
  }

  /** Hops of the message that came with a context. */
  static hopsOf(context: KernelContext): number {
    return ownOf(context).#hops;
  }

  begin(source: number, isCall: boolean, hops: number): void {
    this.source = source;
    this.#hops = hops;
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

  send<Of extends Fields>(
    kernel: string,
    message: Message<Of>,
    value: InputOf<Of>,
  ): DeliveryStatus {
    return this.#kernel.routes.send(kernel, message, value, this.#hops);
  }

  call<Of extends Fields, Reply extends Fields>(
    kernel: string,
    message: Message<Of>,
    value: InputOf<Of>,
    reply: Message<Reply>,
    timeoutMs: number = CALL_TIMEOUT_MS,
  ): Promise<ValueOf<Reply>> {
    return this.#kernel.routes.call(kernel, message, value, reply, { hops: this.#hops, timeoutMs });
  }

  publish<Of extends Fields>(
    topic: string,
    message: Message<Of>,
    value: InputOf<Of>,
    options?: PublishOptions,
  ): DeliveryStatus {
    return publishBy(this.#kernel.routes, this.#hops, { topic, message, value, options });
  }

  publishWithReceipt<Of extends Fields>(
    topic: string,
    message: Message<Of>,
    value: InputOf<Of>,
    options?: PublishOptions,
  ): Promise<Receipt> {
    const what = { topic, message, value, options };
    return publishWithReceiptBy(this.#kernel.routes, this.#hops, what);
  }
}

function ownOf(context: KernelContext): Delivery {
  assert(context instanceof Delivery, "a context is made by the runtime");
  return context;
}
