// Waiting messages: what lies in a kernel's queue, as a checkpoint has it, and back into a queue.
//
// Calls are left out. Whoever called still waits while the process lives, and gets its answer from the kernel
// that goes on; after a restart it has failed and may call again, so that nothing is handled twice.

import { Failure } from "../base/mod.ts";
import { MESSAGE_OPCODES, SLOT } from "../layout/mod.ts";
import {
  type Envelope,
  HybridClock,
  RawMessage,
  type WirePriority,
  type WireStamp,
} from "../message/mod.ts";
import { type MessageQueue, WORD } from "./message-queue.ts";
import { refuseAll } from "./refusal.ts";
import { PLAIN_SEND, Sender, type SenderOptions } from "./sender.ts";

const OPCODE = SLOT.fields.opcode.at / 4;
const PRIORITY = SLOT.fields.priority.at / 4;
const HOPS = 0xff;
/** Twelve days. */
const NEAR_MS = 2 ** 30;
const NEVER: WireStamp = { physicalUs: 0n, logical: 0n, node: 0n };
/** The wire's four priorities for the ring's five, which `flags` has as well. */
const WIRE_PRIORITIES: readonly WirePriority[] = [3, 2, 1, 0, 0];

/** What was found in a queue. */
export interface Waiting {
  readonly messages: readonly Envelope[];
  readonly calls: number;
}

/** Copies the messages in these slots, of types that the kernel takes. `now`: Unix milliseconds. */
export function copyWaiting(
  queue: MessageQueue,
  slots: Iterable<number>,
  types: ReadonlySet<number>,
  now: number,
): Waiting {
  const messages: Envelope[] = [];
  let calls = 0;
  for (const slot of slots) {
    const envelope = envelopeOf(queue, slot, now);
    if (envelope === undefined || !types.has(Number(envelope.messageType))) continue; // No handler's.
    if (queue.ring.isHeld(slot)) calls++;
    else messages.push(envelope);
  }
  return { messages, calls };
}

/**
 * Publishes the messages of a checkpoint as the host's. Fails with QUEUE_FULL or MESSAGE_TOO_LARGE, and then
 * the queue is empty.
 */
export function refill(
  queue: MessageQueue,
  messages: readonly Envelope[],
  options: Omit<SenderOptions, "source" | "wake"> & { readonly now: number },
): void {
  const sender = new Sender(queue, { ...options, source: 0 });
  try {
    refillBy(sender, messages, options.now);
  } catch (error) {
    refuseAll(queue); // Blocks that large ones took go back.
    throw error;
  }
}

function refillBy(sender: Sender, messages: readonly Envelope[], now: number): void {
  for (const [i, { messageType, payload, flags, deadline }] of messages.entries()) {
    const facts = { ...PLAIN_SEND, deadline: wordOf(deadline, now), ...unpacked(flags) };
    const slot = sender.send(new RawMessage(Number(messageType)), payload, facts);
    if (slot < 0) throw full(i, messages.length);
  }
}

/** Undefined: the slot holds no message, or not all of one. */
function envelopeOf(queue: MessageQueue, slot: number, now: number): Envelope | undefined {
  const { words } = queue;
  const word = queue.ring.at(slot);
  const at = queue.payload();
  if (words[word + OPCODE] !== MESSAGE_OPCODES.MESSAGE) return undefined;
  if (!queue.find(slot, at) || !queue.isRequest(slot, at)) return undefined;
  const field = (name: keyof typeof WORD): number => words[word + WORD[name]]! >>> 0;
  const priority = words[word + PRIORITY]! & 7;
  const deadline = field("deadline");
  return {
    messageId: (BigInt(field("id_high")) << 32n) | BigInt(field("id_low")),
    ...{ correlationId: 0n, source: BigInt(field("source")), dest: 0n },
    messageType: BigInt(field("type")),
    flags: (field("flags") & HOPS) | (priority << 8),
    priority: WIRE_PRIORITIES[priority] ?? 1,
    timestamp: stampOf(field("stamp_high"), field("stamp_low")),
    deadline: deadline === 0 ? NEVER : { ...NEVER, physicalUs: unixUs(deadline, now) },
    ...{ tenant: 0n, auditOrg: 0n, auditEngagement: 0n },
    payload: at.views.u8.slice(at.at, at.at + at.bytes),
  };
}

function unpacked(flags: number): { priority: number; hops: number } {
  return { hops: flags & HOPS, priority: Math.min((flags >>> 8) & 7, WIRE_PRIORITIES.length - 1) };
}

function stampOf(high: number, low: number): WireStamp {
  const { physicalMs, logical } = HybridClock.partsOf(high, low);
  return { physicalUs: BigInt(physicalMs) * 1000n, logical: BigInt(logical), node: 0n };
}

/** A slot has the lower 32 bits of milliseconds: those that are nearest to now are meant. */
function unixUs(word: number, now: number): bigint {
  const ms = Math.trunc(now);
  return BigInt(Math.max(ms + ((word - ms) | 0), 0)) * 1000n;
}

/** A word tells times apart that are near to now: one further off is brought near, and stays past or to come. */
function wordOf({ physicalUs }: WireStamp, now: number): number {
  if (physicalUs === 0n) return 0;
  const ahead = Number(physicalUs / 1000n) - Math.trunc(now);
  return (Math.trunc(now) + Math.min(Math.max(ahead, -NEAR_MS), NEAR_MS)) | 0 || 1;
}

function full(room: number, messages: number): Failure {
  return new Failure("QUEUE_FULL", {
    at: "restore",
    found: `room for ${room} messages`,
    expected: `room for the ${messages} of the checkpoint`,
    fix: "Launch with a larger `inputQueueCapacity`, or create the runtime with more `payloadBlocks`.",
  });
}
