// Shared ticker: one ticker per process and interval, however many sandboxes ask for it.
//
// The first holder starts the thread and the last to let go stops it. If the thread dies, every holder
// is told, and the next one to ask gets a new thread with a new epoch.

import type { Failure } from "../../base/mod.ts";
import { newEpoch, startTicker, type Ticker } from "./ticker.ts";

export interface SharedTickerOptions {
  readonly intervalMs: number;
  /** Told once if the thread dies while held: from then on the epoch stands still. */
  readonly onError: (error: Failure) => void;
}

interface Entry {
  readonly started: Promise<Ticker>;
  readonly holders: Set<SharedTickerOptions>;
}

const entries = new Map<number, Entry>();

/** Joins the process's ticker of this interval, starting it for the first holder. */
export async function sharedTicker(options: SharedTickerOptions): Promise<Ticker> {
  const { intervalMs } = options;
  const entry = entries.get(intervalMs) ?? start(intervalMs);
  const holder = { ...options }; // One identity per holder, though two may pass one object.
  entry.holders.add(holder);
  try {
    const { memory, epoch, follow } = await entry.started;
    const leaving = (): Promise<void> => leave(entry, holder);
    return { memory, epoch, intervalMs, follow, [Symbol.asyncDispose]: leaving };
  } catch (error) {
    forget(intervalMs, entry);
    throw error;
  }
}

function start(intervalMs: number): Entry {
  const holders = new Set<SharedTickerOptions>();
  const onError = (error: Failure): void => {
    forget(intervalMs, entry);
    for (const holder of holders) holder.onError(error);
    holders.clear();
  };
  const started = startTicker({ intervalMs, epoch: newEpoch(), onError });
  const entry: Entry = { started, holders };
  entries.set(intervalMs, entry);
  return entry;
}

/** The last holder to leave stops the thread; one that joins meanwhile gets a new one. */
async function leave(entry: Entry, holder: SharedTickerOptions): Promise<void> {
  if (!entry.holders.delete(holder) || entry.holders.size > 0) return;
  forget(holder.intervalMs, entry);
  await (await entry.started)[Symbol.asyncDispose]();
}

function forget(intervalMs: number, entry: Entry): void {
  if (entries.get(intervalMs) === entry) entries.delete(intervalMs);
}
