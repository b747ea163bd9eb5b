// Unsupported: what an option that cannot be fails with.

import { Failure } from "../base/mod.ts";

export function unsupported(name: string, found: string, expected: string): Failure {
  return new Failure("OPTION_UNSUPPORTED", {
    at: name,
    found,
    expected,
    fix: "Change or leave out the option.",
  });
}

/** No time at all can be waited for. */
export function noTime(): Failure {
  return unsupported("timeoutMs", "NaN", "milliseconds");
}
