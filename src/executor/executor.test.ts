// The worker executor against the oracle: the same programs must leave the same words.

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { OBSERVABLE_BASE as O, OPCODES, SLOT_STATUS } from "../layout/mod.ts";
import { controlWord, createRing, IDLE, Opcodes, Ring } from "../ring/mod.ts";
import { type RingState, Slot, slotMessage, type SlotRecorder, sweep } from "../ring/mod.ts";
import { conform, type Item } from "./conformance.fixture.ts";
import { single, slotOf, testOpcodes, WINDOW } from "./conformance.fixture.ts";
import { EXECUTORS, programs, QUOTAS, SETUP } from "./programs.fixture.ts";
import { Executor } from "./executor.ts";

const faults = (state: RingState): string[] => {
  const slots = Array.from({ length: state.slots.length / 16 }, (_, slot) => 16 * slot);
  return slots
    .filter((at) => state.slots[at] === SLOT_STATUS.FAULT)
    .map((at) => `${state.slots[at + 15]}:${state.slots[at + 14]! >>> 0}`);
};

const packed = (tenant: number, ...ops: readonly (readonly number[])[]): Item => ({
  slot: Slot.packed({ tenant, ops: ops.map(([opcode, ...args]) => ({ opcode: opcode!, args })) }),
});

const PROGRAMS: Readonly<Record<string, readonly Item[]>> = {
  "words are stored, added, loaded and swapped": [
    single("STORE_U32", 7, O + 1),
    single("ATOMIC_ADD", 0xffff_ffff, O + 1),
    single("LOAD_U32", O + 1, 2),
    single("COMPARE_SWAP", O + 1, 6, 0xdead_beef, 3),
    single("COMPARE_SWAP", O + 1, 6, 1, 1),
  ],
  "a system tenant reads words that count as they are after the slots before": [
    single("NOP"),
    single("LOAD_U32", controlWord("done_count"), 1),
    single("LOAD_U32", controlWord("metrics"), 2),
    single("LOAD_U32", QUOTAS, 3),
    single("STORE_U32", 5, QUOTAS),
    single("MEMCPY", 0, O + 10, 160),
    single("ATOMIC_ADD", 3, controlWord("metrics")),
    single("COMPARE_SWAP", controlWord("epoch"), 0, 9, 0),
  ],
  "words are copied upwards, also onto themselves, and long copies yield": [
    single("STORE_U32", 3, O),
    single("MEMCPY", O, O + 1, 200),
    single("MEMCPY", O + 5, O + 2, 10_000),
    single("STORE_U32", 4, O + 100),
    single("MEMCPY", 0, 0, 0),
  ],
  "a table is stepped": [
    single("DFA_STEP", 1, 97, 0, 1),
    single("DFA_STEP", 2, 0, 0, 1),
    single("DFA_STEP", 0, 256, 0, 1),
    single("DFA_STEP", 0, 0, 0, 2),
    single("DFA_STEP", 0xffff_ffff, 0, 0, 1),
  ],
  "a fence waits for its batch, whoever comes first": [
    { ...single("BATCH_FENCE", 2, 77, 4) },
    { ...single("NOP"), batch: 4 },
    { ...single("STORE_U32", 1, 0xffff_fff0), batch: 4 }, // Faults, and counts.
    single("BATCH_FENCE", 0, 5, 0),
    single("BATCH_FENCE", 1, 5, 0),
  ],
  "records are appended until the log is full": [
    ...[1, 2, 3, 4, 5, 6].map((i) => single("PRINTF", 5, i, 0xffff_ffff)),
  ],
  "misses wait for their own answers, and for entries": [
    ...[2, 3, 4, 5].map((resource) => single("LOAD_MISS", resource, 1)),
  ],
  "custom opcodes sum, pause, fail, throw and overrun": [
    single("STORE_U32", 20, O),
    single(8, O, O, O + 1),
    single(9, 3, O + 2),
    single(10, O, 4),
    single(11),
    single(12),
    single(0x1_0000, O + 3),
    single(8, O, O, 0xffff_ffff),
    single(13),
  ],
  "nothing starts after SHUTDOWN but what was claimed with it": [
    ...Array.from({ length: 3 }, () => single("NOP")),
    single("SHUTDOWN"),
    single("BATCH_FENCE", 9, 1, 1),
  ],
  "packed operations run in order, wholly or not at all": [
    packed(0, [1, 5, O], [2, 6, O], [3, O, 1], [0]),
    packed(0, [1, 5, O], [6, 9, 0, 0, 1]),
    packed(0, [1, 5, O + 4], [1, 5, 0xffff_ffff]),
    packed(0, [9, 2, O + 6], [1, 8, O + 7], [9, 1, O + 6]),
    packed(0, [1, 8, O + 8], [11], [1, 8, O + 9]),
    packed(0, ...Array.from({ length: 23 }, () => [0])),
    { slot: Slot.single({ tenant: 0, opcode: OPCODES.PACKED_SLOT.code, args: [0] }) },
    { slot: Slot.single({ tenant: 0, opcode: OPCODES.PACKED_SLOT.code, args: [0xffff_ffff] }) },
  ],
  "a user touches its own window and nothing else": [
    slotOf(1, "STORE_U32", 1, O + WINDOW),
    slotOf(1, "STORE_U32", 1, O + 2 * WINDOW - 1),
    slotOf(1, "STORE_U32", 1, O + WINDOW - 1),
    slotOf(1, "STORE_U32", 1, O + 2 * WINDOW),
    ...["shutdown", "tenant_masks", "epoch", "quotas", "metrics"].map((word) =>
      slotOf(1, "STORE_U32", 1, controlWord(word as "epoch")),
    ),
    slotOf(1, "LOAD_U32", controlWord("done_count"), WINDOW),
    slotOf(1, "LOAD_U32", O + WINDOW, WINDOW - 1),
    slotOf(1, "MEMCPY", O + WINDOW, O + WINDOW + 8, 0xffff_ffff),
    slotOf(1, "MEMCPY", 0xffff_ffff, O + WINDOW, 2),
    slotOf(1, "COMPARE_SWAP", O + WINDOW, 1, 2, 0xffff_ffff),
    slotOf(1, "BATCH_FENCE", 0, 321, 0),
    slotOf(1, "PRINTF", 5, 1, 2),
    slotOf(1, "SHUTDOWN"),
    slotOf(1, 0x1_0000, O + WINDOW),
    slotOf(1, 8, O + WINDOW, O, O + WINDOW),
  ],
  "ids that are no tenant's are refused": [
    ...[3, 28, 29, 31, 61, 62, 125, 0xffff_ffff].map((tenant) => slotOf(tenant, "NOP")),
  ],
  "a quota is used up slot by slot, by wrong ones too": [
    slotOf(2, "NOP"),
    slotOf(2, "STORE_U32", 1, 0),
    slotOf(2, 999),
    packed(2, [0], [1, 1, 0]),
    slotOf(2, "NOP"),
  ],
};

