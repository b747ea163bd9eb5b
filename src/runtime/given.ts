// Given: what callers in plain JavaScript hand over, where a type would have told them.

import { Failure } from "../base/mod.ts";

/** Fails with MESSAGE_INVALID for what is no message. `kernel`: whom it was for. */
export function mustBeMessage(message: unknown, kernel: string): void {
  if (typeof (message as { bytesOf?: unknown } | undefined)?.bytesOf === "function") return;
  throw new Failure("MESSAGE_INVALID", {
    ...{ at: `kernel ${kernel}`, found: wordFor(message), expected: "a message" },
    fix: "Pass what message() has made, and then the value.",
  });
}

/** Fails with MESSAGE_INVALID for no message, and for no value. */
export function mustBeGiven(message: unknown, value: unknown, kernel: string): void {
  mustBeMessage(message, kernel);
  if (value !== undefined && value !== null) return;
  throw new Failure("MESSAGE_INVALID", {
    ...{ at: `kernel ${kernel}`, found: `${value} as the value of ${String(message)}` },
    ...{ expected: "an object with its fields", fix: "Pass the value behind the message." },
  });
}

function wordFor(given: unknown): string {
  return given === null ? "null" : typeof given;
}
