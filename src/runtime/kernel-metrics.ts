// Kernel metrics: the counts of one kernel, from its host's books and from the blocks of the threads that serve it.
// Words of 32 bits wrap, and are read without a sign: a kernel's count is modulo 2^32 for each thread.

import type { Admission } from "./admission.ts";
import type { DeadLetterBox } from "./dead-letter-box.ts";
import type { Doors } from "./doors.ts";
import { type Counter, type KernelBlock, sumOf } from "./kernel-block.ts";
import type { KernelMetrics, KernelStatus } from "./kernel-facts.ts";
import { latencyFacts } from "./latency.ts";
import type { MessageQueue } from "./message-queue.ts";
import type { Outbox } from "./outbox.ts";
import type { Profile } from "./profile.ts";
import type { Received } from "./received.ts";
import type { Sender } from "./sender.ts";
import type { Telemetry } from "./telemetry.ts";

export interface MetricsSources {
  readonly status: KernelStatus;
  readonly inHand: number;
  readonly generation: number;
  readonly blocks: readonly KernelBlock[];
  readonly outbox: Outbox;
  readonly doors: Doors;
  readonly received: Received;
  readonly telemetry: Telemetry;
  readonly profiles: readonly Profile[];
  readonly admission: Admission | undefined;
}

/** Bytes of a kernel's queues and words, and of what it records. */
export function memoryBytes(sources: {
  readonly senders: readonly Sender[];
  readonly output: MessageQueue;
  readonly blocks: readonly KernelBlock[];
  readonly profiles: readonly Profile[];
  readonly telemetry: Telemetry;
  readonly box: DeadLetterBox | undefined;
}): number {
  const { senders, output, blocks, profiles, telemetry, box } = sources;
  const parts = [...blocks, ...profiles, telemetry.latency, ...(box === undefined ? [] : [box])];
  const queues = [output, ...senders.map(({ queue }) => queue)].reduce(
    (sum, { words }) => sum + words.buffer.byteLength,
    0,
  );
  return parts.reduce((sum, { bytes }) => sum + bytes, queues);
}

export function kernelMetrics(sources: MetricsSources): KernelMetrics {
  const { status, inHand, generation, blocks, outbox, doors, received } = sources;
  const { telemetry, profiles, admission } = sources;
  const sum = (counter: Counter): number => sumOf(blocks, counter);
  return {
    ...status,
    ...{ inHand, generation, restarts: Math.max(0, generation - 1) },
    ...{
      sent: doors.sum(({ sender }) => sender.sent),
      queueFull: doors.sum(({ sender }) => sender.full),
    },
    dropped: outbox.dropped,
    ...{ waiting: outbox.waiting, deadLost: sum("dead_lost"), ...admission?.metrics },
    ...{ failed: sum("failed"), expired: sum("expired"), malformed: sum("malformed") },
    ...{ skewed: sum("skewed"), emitted: sum("emitted"), emitFull: sum("emit_full") },
    ...{
      received: received.count,
      unknown: received.unknown,
      overflowed: received.overflowed,
      turns: sum("heartbeat"),
    },
    answered: doors.sum(({ calls }) => calls.answered),
    failedCalls: doors.sum(({ calls }) => calls.failed),
    timedOut: doors.sum(({ calls }) => calls.timedOut),
    lateReplies: doors.sum(({ calls }) => calls.late),
    latency: latencyFacts([telemetry.latency.histogram]),
    handling:
      profiles.length === 0 ? undefined : latencyFacts(profiles.map(({ histogram }) => histogram)),
  };
}
