// Faults: the failures of a bridge, said in one place.

import { Failure } from "../base/mod.ts";
import type { DeviceMemory } from "./device.ts";

/** As a back end says that its device is gone. */
export function deviceLost(name: string, found: string, cause?: unknown): Failure {
  const facts = {
    at: `device ${name}`,
    found,
    expected: "a device that stays",
    fix: "Open the device again, make a new bridge, and send what leftovers() gives.",
  };
  return new Failure("DEVICE_LOST", facts, cause === undefined ? {} : { cause });
}

export function copyFailed(memory: DeviceMemory, attempts: number, cause: unknown): Failure {
  const facts = {
    at: `device ${memory.name}`,
    found: `a copy that failed ${attempts} times, last with: ${reason(cause)}`,
    expected: "a copy that ends well within `copyAttemptsMax`",
    fix: "See the cause, then make a new bridge and send what leftovers() gives.",
  };
  return new Failure("DEVICE_COPY_FAILED", facts, { cause });
}

export function queueInvalid(at: string, found: string, expected: string): Failure {
  const fix = "Correct the kernel: docs/reference/bridge.md says who writes which word, and when.";
  return new Failure("DEVICE_QUEUE_INVALID", { at, found, expected, fix });
}

export function bridgeClosed(found: string): Failure {
  const fix = "Make a new bridge.";
  return new Failure("BRIDGE_CLOSED", { at: "bridge", found, expected: "one that is open", fix });
}

export function tooLarge(bytes: number, most: number): Failure {
  return new Failure("MESSAGE_TOO_LARGE", {
    at: "bridge input",
    found: `${bytes} bytes`,
    expected: `at most ${most}`,
    fix: "Send less, or create the bridge with a larger `payloadBytesMax`.",
  });
}

export function inputFull(timeoutMs: number, capacity: number): Failure {
  return new Failure("QUEUE_FULL", {
    at: "bridge input",
    found: `no room in ${timeoutMs} ms`,
    expected: `fewer than ${capacity} messages that the device has not taken`,
    fix: "Give more time, a larger `inputCapacity`, or find out why the device takes none.",
  });
}

export function outputEmpty(timeoutMs: number): Failure {
  return new Failure("QUEUE_EMPTY", {
    at: "bridge output",
    found: `no message in ${timeoutMs} ms`,
    expected: "a message",
    fix: "Give more time, or find out why the device sends none.",
  });
}

export function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
