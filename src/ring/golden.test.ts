// Golden bytes: each structure written out by hand from docs/reference/ring.md, without the tables.

import { expect, test } from "vitest";

import { OPCODES, PRIORITY } from "../layout/mod.ts";
import { Batch } from "./batch.ts";
import { encodeControl, encodeDebugLog, encodeEmptyRing } from "./codec.ts";
import { Slot } from "./slot.ts";
import { slotWords } from "./slot-words.ts";
import { Window } from "./window.ts";

/** Bytes from groups of hexadecimal digits, so that each group of eight is one word as it lies. */
const bytes = (...hex: readonly string[]): Uint8Array =>
  Uint8Array.from(hex.join("").replaceAll(/\s/g, "").match(/../g) ?? [], (byte) =>
    Number(`0x${byte}`),
  );

const zeros = (words: number): string => "00".repeat(words * 4);

/** One published slot's bytes. */
const published = (slot: Slot): Uint8Array => {
  const ring = encodeEmptyRing(1);
  slot.publishInto(slotWords(ring), 0);
  return ring;
};

test("an empty ring of two slots is 128 zero bytes", () => {
  expect(encodeEmptyRing(2)).toEqual(bytes(zeros(32)));
});

const SINGLES = [
  ["NOP", [], "00000000", zeros(12)],
  ["STORE_U32", [7, 168], "01000000", `07000000 a8000000 ${zeros(10)}`],
  ["ATOMIC_ADD", [1, 161], "02000000", `01000000 a1000000 ${zeros(10)}`],
  ["LOAD_U32", [1, 2], "03000000", `01000000 02000000 ${zeros(10)}`],
  ["COMPARE_SWAP", [161, 5, 6, 3], "04000000", `a1000000 05000000 06000000 03000000 ${zeros(8)}`],
  ["MEMCPY", [160, 164, 4], "05000000", `a0000000 a4000000 04000000 ${zeros(9)}`],
  ["DFA_STEP", [1, 0x61, 2, 9], "06000000", `01000000 61000000 02000000 09000000 ${zeros(8)}`],
  ["BATCH_FENCE", [3, 0xbeef, 2], "07000000", `03000000 efbe0000 02000000 ${zeros(9)}`],
  ["LOAD_MISS", [42, 1], "fdff0000", `2a000000 01000000 ${zeros(10)}`],
  ["PRINTF", [1, 2, 3], "feff0000", `01000000 02000000 03000000 ${zeros(9)}`],
  ["SHUTDOWN", [], "ffffffff", zeros(12)],
] as const;

test.each(SINGLES)("Slot.single() of %s is its golden bytes", (name, args, opcode, rest) => {
  const slot = Slot.single({ tenant: 2, opcode: OPCODES[name].code, args });
  expect(published(slot)).toEqual(bytes("01000000", opcode, "02000000", "02000000", rest));
});

test("Slot.single() of a custom opcode, with a priority and twelve arguments, is its golden bytes", () => {
  const args = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0xffff_ffff];
  const slot = Slot.single({ tenant: 0, opcode: 0x4000_0001, args, priority: PRIORITY.CRITICAL });
  expect(published(slot)).toEqual(
    bytes(
      "01000000 01000040 00000000 00000000",
      "01000000 02000000 03000000 04000000 05000000 06000000",
      "07000000 08000000 09000000 0a000000 0b000000 ffffffff",
    ),
  );
});

const STORE = { opcode: 1, args: [7, 160] };
const LOAD = { opcode: 3, args: [1, 2] };
const CAS = { opcode: 4, args: [9, 8, 7] };
const ADD = { opcode: 2, args: [1] };
const NOP = { opcode: 0, args: [] };
const PACKED = [
  [[STORE], `01020100 07000000 a0000000 ${zeros(9)}`],
  [[STORE, ADD], `02030100 02020000 07000000 a0000000 01000000 ${zeros(7)}`],
  [
    [NOP, STORE, LOAD],
    `03040000 01000302 07000000 a0000000 01000000 02000000 ${zeros(6)}`, // 8 bytes of head.
  ],
  [
    [CAS, STORE, LOAD, STORE], // 3 + 2 + 2 + 2 words behind a head of 10 bytes: all twelve words.
    `04090400 01030305 01070000 09000000 08000000 07000000 07000000 a0000000
     01000000 02000000 07000000 a0000000`,
  ],
] as const;

test.each(PACKED)("Slot.packed() of operations %# is its golden bytes", (ops, args) => {
  const head = "01000000 01000080 05000000 02000000";
  expect(published(Slot.packed({ tenant: 5, ops }))).toEqual(bytes(head, args));
});

test("a Window of two required items and one lookahead is its golden bytes", () => {
  const ring = encodeEmptyRing(4);
  const window = new Window({
    ...{ startSlot: 1, tenant: 3, opcode: 0x100, ticket: 0xabcd },
    ...{ required: [[10, 11], []], lookahead: [[12]] },
  });
  expect(window.publishInto(slotWords(ring))).toBe(3);
  const head = "01000000 00010000 03000000 02000000 cdab0000";
  expect(ring).toEqual(
    bytes(
      zeros(16),
      ...[head, "00000000 0a000000 0b000000", zeros(8)],
      ...[head, "00000000", zeros(10)],
      ...[head, "01000000 0c000000", zeros(9)],
    ),
  );
});

test("a Batch is its items side by side", () => {
  const ring = encodeEmptyRing(2);
  const nop = Slot.single({ tenant: 0, opcode: 0 });
  expect(new Batch(0, [nop, nop]).publishInto(slotWords(ring))).toBe(2);
  const slot = `01000000 00000000 00000000 02000000 ${zeros(12)}`;
  expect(ring).toEqual(bytes(slot, slot));
});

test("the control words of 3 tenants and 8 observables are their golden bytes", () => {
  expect(encodeControl({ tenants: 3, observables: 8 })).toEqual(
    bytes(
      "00000000 00000000 03000000", // Shutdown, done count, tenant base.
      `ffffffff ffffffff ffffffff ${zeros(26)}`, // Masks.
      `40420f00 40420f00 40420f00 ${zeros(29)}`, // Quotas.
      zeros(32 + 32 + 1 + 6 + 1 + 5), // Words 64 to 140.
      "08000000 03000000 02000000", // Observables, tenants, words of each window.
      zeros(16 + 8),
    ),
  );
});

test("a debug log of 64 records is the seed's 257 words, the dropped counter and 64 sequences", () => {
  expect(encodeDebugLog(64)).toEqual(bytes(zeros(257 + 1 + 64)));
});