const { many } = EXECUTORS;

describe.each(Object.entries(EXECUTORS))("Executor, %s on its side", (_, makeOne) => {
  test.each(Object.entries(PROGRAMS))("%s", (__, items) => {
    conform(makeOne, { items, setup: SETUP });
  });

  test("leaves the words of any program as the oracle does", () => {
    fc.assert(
      fc.property(programs(), (any) => void conform(makeOne, any)),
      { numRuns: 300 },
    );
  });
});

test.each(Object.values(EXECUTORS))("Executor counts across the wrap at 2^32: %#", (one) => {
  const counters = ["done_count", "epoch", "fault_count", "metrics"] as const;
  const setup = Object.fromEntries(counters.map((word) => [controlWord(word), -2]));
  const nops = Array.from({ length: 3 }, () => single("NOP"));
  const bad = Array.from({ length: 3 }, () => single(999));
  const fences = Array.from({ length: 3 }, () => single("BATCH_FENCE", 0, 5, 0));
  const { control } = conform(one, { items: [...nops, ...bad, ...fences], setup });
  expect(counters.map((word) => control[controlWord(word)])).toEqual([7, 1, 1, 1]);
});

const faultsOf = (name: string): string[] =>
  faults(conform(many, { items: PROGRAMS[name]!, setup: SETUP }));

test("The programs fault as they say, so that agreeing with the oracle means something", () => {
  expect(faultsOf("a table is stepped")).toEqual(["3:0", "3:1", "3:3", "3:0"]);
  expect(faultsOf("ids that are no tenant's are refused")).toEqual(
    Array.from({ length: 8 }, () => "1:0"), // UNAUTHORISED.
  );
  expect(faultsOf("a quota is used up slot by slot, by wrong ones too")).toEqual([
    ...["4:0", "2:999", "4:0", "9:0"], // OUT_OF_BOUNDS, UNKNOWN_OPCODE, OUT_OF_BOUNDS, QUOTA.
  ]);
  const user = faultsOf("a user touches its own window and nothing else");
  expect(user.filter((fault) => fault.startsWith("4:"))).toHaveLength(13);
  expect(user.filter((fault) => fault.startsWith("1:"))).toHaveLength(3);
});

