// Actors: the structures that RingKernel's hosts and kernels share, byte for byte, little-endian.
//
// They are its `ControlBlock`, `MessageHeader` and `TelemetryBuffer`, so that a message or a block goes
// from either side to the other. RingKernel's own wire drops tenant and audit tag; here they travel in
// bytes that it reserves and never reads. The rest of what it reserves is written as 0.

import { layout } from "./layout.ts";

/** "RINGKERN" read from the number's highest byte; in memory the bytes stand the other way round. */
export const MESSAGE_MAGIC = 0x5249_4e47_4b45_524en;
export const MESSAGE_VERSION = 1;
/** A larger payload is refused before anything of it is read. */
export const MAX_PAYLOAD_BYTES = 65_536;

/** One actor's state. Starts on a multiple of 128 bytes. Heads and tails count messages; they wrap at 2^64. */
export const CONTROL_BLOCK = layout("ControlBlock", {
  is_active: ["u32", "0 or 1"],
  should_terminate: ["u32", "set by the host"],
  has_terminated: ["u32", "set by the kernel"],
  flags_pad: ["pad", "0", 4],
  messages_processed: ["u64", "messages handled since the start"],
  messages_in_flight: ["u64", "messages taken and not handled yet"],
  input_head: ["u64", "next message to put in: the producer's"],
  input_tail: ["u64", "next message to take out: the consumer's"],
  output_head: ["u64", "next answer to put in"],
  output_tail: ["u64", "next answer to take out"],
  input_capacity: ["u32", "messages that the inbox holds: a power of two"],
  output_capacity: ["u32", "messages that the outbox holds: a power of two"],
  input_mask: ["u32", "input_capacity less 1"],
  output_mask: ["u32", "output_capacity less 1"],
  hlc_physical: ["u64", "hybrid logical clock: microseconds of Unix time"],
  hlc_logical: ["u64", "its logical count"],
  last_error: ["u32", "code of the last error; 0 is none"],
  error_count: ["u32", "errors since the start"],
  reserved: ["u8", "the kernel's own state, or 0", 24],
});

/** Ahead of every payload. Starts on a multiple of 64 bytes. */
export const MESSAGE_HEADER = layout("MessageHeader", {
  magic: ["u64", "RINGKERN"],
  version: ["u32", "1"],
  flags: ["u32", "the sender's own; given on unchanged"],
  message_id: ["u64", "number of the message"],
  correlation_id: ["u64", "number of the message that this one answers; 0 is none"],
  source_kernel: ["u64", "who sent it; 0 is the host"],
  dest_kernel: ["u64", "whom it is for"],
  message_type: ["u64", "which message the payload is"],
  priority: ["u8", "0 low, 1 normal, 2 high, 3 critical"],
  priority_pad: ["pad", "0", 7],
  payload_size: ["u64", "bytes that follow this header, 65,536 at most"],
  checksum: ["u32", "CRC-32C of the payload"],
  checksum_pad: ["pad", "0", 4],
  timestamp_physical: ["u64", "when it was sent: microseconds of Unix time"],
  timestamp_logical: ["u64", "and the logical count of that clock"],
  timestamp_node: ["u64", "and the node whose clock it is"],
  deadline_physical: ["u64", "after which nobody need answer; all three 0 is never"],
  deadline_logical: ["u64", "likewise"],
  deadline_node: ["u64", "likewise"],
  tenant: ["u64", "on whose behalf; 0 is unspecified"],
  audit_org: ["u64", "audit tag: the organisation; 0 is none"],
  audit_engagement: ["u64", "audit tag: the engagement; 0 is none"],
  reserved: ["pad", "0", 104],
});

/** One actor's counts. Starts on a multiple of 64 bytes. */
export const TELEMETRY_BUFFER = layout("TelemetryBuffer", {
  messages_processed: ["u64", "messages handled"],
  messages_dropped: ["u64", "messages given up"],
  total_latency_us: ["u64", "sum of the latencies"],
  min_latency_us: ["u64", "least latency; all bits set before the first"],
  max_latency_us: ["u64", "greatest latency"],
  input_queue_depth: ["u32", "messages waiting in the inbox"],
  output_queue_depth: ["u32", "messages waiting in the outbox"],
  last_error: ["u32", "code of the last error; 0 is none"],
  reserved: ["pad", "0", 12],
});
