// Process clock: milliseconds that are alike on all threads of this process. A thread's `performance.now()`
// begins with the thread; the system's monotonic clock does not.

const beginMs = Number(process.hrtime.bigint()) / 1e6 - performance.now();

export const processMs = (): number => beginMs + performance.now();
