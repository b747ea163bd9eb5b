// Message slots: what the argument words of a slot hold when the slot is an actor's message.
//
// A call is answered in its own slot: the reply's type, bytes and place go where the request's were, and
// the slot is DONE, or FAULT with a text in place of the reply.

import { layout } from "./layout.ts";

export const MESSAGE_ARGS = layout("MessageArgs", {
  type: ["u32", "which message: the id of its declaration"],
  source: ["u32", "the kernel that sent it; 0 is the host"],
  id_low: ["u32", "number of the message among its source's"],
  id_high: ["u32", "the upper half of it"],
  correlation: ["u32", "not 0: somebody waits for the answer"],
  stamp_low: ["u32", "hybrid logical clock when it was sent, the lower half"],
  stamp_high: ["u32", "the upper half"],
  deadline: ["u32", "milliseconds of Unix time modulo 2^32; 0 is none"],
  payload_at: ["u32", "byte offset of the payload; the top bit: in the pool of large blocks"],
  payload_bytes: ["u32", "bytes of the payload"],
  checksum: ["u32", "CRC-32C of the payload, or 0 where nobody asked for it; a fault's detail"],
  flags: ["u32", "hops so far in the lowest byte; a fault's code"],
});

/** The top bit of `payload_at`. */
export const IN_POOL = 0x8000_0000;

/** Opcodes of slots that carry messages. */
export const MESSAGE_OPCODES = {
  MESSAGE: 0x100,
  REPLY: 0x101,
  INVOKE: 0x102,
  ERROR: 0x103,
} as const;

/** Codes of faults that are a message's, beside those of every slot; they go where `flags` is. */
export const MESSAGE_FAULTS = {
  DEADLINE: 0x100,
  CHECKSUM: 0x101,
  CLOCK_SKEW: 0x102,
  CANCELLED: 0x103,
  TERMINATED: 0x104,
  REPLY_TOO_LARGE: 0x105,
  INTERRUPTED: 0x106,
} as const;

/** What a kernel's thread and its host tell each other. The first line is the host's, the rest
 * the thread's. */
export const KERNEL_BLOCK = layout("KernelBlock", {
  state: ["u32", "state of its lifecycle; written by the host"],
  interrupt: ["u32", "not 0: the running message shall stop; written by the host"],
  closed: ["u32", "not 0: no message starts any more; written by the host"],
  generation: ["u32", "starts of the kernel, from 1; written by the host"],
  host_pad: ["u32", "0: what the thread writes has lines of its own", 28],
  processed: ["u32", "messages whose handlers returned; wraps"],
  failed: ["u32", "messages answered with a fault; wraps"],
  expired: ["u32", "of those, whose deadline had passed"],
  skewed: ["u32", "of those, whose sender's clock was too far ahead"],
  malformed: ["u32", "of those, that no handler takes"],
  emitted: ["u32", "messages published to the output queue; wraps"],
  emit_full: ["u32", "messages that found no room there; wraps"],
  busy: ["u32", "messages whose handlers have not settled"],
  heartbeat: ["u32", "turns of the thread's loop in which it looked at the kernel; wraps"],
  claimed: ["u32", "messages claimed; wraps"],
  dead_lost: [
    "u32",
    "failed messages that should have become dead letters and found no room; wraps",
  ],
  reserved: ["u32", "0", 21],
});
