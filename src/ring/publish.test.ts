// Publishing: each way in which it is refused, and what of the ring is then still as it was.

import * as fc from "fast-check";
import { expect, test } from "vitest";

import { Failure, type FailureCode } from "../base/mod.ts";
import { OPCODES, SLOT_STATUS, SLOT_WORDS } from "../layout/mod.ts";
import { Batch } from "./batch.ts";
import { encodeEmptyRing } from "./codec.ts";
import { type SingleSlot, Slot } from "./slot.ts";
import { slotWords } from "./slot-words.ts";
import { Window, type WindowOptions } from "./window.ts";

const NOP = Slot.single({ tenant: 0, opcode: 0 });
const LAST = 2 ** 32 - 1;

const ring = (slots = 4): Int32Array => slotWords(encodeEmptyRing(slots));

const window = (options: Partial<WindowOptions>): Window =>
  new Window({
    ...{ startSlot: 0, tenant: 1, opcode: 8, ticket: 5, required: [], lookahead: [] },
    ...options,
  });

const withArgs = (args: number): Slot =>
  Slot.single({ tenant: 0, opcode: 8, args: Array(args).fill(1) });

const withPayload = (words: number): Window => window({ required: [Array(words).fill(1)] });

const publishing = (slot: Partial<SingleSlot>) => () =>
  Slot.single({ tenant: 0, opcode: 0, ...slot }).publishInto(ring(), 0);

const publishingWindow = (options: Partial<WindowOptions>) => () =>
  window({ required: [[]], ...options }).publishInto(ring());

