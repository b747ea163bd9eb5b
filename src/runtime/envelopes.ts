// Envelopes: messages from outside, in the wire form that `message/wire.ts` reads, on their way into a queue.

import { Failure } from "../base/mod.ts";
import type { Priority } from "../layout/mod.ts";
import { decodeEnvelope, type Envelope, RawMessage } from "../message/mod.ts";
import type { SendOptions } from "./kernel-facts.ts";

/** Of an envelope, from low to critical. */
const PRIORITIES: readonly Priority[] = ["LOW", "NORMAL", "HIGH", "CRITICAL"];
const TYPE_MAX = 2n ** 32n - 1n;

export interface Unwrapped {
  readonly message: RawMessage;
  readonly payload: Uint8Array;
  readonly priority: Priority;
  readonly options: SendOptions;
}

/**
 * What an envelope says, as `send` takes it. Its source is not believed: the host sends it. Fails with
 * MESSAGE_INVALID.
 */
export function unwrap(
  envelope: Envelope | Uint8Array,
  { payloadBytesMax, wallMs }: { readonly payloadBytesMax: number; readonly wallMs: number },
): Unwrapped {
  const read =
    envelope instanceof Uint8Array ? decodeEnvelope(envelope, { payloadBytesMax }) : envelope;
  const { messageType, messageId, priority, deadline, payload } = read;
  if (messageType < 1n || messageType > TYPE_MAX) throw untyped(messageType);
  const { physicalUs, logical, node } = deadline;
  const isEndless = physicalUs === 0n && logical === 0n && node === 0n;
  const options = {
    messageId,
    ...(isEndless ? {} : { ttlMs: Number(physicalUs / 1000n) - wallMs }),
  };
  const message = new RawMessage(Number(messageType));
  return { message, payload, options, priority: PRIORITIES[priority]! };
}

function untyped(type: bigint): Failure {
  return new Failure("MESSAGE_INVALID", {
    ...{ at: "messageType", found: String(type), expected: `1 to ${TYPE_MAX}` },
    fix: "Take the `id` of the message that the kernel declares.",
  });
}
