// Broker kernel: the broker of topics as a kernel, on a thread of the runtime. Threads load it from here.
//
// It sends itself a `Pump` while publications are under way to kernels: that handler goes on by itself and looks
// what became of them, in one lane, while publications come in by the other.

import type { KernelContext } from "../message/mod.ts";
import { Broker, type BrokerOptions, type BrokerOrder } from "./broker.ts";
import { defineKernel } from "./define-kernel.ts";
import { Delivery } from "./delivery.ts";
import {
  Answer,
  Arrived,
  Order,
  Publish,
  PublishAsked,
  Pump,
  RECEIPT_STATUS,
  ReceiptReply,
  RESERVED,
  Taken,
} from "./topic-wire.ts";

/** What the kernel is launched with. */
export interface BrokerStart {
  readonly options: BrokerOptions;
  /** What the broker knows before it takes a publication. */
  readonly known: readonly BrokerOrder[];
}

/** Turns of the event loop without news before the pump naps between looks. */
const LOOKS_AWAKE = 100;

class Brokering {
  isPumping = false;
  readonly #start: BrokerStart;
  #broker: Broker | undefined;

  constructor({ options, known }: BrokerStart) {
    this.#start = { options, known }; // Read once, whoever gives it.
  }

  /** The broker, made with the first message: only then its kernel can be reached. */
  broker(context: KernelContext): Broker {
    return (this.#broker ??= this.#made(context));
  }

  #made(context: KernelContext): Broker {
    const kernel = Delivery.kernelOf(context);
    const { routes } = kernel;
    const broker = new Broker(this.#start.options, {
      nowMs: routes.options.nowMs,
      post: (...parcel) => routes.post(...parcel),
      arrive: (arrival) => kernel.emit(Arrived, arrival),
      wake: () => {
        // Its own queue is full: the messages in it wake it.
        if (!this.isPumping) this.isPumping = routes.send(kernel.id, Pump, {}, 0) === "delivered";
      },
    });
    for (const order of this.#start.known) broker.obey(order);
    return broker;
  }
}

type Context = KernelContext<Brokering>;

export const broker = defineKernel({
  id: `${RESERVED}topics`,
  module: import.meta.url,
  start: (data) => new Brokering(data as BrokerStart),
  emits: [Arrived],
  on: [
    Publish.do((published, context: Context) => {
      const { source, state } = context;
      state.broker(context).publish(source, Delivery.hopsOf(context), published);
    }),
    PublishAsked.to(ReceiptReply, (published, context: Context) => {
      mustAsk(context);
      const { source, state } = context;
      const judged = state.broker(context).publish(source, Delivery.hopsOf(context), published);
      return { ...judged, status: RECEIPT_STATUS.indexOf(judged.status) };
    }),
    Order.to(Answer, ({ json }, context: Context) => {
      mustAsk(context);
      mustBeHost(context);
      const answer = context.state.broker(context).obey(JSON.parse(json) as BrokerOrder);
      return { json: JSON.stringify(answer ?? null) };
    }),
    Taken.do(({ stream }, context: Context) => {
      mustBeHost(context);
      context.state.broker(context).taken(stream);
    }),
    Pump.do(async (_, context: Context) => {
      const broker = context.state.broker(context);
      try {
        await pump(broker, context);
      } finally {
        context.state.isPumping = false;
      }
    }),
  ],
});

/** Looks until there is nothing to look after. A broker that ends waits only for handlers that have started. */
async function pump(broker: Broker, context: Context): Promise<void> {
  const { id, routes } = Delivery.kernelOf(context);
  const { pause, nap = pause } = routes.options;
  const isWanted = (): boolean => (routes.isActive(id) ? broker.isWaiting : broker.isOut);
  for (let still = 0; isWanted() && !context.interrupted; still++) {
    if (broker.look() > 0) still = 0;
    await (still < LOOKS_AWAKE ? pause() : nap());
  }
}

/** A receipt that nobody waits for would go to the host. */
function mustAsk({ isCall }: Context): void {
  if (!isCall) throw new TypeError("only calls are answered");
}

/** Who sent a message is the runtime's word. */
function mustBeHost({ source }: Context): void {
  if (source !== 0) throw new TypeError(`kernel ${source} is not the host`);
}
