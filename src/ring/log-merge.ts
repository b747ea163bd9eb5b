// Log merge: the logs of several executors of one ring as one, in the order of publication.
//
// Each log goes by when slots settled. The one whose next slot was published first goes first; priorities
// have positions of their own, so that between lanes this is a guess.

import type { LogRecord } from "./log.ts";

/** All records of `logs`, each log in its own order. */
export function* mergeLogs(logs: readonly Iterable<LogRecord>[]): Iterable<LogRecord> {
  const left = logs.map((log) => log[Symbol.iterator]());
  const next = left.map((log) => log.next());
  for (;;) {
    let first = -1;
    for (const [i, { done, value }] of next.entries()) {
      if (done === true) continue;
      const other = first < 0 ? undefined : (next[first]!.value as LogRecord);
      if (other === undefined || ((value.ticket - other.ticket) | 0) < 0) first = i;
    }
    if (first < 0) return;
    yield next[first]!.value as LogRecord;
    next[first] = left[first]!.next();
  }
}