test("Executor stops at SHUTDOWN: it ends what it has claimed, and claims no more", () => {
  const ring = new Ring(createRing({ slots: 8 }));
  const executor = new Executor(ring, { owner: 1, opcodes: new Opcodes(), batchSlotsMax: 2 });
  const nop = slotMessage(OPCODES.NOP.code);
  ring.offer(slotMessage(OPCODES.SHUTDOWN.code), 1, { held: true });
  for (let i = 0; i < 2; i++) ring.offer(nop, 1, { held: true });
  expect(executor.run(IDLE.wait)).toBe(2);
  expect([0, 1, 2].map((slot) => ring.status(slot))).toEqual(
    [SLOT_STATUS.DONE, SLOT_STATUS.DONE, SLOT_STATUS.PUBLISHED], // Two at once.
  );
  expect([executor.stopped, executor.turn()]).toEqual([true, 0]);
});

test("Executor leaves alone what was swept from it, claimed or set aside", () => {
  const ring = new Ring(createRing({ slots: 8 }));
  const opcodes = new Opcodes().register({
    ...{ name: "lose", code: 8, arity: 0, bound: 1, idempotent: false },
    body: () => void sweep(ring, 1),
  });
  const executor = new Executor(ring, { owner: 1, opcodes });
  ring.offer(slotMessage(OPCODES.BATCH_FENCE.code, [1, 0, 7]), 1, { held: true });
  expect([executor.turn(), executor.parked]).toEqual([1, 1]);
  ring.offer(slotMessage(8), 1, { held: true });
  executor.turn();
  expect([0, 1].map((slot) => ring.status(slot))).toEqual([SLOT_STATUS.FAULT, SLOT_STATUS.FAULT]);
  expect([executor.turn(), executor.parked]).toEqual([0, 0]);
});

test("Executor sets the ring's clock, so that slots age while it works", () => {
  const ring = new Ring(createRing({ slots: 16, lanes: 5 }));
  let now = 41;
  const executor = new Executor(ring, { owner: 1, opcodes: new Opcodes(), clock: () => ++now });
  executor.turn();
  expect(ring.words[ring.geometry.controlAt / 4 + controlWord("clock")]).toBe(42);
});

test("Executor tells a recorder of each slot: as published, what it wrote, what became of it", () => {
  const ring = new Ring(createRing({ slots: 8 }));
  const told: unknown[] = [];
  const recorder: SlotRecorder = {
    claimed: (of, slot) => told.push(["claimed", slot, of.words[of.at(slot) + 1]! >>> 0]),
    resumed: (slot) => told.push(["resumed", slot]),
    idle: () => told.push("idle"),
    wrote: (index, value) => told.push(["wrote", index, value]),
    settled: (of, slot, ...rest) => told.push(["settled", slot, ...rest, of.isOut(slot)]),
  };
  const executor = new Executor(ring, { owner: 1, opcodes: testOpcodes(), recorder });
  const slots = [
    slotMessage(OPCODES.ATOMIC_ADD.code, [5, O]),
    slotMessage(OPCODES.COMPARE_SWAP.code, [O, 5, 6, 1]),
    slotMessage(OPCODES.MEMCPY.code, [O, O + 2, 2]),
    slotMessage(8, [O, O + 1, O + 4]),
    slotMessage(99),
  ];
  for (const slot of slots) ring.offer(slot);
  executor.turn();
  expect(told).toEqual([
    ...[
      ["claimed", 0, 2],
      ["wrote", O, 5],
      ["settled", 0, SLOT_STATUS.DONE, 0, 0, true],
    ],
    ...[
      ["claimed", 1, 4],
      ["wrote", O, 6],
      ["wrote", O + 1, 5],
    ],
    ...[
      ["settled", 1, SLOT_STATUS.DONE, 0, 0, true],
      ["claimed", 2, 5],
      ["wrote", O + 2, 6],
    ],
    ...[
      ["wrote", O + 3, 5],
      ["settled", 2, SLOT_STATUS.DONE, 0, 0, true],
      ["claimed", 3, 8],
    ],
    ...[
      ["wrote", O + 4, 11],
      ["settled", 3, SLOT_STATUS.DONE, 0, 0, true],
      ["claimed", 4, 99],
    ],
    ["settled", 4, SLOT_STATUS.FAULT, 2, 99, true],
  ]);
  executor.turn();
  expect(told.at(-1)).toBe("idle");
});
