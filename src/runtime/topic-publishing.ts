// Topic publishing: how a kernel publishes, by the broker of its tenant.

import { Failure } from "../base/mod.ts";
import type {
  DeliveryStatus,
  Fields,
  InputOf,
  Message,
  PublishOptions,
  Receipt,
} from "../message/mod.ts";
import type { Routes } from "./routes.ts";
import {
  brokerOf,
  Publication,
  Publish,
  PublishAsked,
  RECEIPT_STATUS,
  ReceiptReply,
} from "./topic-wire.ts";

const RECEIPT_TIMEOUT_MS = 30_000;

interface What<Of extends Fields> {
  readonly topic: string;
  readonly message: Message<Of>;
  readonly value: InputOf<Of>;
  readonly options: PublishOptions | undefined;
}

/** Tells the broker. Fails with TOPIC_INVALID. */
export function publishBy<Of extends Fields>(
  routes: Routes,
  hops: number,
  { topic, message, value, options }: What<Of>,
): DeliveryStatus {
  const publication = new Publication(Publish, topic, message, options);
  return routes.send(brokerOf(routes.options.tenant), publication, value, hops);
}

/** Asks the broker. Fails with TOPIC_INVALID or TOPIC_FORBIDDEN, or as `Routes.call` does. */
export async function publishWithReceiptBy<Of extends Fields>(
  routes: Routes,
  hops: number,
  { topic, message, value, options }: What<Of>,
): Promise<Receipt> {
  const publication = new Publication(PublishAsked, topic, message, options);
  const facts = { hops, timeoutMs: RECEIPT_TIMEOUT_MS };
  const broker = brokerOf(routes.options.tenant);
  return receiptOf(topic, await routes.call(broker, publication, value, ReceiptReply, facts));
}

/** What the broker's answer means. Fails with TOPIC_INVALID or TOPIC_FORBIDDEN. */
export function receiptOf(
  topic: string,
  {
    id,
    matched,
    status,
  }: { readonly id: number; readonly matched: number; readonly status: number },
): Receipt {
  const said = RECEIPT_STATUS[status];
  const at = `topic ${JSON.stringify(topic.slice(0, 80))}`;
  if (said === "forbidden")
    throw new Failure("TOPIC_FORBIDDEN", {
      at,
      found: "a kernel whose launch names no filter for it",
      expected: "a filter among `publishes` that chooses the topic",
      fix: "Launch the kernel with `publishes`, or publish elsewhere.",
    });
  if (said === "invalid")
    throw new Failure("TOPIC_INVALID", {
      at,
      found: "a publication of nothing that is not retained, or one that is damaged",
      expected: "a topic, a message and a quality",
      fix: "Publish NOTHING with `retain`, to clear what is retained.",
    });
  return { id, matched, isDuplicate: said === "duplicate" };
}
