// Keep-alive: a handle that holds Node's event loop open while a slot's outcome is awaited.
//
// `Atomics.waitAsync` does not: without a handle of its own, a process that awaits nothing else ends.

import type { KeepAlive } from "../../ring/mod.ts";

/** The longest delay that a timer takes; it is set again each time. */
const FOREVER_MS = 2 ** 31 - 1;

/** Each call holds the loop until its answer is called. Calling that twice does nothing more. */
export const keepAlive: KeepAlive = () => {
  const timer = setInterval(() => {}, FOREVER_MS);
  return () => clearInterval(timer);
};
