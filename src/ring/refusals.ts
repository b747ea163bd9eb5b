// Refusals: every way in which a publication is refused, as a Failure that names queue, cause and fix.
//
// RING_FULL: the ring has no room there, which may pass. SLOT_INVALID: the description itself is wrong.
// `detail.cause` is stable, and programs compare it.

import { Failure } from "../base/mod.ts";
import { SLOT_STATUS } from "../layout/mod.ts";

const QUEUE = "submission";

export function noSuchSlot(index: number, slots: number): Failure {
  return new Failure(
    "RING_FULL",
    {
      at: `slot ${index}`,
      found: "an index beyond the ring",
      expected: `an index below ${slots}`,
      fix: "Publish into a slot of the ring, or make a larger ring.",
    },
    { detail: { queue: QUEUE, cause: "slot-index", index, slots } },
  );
}

export function busySlot(index: number, status: number): Failure {
  const [name] = Object.entries(SLOT_STATUS).find(([, code]) => code === status) ?? [status];
  return new Failure(
    "RING_FULL",
    {
      at: `slot ${index}`,
      found: `the status ${name}`,
      expected: "EMPTY or DONE",
      fix: "Wait until its executor has completed it, and release a slot in FAULT once it is seen.",
    },
    { detail: { queue: QUEUE, cause: "slot-busy", index, status } },
  );
}

/** The indices from `start` on do not fit 32 bits. */
export function indexOverflow(what: "batch" | "window", start: number, items: number): Failure {
  return new Failure(
    "RING_FULL",
    {
      at: `slot ${start}`,
      found: `a ${what} of ${items} from there`,
      expected: "a last index below 4294967296",
      fix: `Split the ${what} before publishing.`,
    },
    { detail: { queue: QUEUE, cause: `${what}-overflow`, start, items } },
  );
}

export function tooManyItems(items: number): Failure {
  return new Failure(
    "RING_FULL",
    {
      at: "the window",
      found: `${items} items`,
      expected: "at most 4294967295",
      fix: "Split the window before publishing.",
    },
    { detail: { queue: QUEUE, cause: "window-size", items } },
  );
}

export function tooManyArgs(found: number): Failure {
  const facts = { found: `${found} arguments`, expected: "at most 12", fix: "Split the slot." };
  return invalid("too-many-args", { at: "args", ...facts }, { args: found });
}

export function payloadTooLong(found: number): Failure {
  const fix = "Split the payload: ticket, class and payload share the 12 arguments.";
  const facts = { at: "payload", found: `${found} words`, expected: "at most 10", fix };
  return invalid("payload-too-long", facts, { words: found });
}

export function reservedOpcode(code: number): Failure {
  return invalid(
    "reserved-opcode",
    {
      at: "opcode",
      found: `0x${code.toString(16)}`,
      expected: "a builtin, or a custom opcode of 8 to 0xffef or 0x10000 to 0x7fffffff",
      fix: "Register the opcode outside the system's range; packed operations go through Slot.packed().",
    },
    { opcode: code },
  );
}

export function notAWord(at: string, found: unknown): Failure {
  const expected = "a whole number from 0 to 4294967295";
  const facts = { at, found: String(found), expected, fix: "Pass it as an unsigned 32-bit value." };
  return invalid("not-a-word", facts, {});
}

export function badPriority(found: number): Failure {
  const facts = {
    found: String(found),
    expected: "0 (critical) to 4 (idle)",
    fix: "Use PRIORITY.",
  };
  return invalid("priority", { at: "priority", ...facts }, { priority: found });
}

/** What is wrong with a packed slot, by the operation it is in. */
export function badPacked(cause: string, at: string, found: string, expected: string): Failure {
  const fix = "Split the operations over several slots, or correct the operation.";
  return invalid(`packed-${cause}`, { at, found, expected, fix }, {});
}

type Facts = ConstructorParameters<typeof Failure>[1];

function invalid(cause: string, facts: Facts, detail: Readonly<Record<string, unknown>>): Failure {
  return new Failure("SLOT_INVALID", facts, { detail: { queue: QUEUE, cause, ...detail } });
}
