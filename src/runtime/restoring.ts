// Restoring: what a launch makes of a checkpoint before its kernel starts. The clock goes on behind the
// checkpoint's stamp, and its messages wait in the new queue.

import { CHECKPOINT_LIMITS, Failure } from "../base/mod.ts";
import { HybridClock } from "../message/mod.ts";
import { type Checkpoint, decodeCheckpoint, invalid } from "./checkpoint.ts";
import type { Restored } from "./kernel-spec.ts";
import type { MessageQueue } from "./message-queue.ts";
import { refill } from "./waiting-messages.ts";

export interface RestoringParts {
  /** Id of the kernel's definition. */
  readonly id: string;
  /** Its input queue, which nobody serves yet. */
  readonly queue: MessageQueue;
  readonly clock: HybridClock;
  readonly payloadBytesMax: number;
  readonly checksum: boolean;
  /** Unix milliseconds. */
  readonly now: number;
}

/**
 * Reads a checkpoint for a kernel that starts. Fails with CHECKPOINT_INVALID, with CLOCK_SKEW where its stamp is
 * too far ahead of the wall, with QUEUE_FULL or with MESSAGE_TOO_LARGE.
 */
export function openCheckpoint(bytes: Uint8Array, parts: RestoringParts): Restored {
  const { id, queue, clock, ...options } = parts;
  const checkpoint = decodeCheckpoint(bytes, { bytesMax: CHECKPOINT_LIMITS.bytesMax });
  if (checkpoint.id !== id) throw invalid("id", `kernel ${checkpoint.id}`, `kernel ${id}`);
  const { stampHigh, stampLow, messages, state } = checkpoint;
  if (!clock.observe(stampHigh, stampLow)) throw skewed(checkpoint, parts.now);
  refill(queue, messages, { clock, ...options });
  const types = new Set(messages.map(({ messageType }) => Number(messageType)));
  return { state, types: [...types] };
}

function skewed({ id, stampHigh, stampLow }: Checkpoint, now: number): Failure {
  const { physicalMs } = HybridClock.partsOf(stampHigh, stampLow);
  return new Failure("CLOCK_SKEW", {
    at: `checkpoint of kernel ${id}`,
    found: `a stamp ${Math.round(physicalMs - now)} ms ahead of the clock`,
    expected: "a stamp of the past, or within `maxDriftMs`",
    fix: "Set the clock of this machine, or create the runtime with a larger `maxDriftMs`.",
  });
}
