// Snapshots for tests of what `annulus top` makes of them.

import type { KernelRow, Snapshot } from "../monitor/mod.ts";

const ZERO = {
  ...{ inputQueueDepth: 0, outputQueueDepth: 0, inHand: 0, messagesProcessed: 0, uptimeMs: 0 },
  ...{ failed: 0, expired: 0, malformed: 0, skewed: 0, sent: 0, queueFull: 0, dropped: 0 },
  ...{ emitted: 0, emitFull: 0, received: 0, answered: 0, timedOut: 0, lateReplies: 0 },
};

const NO_CALLS = { count: 0, p50Us: 0, p90Us: 0, p99Us: 0, p999Us: 0, maxUs: 0 };

export function row(id: string, facts: Partial<KernelRow> = {}): KernelRow {
  return {
    ...{ id, state: "active", mode: "persistent", generation: 1, restarts: 0 },
    ...ZERO,
    latency: NO_CALLS,
    ...facts,
  };
}

export function snapshot(atMs: number, kernels: readonly KernelRow[], hidden = 0): Snapshot {
  const activeKernels = kernels.filter(({ state }) => state === "active").length;
  return {
    ...{ atMs, kernels, hidden, backend: "worker" },
    runtime: {
      ...{ activeKernels, totalLaunched: kernels.length, messagesSent: 0, messagesReceived: 0 },
      ...{ restarts: 0, threads: 2, hostMemoryBytes: 3 * 2 ** 20 },
      latency: kernels[0]?.latency ?? NO_CALLS,
    },
  };
}
