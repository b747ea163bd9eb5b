// Rates: what happened between two snapshots of one process, per second.

import type { KernelRow, Snapshot } from "./protocol.ts";

export interface Rates {
  /** Messages that ended, handled or failed, by kernel. Kernels that were not there before count from 0. */
  readonly kernels: ReadonlyMap<string, number>;
  /** Of all kernels that are shown. */
  readonly total: number;
}

/** No rates without a time between the snapshots. */
export function ratesOf(before: Snapshot | undefined, after: Snapshot): Rates | undefined {
  if (before === undefined || after.atMs <= before.atMs) return undefined;
  const seconds = (after.atMs - before.atMs) / 1000;
  const old = new Map(before.kernels.map((row) => [row.id, row]));
  const kernels = new Map<string, number>();
  let total = 0;
  for (const row of after.kernels) {
    const rate = since(old.get(row.id), row) / seconds;
    kernels.set(row.id, rate);
    total += rate;
  }
  return { kernels, total };
}

/** A kernel that was launched again in between began at 0. */
function since(before: KernelRow | undefined, after: KernelRow): number {
  const ended = after.messagesProcessed + after.failed;
  if (before === undefined || after.uptimeMs < before.uptimeMs) return ended;
  return Math.max(0, ended - before.messagesProcessed - before.failed);
}
