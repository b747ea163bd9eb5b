// Process clock: milliseconds that are alike on all threads of this process. A thread's `performance.now()`
// begins with the thread; the system's monotonic clock does not.

const LOOKS = 8;

const beginMs = beginning();

export const processMs = (): number => beginMs + performance.now();

/** When this thread's clock began. Of several looks the quickest counts: a thread may be set aside between two. */
function beginning(): number {
  let [begin, least] = [0, Infinity];
  for (let i = 0; i < LOOKS; i++) {
    const before = performance.now();
    const system = Number(process.hrtime.bigint()) / 1e6;
    const took = performance.now() - before;
    if (took < least) [begin, least] = [system - before - took / 2, took];
  }
  return begin;
}