/** What `action` throws: its code, and the cause where it is a refusal of the submission queue. */
function refusal(action: () => unknown): Failure {
  try {
    action();
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error("expected a Failure");
}

function expectRefusal(action: () => unknown, code: FailureCode, cause: string): void {
  const failure = refusal(action);
  expect([failure.code, failure.detail["queue"], failure.detail["cause"]]).toEqual([
    code,
    "submission",
    cause,
  ]);
  expect(failure.fix).not.toBe("");
}

test("slotWords() and publishInto() refuse what is no whole number of slots", () => {
  expect(refusal(() => slotWords(new Uint8Array(63))).code).toBe("RING_INVALID");
  expect(refusal(() => slotWords(new Uint8Array(new ArrayBuffer(66), 2, 64))).code).toBe(
    "RING_INVALID",
  );
  expect(refusal(() => NOP.publishInto(new Int32Array(17), 0)).code).toBe("RING_INVALID");
});

test("publishInto() refuses an index beyond the ring, and takes the last", () => {
  const words = ring();
  NOP.publishInto(words, 3);
  expectRefusal(() => NOP.publishInto(words, 4), "RING_FULL", "slot-index");
  expectRefusal(() => NOP.publishInto(words, -1), "SLOT_INVALID", "not-a-word");
});

test("publishInto() takes 12 arguments and refuses 13", () => {
  withArgs(12).publishInto(ring(), 0);
  expectRefusal(() => withArgs(13).publishInto(ring(), 0), "SLOT_INVALID", "too-many-args");
});

test.each([0xfff0, 0xffff, 0x8000_0000, OPCODES.PACKED_SLOT.code, 0xffff_fffe])(
  "publishInto() refuses the reserved opcode %s",
  (opcode) => {
    const slot = Slot.single({ tenant: 0, opcode });
    expectRefusal(() => slot.publishInto(ring(), 0), "SLOT_INVALID", "reserved-opcode");
  },
);

test("publishInto() takes LOAD_MISS, which upstream has but refuses", () => {
  const words = ring();
  Slot.single({ tenant: 3, opcode: OPCODES.LOAD_MISS.code, args: [9] }).publishInto(words, 0);
  expect([...words.subarray(0, 5)]).toEqual([1, 0xfffd, 3, 2, 9]);
});

test("publishInto() refuses words that are no words, and priorities that are none", () => {
  for (const wrong of [-1, 2 ** 32, 0.5, NaN]) {
    expectRefusal(publishing({ args: [wrong] }), "SLOT_INVALID", "not-a-word");
    expectRefusal(publishing({ tenant: wrong }), "SLOT_INVALID", "not-a-word");
    expectRefusal(publishing({ opcode: wrong }), "SLOT_INVALID", "not-a-word");
    expectRefusal(publishing({ priority: wrong }), "SLOT_INVALID", "priority");
  }
  expectRefusal(publishing({ priority: 5 }), "SLOT_INVALID", "priority");
});

const BUSY = ["PUBLISHED", "CLAIMED", "WAIT_IO", "YIELD", "REQUEUE", "FAULT"] as const;

test.each(BUSY)("publishing over a slot in %s is refused and changes nothing", (name) => {
  const words = ring(2);
  words[SLOT_WORDS] = SLOT_STATUS[name];
  const before = words.slice();
  expectRefusal(() => NOP.publishInto(words, 1), "RING_FULL", "slot-busy");
  expectRefusal(() => new Batch(0, [NOP, NOP]).publishAtomic(words), "RING_FULL", "slot-busy");
  const two = window({ required: [[]], lookahead: [[]] });
  expectRefusal(() => two.publishAtomic(words), "RING_FULL", "slot-busy");
  expect(words).toEqual(before);
});

test("publishing over a slot in DONE clears what it held", () => {
  const words = ring(1).fill(-1);
  words[0] = SLOT_STATUS.DONE;
  NOP.publishInto(words, 0);
  expect([...words]).toEqual([1, 0, 0, 2, ...Array(12).fill(0)]);
});

test("a Batch of two at slot 2^32-1 overflows, and of one is beyond the ring", () => {
  for (const how of ["publishInto", "publishAtomic"] as const) {
    expectRefusal(() => new Batch(LAST, [NOP, NOP])[how](ring()), "RING_FULL", "batch-overflow");
    expectRefusal(() => new Batch(LAST, [NOP])[how](ring()), "RING_FULL", "slot-index");
    expectRefusal(() => new Batch(-1, [NOP])[how](ring()), "SLOT_INVALID", "not-a-word");
  }
});

test("an empty Batch or Window touches nothing, not even words that are no ring", () => {
  expect(new Batch(LAST, []).publishInto(new Int32Array(1))).toBe(0);
  expect(window({ startSlot: LAST }).publishInto(new Int32Array(1))).toBe(0);
  expect(window({}).publishAtomic(new Int32Array(1))).toBe(0);
});

test("Batch.publishInto() leaves the items before a failing one published, as the seed does", () => {
  const words = ring();
  const bad = Slot.single({ tenant: 0, opcode: 0xffff });
  expect(() => new Batch(0, [NOP, bad, NOP]).publishInto(words)).toThrow(Failure);
  expect([0, 1, 2].map((i) => words[i * SLOT_WORDS])).toEqual([1, 0, 0]);
});

test("publishAtomic() of a Batch or Window with a bad last item writes no word", () => {
  const words = ring();
  const bad = Slot.single({ tenant: 0, opcode: 0xffff });
  expect(() => new Batch(0, [NOP, bad]).publishAtomic(words)).toThrow(Failure);
  const long = window({ required: [[1]], lookahead: [Array(11).fill(0)] });
  expect(() => long.publishAtomic(words)).toThrow(Failure);
  expect(words.every((word) => word === 0)).toBe(true);
});

test("a Window's payload has at most 10 words", () => {
  expect(withPayload(10).publishInto(ring())).toBe(1);
  expectRefusal(() => withPayload(11).publishInto(ring()), "SLOT_INVALID", "payload-too-long");
  expectRefusal(() => withPayload(11).tryIntoBatch(), "SLOT_INVALID", "payload-too-long");
});

test("a Window is refused when its indices or its size leave 32 bits", () => {
  const two = window({ startSlot: LAST, required: [[]], lookahead: [[]] });
  expectRefusal(() => two.publishInto(ring()), "RING_FULL", "window-overflow");
  expectRefusal(() => two.tryIntoBatch().publishInto(ring()), "RING_FULL", "batch-overflow");
  const half: number[][] = Array(2 ** 31); // No memory: an array without elements.
  const huge = window({ required: half, lookahead: half });
  expectRefusal(() => huge.publishInto(ring()), "RING_FULL", "window-size");
  expectRefusal(() => huge.tryIntoBatch(), "RING_FULL", "window-size");
});

test("a Window refuses a ticket, tenant, opcode or priority that is none", () => {
  expectRefusal(publishingWindow({ ticket: 2 ** 32 }), "SLOT_INVALID", "not-a-word");
  expectRefusal(publishingWindow({ tenant: -1 }), "SLOT_INVALID", "not-a-word");
  expectRefusal(publishingWindow({ opcode: 0xfff5 }), "SLOT_INVALID", "reserved-opcode");
  expectRefusal(publishingWindow({ priority: 9 }), "SLOT_INVALID", "priority");
});

test("WindowHandle tells required from lookahead, and each slot's outcome", () => {
  const words = ring();
  const published = window({ startSlot: 1, required: [[1], [2]], lookahead: [[3]] });
  published.publishInto(words);
  const handle = published.handle(words);
  expect(handle.converged).toBe(false);
  expect(handle.required).toEqual({ total: 2, pending: 2, done: 0, fault: 0, gone: 0 });
  words[SLOT_WORDS] = words[2 * SLOT_WORDS] = SLOT_STATUS.DONE;
  expect(handle.converged).toBe(true);
  expect(handle.outcome(1)).toMatchObject({ state: "done" });
  words[3 * SLOT_WORDS] = SLOT_STATUS.FAULT;
  words.set([9, 5], 3 * SLOT_WORDS + 14); // Detail, then code.
  expect(handle.outcome(2)).toEqual({ state: "fault", code: 5, detail: 9 });
  expect(handle.lookahead.fault).toBe(1);
  NOP.publishInto(words, 1);
  expect(handle.outcome(0)).toEqual({ state: "gone" });
  expect(handle.converged).toBe(false);
});

const word = fc.integer({ min: 0, max: LAST });
const payloads = fc.array(fc.array(word, { maxLength: 11 }), { maxLength: 4 });

test("publishing a Window gives the bytes, or the failure, of its materialised batch", () => {
  const anyWindow = fc.record({
    ...{ startSlot: fc.integer({ min: 0, max: 7 }), tenant: word, ticket: word },
    ...{ opcode: fc.oneof(fc.integer({ min: 0, max: 20 }), word) },
    ...{ required: payloads, lookahead: payloads, priority: fc.integer({ min: 0, max: 4 }) },
  });
  fc.assert(
    fc.property(anyWindow, fc.integer({ min: 0, max: 7 }), (options, status) => {
      const [direct, viaBatch, atomic] = [ring(8), ring(8), ring(8)];
      for (const words of [direct, viaBatch, atomic]) words[6 * SLOT_WORDS] = status;
      const described = new Window(options);
      const codes = [
        codeOf(() => described.publishInto(direct)),
        codeOf(() => described.tryIntoBatch().publishInto(viaBatch)),
        codeOf(() => described.publishAtomic(atomic)),
      ];
      expect(codes[0] === "done").toBe(codes[1] === "done");
      expect(codes[2]).toBe(codes[0]);
      if (codes[0] !== "done") return;
      expect(viaBatch).toEqual(direct);
      expect(atomic).toEqual(direct);
    }),
  );
});

function codeOf(action: () => unknown): string {
  try {
    action();
    return "done";
  } catch (error) {
    return error instanceof Failure ? error.code : "no Failure";
  }
}
