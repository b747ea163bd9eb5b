// Outcomes: what becomes of promises in tests that must not hang with them.

import { setTimeout as after } from "node:timers/promises";
import { Failure } from "../../src/base/mod.ts";

/** "ok", the code of a failure, or what else was thrown. */
export function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "ok",
    (error: unknown) => (error instanceof Failure ? error.code : String(error)),
  );
}

/** What a promise gives, or "hung": it says nothing for `ms`, which is far more than it needs. */
export async function within<Value>(promise: Promise<Value>, ms = 5000): Promise<Value | "hung"> {
  const stop = new AbortController();
  const hung = after(ms, "hung" as const, { signal: stop.signal }).catch(() => "hung" as const);
  try {
    return await Promise.race([promise, hung]);
  } finally {
    stop.abort();
  }
}

/** Waits until something holds, and fails when it does not in `ms`, which is far more than it needs. */
export async function until(holds: () => boolean, ms = 10_000): Promise<void> {
  const end = performance.now() + ms;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`It does not hold: ${holds}`);
    await after(1);
  }
}
