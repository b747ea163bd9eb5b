// Topic wire: what publishers, the broker and the host say to each other.
//
//   | type | id | topic's bytes | qos | flags | length | topic, as UTF-8 | 0..7 | payload |
//
// A publication's payload is written straight behind its topic, at a multiple of 8, and passed on under the
// type that it was published with. Nobody between publisher and subscriber reads it.

import {
  type Fields,
  type InputOf,
  list,
  type Message,
  message,
  type PublishOptions,
  text,
  u16,
  u32,
  u8,
  type ValueOf,
  Views,
  type Writable,
} from "../message/mod.ts";
import { checkQos, checkWhole } from "./topic-options.ts";
import { checkTopic } from "./topics.ts";

/** Ids that begin so are the runtime's own. */
export const RESERVED = "annulus:";

/** The kernel that brokers topics between the kernels of one tenant. */
export function brokerOf(tenant: number): string {
  return `${RESERVED}topics:${tenant}`;
}

const PUBLISHED = {
  ...{ type: u32, id_low: u32, id_high: u32, topic_bytes: u16, qos: u8, retain: u8 },
  rest: list("u8"),
};
/** Told. */
export const Publish = message(PUBLISHED, { name: "annulus:publish" });
/** Asked: the answer is a receipt. */
export const PublishAsked = message(PUBLISHED, { name: "annulus:publish-asked" });

export const RECEIPT_STATUS = ["accepted", "duplicate", "forbidden", "invalid"] as const;
export const ReceiptReply = message(
  { id: u32, matched: u32, status: u8 },
  { name: "annulus:receipt" },
);

/** A publication with `retain` that clears what is retained of the topic, and reaches nobody. */
export const NOTHING = message({}, { name: "annulus:nothing" });

/** From the host only: see `BrokerOrder`. */
export const Order = message({ json: text() }, { name: "annulus:topics-order" });
export const Answer = message({ json: text() }, { name: "annulus:topics-answer" });

/** To the host: a publication for one of its streams. */
export const Arrived = message(
  { stream: u32, topic_bytes: u32, rest: list("u8") },
  { name: "annulus:arrived" },
);
/** From the host: its program has taken the oldest of a stream's. */
export const Taken = message({ stream: u32 }, { name: "annulus:taken" });

/** To the broker from itself: there is something to look after. */
export const Pump = message({}, { name: "annulus:pump" });

type FieldsOf<Sent> = Sent extends Message<infer Of> ? Of : never;
export type Published = ValueOf<FieldsOf<typeof Publish>>;
export type Arrival = ValueOf<FieldsOf<typeof Arrived>>;

const LENGTH = Publish.fields.at(-1)!.at;
const utf8 = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** Where a payload lies in a publication, from the publication's first byte. */
function payloadAt(topicBytes: number): number {
  return Math.ceil((Publish.bytes + topicBytes) / 8) * 8;
}

/** Writes publications of one topic, message and options. */
export class Publication<Of extends Fields> implements Writable<InputOf<Of>> {
  readonly id: number;
  readonly #topic: Uint8Array;
  readonly #message: Message<Of>;
  readonly #head: InputOf<typeof PUBLISHED>;

  /** `as`: whether it is told or asked. Fails with TOPIC_INVALID or OPTION_UNSUPPORTED. */
  constructor(
    as: typeof Publish,
    topic: string,
    message: Message<Of>,
    { qos = 0, retain = false, id = 0 }: PublishOptions = {},
  ) {
    checkTopic(topic);
    checkQos(qos);
    checkWhole("id", id, 0);
    this.id = as.id;
    this.#topic = utf8.encode(topic);
    this.#message = message;
    this.#head = {
      ...{ type: message.id, topic_bytes: this.#topic.length, qos, retain: retain ? 1 : 0 },
      ...{ id_low: id >>> 0, id_high: Math.floor(id / 2 ** 32), rest: [] },
    };
  }

  bytesOf(value: InputOf<Of>): number {
    return payloadAt(this.#topic.length) + this.#message.bytesOf(value);
  }

  write(views: Views, at: number, value: InputOf<Of>): number {
    Publish.write(views, at, this.#head);
    const payload = payloadAt(this.#topic.length);
    views.u8.set(this.#topic, at + Publish.bytes);
    views.u8.fill(0, at + Publish.bytes + this.#topic.length, at + payload);
    const bytes = payload + this.#message.write(views, at + payload, value);
    views.u32[(at + LENGTH) >> 2] = bytes - Publish.bytes;
    return bytes;
  }

  toString(): string {
    return `publication of ${String(this.#message)}`;
  }
}

/** The topic and a copy of the payload; undefined where the bytes are no publication. */
export function readPublication({
  topic_bytes: topicBytes,
  rest,
}: Published): { readonly topic: string; readonly payload: Uint8Array } | undefined {
  const from = payloadAt(topicBytes) - Publish.bytes;
  if (from > rest.length) return undefined;
  const topic = textOf(rest, topicBytes);
  return topic === undefined ? undefined : { topic, payload: rest.slice(from) };
}

/** The value of what arrived for a stream of the host; undefined where it is no whole `message`. */
export function readArrival<Of extends Fields>(
  { topic_bytes: topicBytes, rest }: Arrival,
  message: Message<Of>,
): { readonly topic: string; readonly value: ValueOf<Of> } | undefined {
  const topic = topicBytes > rest.length ? undefined : textOf(rest, topicBytes);
  if (topic === undefined) return undefined;
  const bytes = rest.length - topicBytes;
  const views = new Views(new ArrayBuffer(Math.ceil(bytes / 8) * 8)); // Aligned as in a cell.
  views.u8.set(rest.subarray(topicBytes));
  return message.fits(views, 0, bytes) ? { topic, value: message.read(views, 0) } : undefined;
}

export function arrivalOf(stream: number, topic: string, payload: Uint8Array): Arrival {
  const name = utf8.encode(topic);
  const rest = new Uint8Array(name.length + payload.length);
  rest.set(name);
  rest.set(payload, name.length);
  return { stream, topic_bytes: name.length, rest };
}

function textOf(bytes: Uint8Array, length: number): string | undefined {
  try {
    return decoder.decode(bytes.slice(0, length)); // A copy: decoders take no shared memory.
  } catch {
    return undefined;
  }
}
