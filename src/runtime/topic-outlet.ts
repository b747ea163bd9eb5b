// Topic outlets: the two ways from the broker to a subscriber. A kernel gets a publication as a message of its
// own type; a stream of the host gets it by the broker's output queue, and says when it was taken.

import type { Failure } from "../base/mod.ts";
import { RawMessage } from "../message/mod.ts";
import type { Refusal } from "./routes.ts";
import type { Kept, Outlet, Parcel } from "./topic-subscriber.ts";
import { type Arrival, arrivalOf } from "./topic-wire.ts";

export type Post = (
  kernel: string,
  type: RawMessage,
  bytes: Uint8Array,
  hops: number,
) => Parcel | Refusal;

export class KernelOutlet implements Outlet {
  readonly isSilent = true;
  readonly #kernel: string;
  readonly #post: Post;

  constructor(kernel: string, post: Post) {
    this.#kernel = kernel;
    this.#post = post;
  }

  post({ type, payload, hops }: Kept): Parcel | Refusal {
    return this.#post(this.#kernel, new RawMessage(type), payload, hops);
  }
}

export class StreamOutlet implements Outlet {
  readonly type: number;
  readonly isSilent = false;
  readonly #stream: number;
  readonly #max: number;
  readonly #arrive: (arrival: Arrival) => boolean;
  readonly #untaken: Arrived[] = [];

  /** At most `max` publications are untaken. */
  constructor(
    { stream, type }: { readonly stream: number; readonly type: number },
    max: number,
    arrive: (arrival: Arrival) => boolean,
  ) {
    this.#stream = stream;
    this.type = type;
    this.#max = max;
    this.#arrive = arrive;
  }

  post({ topic, payload }: Kept): Parcel | Refusal {
    if (this.#untaken.length >= this.#max) return "queue-full";
    if (!this.#arrive(arrivalOf(this.#stream, topic, payload))) return "queue-full";
    const arrived = new Arrived();
    this.#untaken.push(arrived);
    return arrived;
  }

  /** The host's program has taken the oldest. */
  taken(): void {
    const oldest = this.#untaken.shift(); // None: it was sent by the broker before this one.
    if (oldest !== undefined) oldest.isSettled = true;
  }
}

class Arrived implements Parcel {
  isSettled = false;

  end(): Failure | undefined {
    return undefined;
  }
}
