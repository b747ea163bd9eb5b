// Faults: what a caller is told when its message ends as a fault.

import { Failure, type FailureCode } from "../base/mod.ts";
import { FAULT_CODES, MESSAGE_FAULTS } from "../layout/mod.ts";

interface Cause {
  readonly code: FailureCode;
  readonly found: string;
  readonly expected: string;
  readonly fix: string;
}

const CAUSES: Readonly<Record<number, Cause>> = {
  [FAULT_CODES.HANDLER_ERROR]: {
    code: "HANDLER_FAILED",
    found: "a handler that threw",
    expected: "an answer",
    fix: "Correct the handler, or the message: its error is the cause.",
  },
  [FAULT_CODES.WORKER_LOST]: {
    code: "WORKER_LOST",
    found: "a thread that ended with the message in hand",
    expected: "an answer",
    fix: "Call again if the message may be handled twice; launch the kernel again if it is gone.",
  },
  [FAULT_CODES.UNKNOWN_OPCODE]: {
    code: "MESSAGE_UNKNOWN",
    found: "a message that no handler takes",
    expected: "one of the messages in the kernel's `on`",
    fix: "Send what the kernel declares, from the same declaration.",
  },
  [FAULT_CODES.MALFORMED_ARGS]: {
    code: "MESSAGE_INVALID",
    found: "bytes that are no whole message of its type",
    expected: "the bytes of its declaration",
    fix: "Send and receive with the same declaration.",
  },
  [MESSAGE_FAULTS.DEADLINE]: {
    code: "DEADLINE_PASSED",
    found: "a deadline that had passed when the message was its turn",
    expected: "its turn before",
    fix: "Give more time, or the kernel more lanes or workers.",
  },
  [MESSAGE_FAULTS.CHECKSUM]: {
    code: "MESSAGE_DAMAGED",
    found: "a payload of another checksum",
    expected: "the bytes that were sent",
    fix: "Look for who writes to a message after it was sent.",
  },
  [MESSAGE_FAULTS.CLOCK_SKEW]: {
    code: "CLOCK_SKEW",
    found: "a stamp too far in the future",
    expected: "one within `maxDriftMs`",
    fix: "Set the sender's clock, or allow more drift.",
  },
  [MESSAGE_FAULTS.CANCELLED]: {
    code: "CALL_CANCELLED",
    found: "a message that its sender took back",
    expected: "one that is still wanted",
    fix: "Nothing: no handler saw it.",
  },
  [MESSAGE_FAULTS.TERMINATED]: {
    code: "KERNEL_TERMINATED",
    found: "a kernel that ended before the message's turn",
    expected: "one that is active",
    fix: "Launch the kernel again; no handler saw the message.",
  },
  [MESSAGE_FAULTS.REPLY_TOO_LARGE]: {
    code: "MESSAGE_TOO_LARGE",
    found: "a reply for which there is no room",
    expected: "one within `payloadBytesMax`, and a free block",
    fix: "Answer with less, or create the runtime with larger or more blocks.",
  },
  [MESSAGE_FAULTS.INTERRUPTED]: {
    code: "HANDLER_INTERRUPTED",
    found: "a handler that stopped because it was told to",
    expected: "an answer",
    fix: "Nothing: the kernel's state is kept.",
  },
};

const OTHER: Cause = CAUSES[FAULT_CODES.HANDLER_ERROR]!;

/** `text` is what a handler's error said. */
export function failureOf(kernel: string, code: number, text: string): Failure {
  const { code: failure, found, expected, fix } = CAUSES[code] ?? OTHER;
  const cause =
    text === "" ? undefined : Object.assign(new Error(text.split("\n", 1)[0]), { stack: text });
  const facts = { at: `kernel ${kernel}`, found: cause?.message ?? found, expected, fix };
  return new Failure(failure, facts, cause === undefined ? undefined : { cause });
}

/** A caller's signal has aborted. `cause` is its reason. */
export function cancelled(kernel: string, cause: unknown): Failure {
  const [found, expected] = ["an aborted signal", "a call that is still wanted"];
  const facts = { at: `kernel ${kernel}`, found, expected, fix: "Nothing." };
  return new Failure("CALL_CANCELLED", facts, { cause });
}

/** A caller's time is over. */
export function unanswered(kernel: string): Failure {
  const fix = "Give more time, or find out what keeps the kernel busy.";
  const facts = { at: `kernel ${kernel}`, found: "no answer", expected: "one in time", fix };
  return new Failure("CALL_TIMEOUT", facts);
}
