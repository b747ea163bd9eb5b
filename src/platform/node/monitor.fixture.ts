// What a promise came to, for the tests of the monitor.

import { Failure } from "../../base/mod.ts";

export function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "no failure",
    (error: unknown) => (error instanceof Failure ? error.code : String(error)),
  );
}
