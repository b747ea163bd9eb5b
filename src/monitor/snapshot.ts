// Snapshot: a runtime's kernels as rows, read from its books and asked of no thread.

import { MONITOR_LIMITS } from "../base/mod.ts";
import type { KernelHandle, Runtime } from "../runtime/mod.ts";
import { COUNTS, type KernelRow, LATENCIES, type Snapshot, TOTALS } from "./protocol.ts";

/** What of a runtime is watched. */
export type Monitored = Pick<Runtime, "backend" | "metrics" | "listKernels" | "getKernel">;

/** Bytes of a snapshot's line that are no row. */
const FRAME_BYTES = 2048;

/** In the order of launches, as many as there is room for. */
export function snapshotOf(runtime: Monitored, nowMs: () => number): Snapshot {
  const ids = runtime.listKernels();
  const kernels: KernelRow[] = [];
  let bytes = FRAME_BYTES;
  for (const id of ids) {
    if (kernels.length === MONITOR_LIMITS.kernelsMax) break;
    const handle = runtime.getKernel(id);
    if (handle === undefined || id.length > MONITOR_LIMITS.idCharactersMax) continue;
    const row = rowOf(handle);
    bytes += 6 * id.length + ROW_BYTES; // Escaped, and in UTF-8: no unit takes more.
    if (bytes > MONITOR_LIMITS.replyBytesMax) break;
    kernels.push(row);
  }
  const { metrics } = runtime;
  return {
    atMs: nowMs(),
    backend: runtime.backend,
    runtime: { ...pick(TOTALS, metrics), latency: pick(LATENCIES, metrics.latency) },
    kernels,
    hidden: ids.length - kernels.length,
  };
}

/** Names and numbers of a row: each number at its longest, which is `2.2250738585072014e-308,`. */
const ROW_BYTES = 260 + COUNTS.join().length + (COUNTS.length + LATENCIES.length + 2) * 27;

function rowOf(handle: KernelHandle): KernelRow {
  const { metrics } = handle;
  const { id, state, mode, generation, restarts, latency } = metrics;
  return {
    ...{ id, state, mode, generation, restarts },
    ...pick(COUNTS, metrics),
    latency: pick(LATENCIES, latency),
  };
}

function pick<Name extends string>(
  names: readonly Name[],
  from: Readonly<Record<Name, number>>,
): Record<Name, number> {
  return Object.fromEntries(names.map((name) => [name, from[name]])) as Record<Name, number>;
}
