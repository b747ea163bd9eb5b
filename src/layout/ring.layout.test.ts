import { expect, test } from "vitest";

import { Failure, RING_LIMITS } from "../base/mod.ts";
import { fieldsOf } from "./layout.ts";
import {
  builtinOf,
  FAULT_CODES,
  isCustomOpcode,
  OPCODES,
  PRIORITY,
  SLOT_STATUS,
} from "./ring-codes.ts";
import { debugLogGeometry, ringGeometry } from "./ring-geometry.ts";
import {
  BELLS,
  CONTROL,
  CONTROL_WORDS,
  DEBUG_RECORD,
  IO_ENTRY,
  LANE_CURSORS,
  RING_HEADER,
  SLOT,
  TASK_SLOT,
} from "./ring.layout.ts";

const word = (table: { readonly fields: Readonly<Record<string, { at: number }>> }, name: string) =>
  table.fields[name]!.at / 4;

test("SLOT is the seed's sixteen words", () => {
  expect(SLOT.bytes).toBe(64);
  expect(fieldsOf(SLOT).map(([name, { at }]) => [name, at / 4])).toEqual([
    ["status", 0],
    ["opcode", 1],
    ["tenant", 2],
    ["priority", 3],
    ["args", 4],
  ]);
});

test("CONTROL has the seed's words up to 140, and 160 in all", () => {
  const seed = {
    ...{ shutdown: 0, done_count: 1, tenant_base: 2, tenant_masks: 3, quotas: 32 },
    ...{ tenant_claims: 64, metrics: 96, epoch: 128, lane_starts: 129, starvation: 135 },
    ...{ priority_claims: 136, observable_words: 141, tenant_count: 142, window_words: 143 },
  };
  for (const [name, at] of Object.entries(seed)) expect(word(CONTROL, name), name).toBe(at);
  expect(CONTROL_WORDS).toBe(160);
});

test("the other structures have the seed's sizes, and cursors lie two cache lines apart", () => {
  expect(RING_HEADER.bytes).toBe(64);
  expect([DEBUG_RECORD.bytes, IO_ENTRY.bytes, TASK_SLOT.bytes]).toEqual([16, 32, 64]);
  expect([word(IO_ENTRY, "status"), word(IO_ENTRY, "tag")]).toEqual([6, 7]);
  expect(LANE_CURSORS.fields.head.at - LANE_CURSORS.fields.tail.at).toBe(128);
  expect([BELLS.fields.sleepers.at, BELLS.fields.done_doorbell.at]).toEqual([128, 256]);
});

test("codes are the seed's numbers", () => {
  expect(Object.values(SLOT_STATUS)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect(Object.values(PRIORITY)).toEqual([0, 1, 2, 3, 4]);
  expect(Object.entries(OPCODES).map(([name, { code }]) => `${name} ${code.toString(16)}`)).toEqual(
    [
      ...["NOP 0", "STORE_U32 1", "ATOMIC_ADD 2", "LOAD_U32 3", "COMPARE_SWAP 4", "MEMCPY 5"],
      ...["DFA_STEP 6", "BATCH_FENCE 7", "LOAD_MISS fffd", "PRINTF fffe", "PACKED_SLOT 80000001"],
      "SHUTDOWN ffffffff",
    ],
  );
  expect(FAULT_CODES.WORKER_LOST).toBe(7);
});

test("builtinOf() and isCustomOpcode() part the numbers as the seed does", () => {
  expect(builtinOf(0xfffe)).toBe(OPCODES.PRINTF);
  expect(builtinOf(8)).toBeUndefined();
  const customs = [8, 0xffef, 0x1_0000, 0x7fff_ffff];
  const reserved = [0, 7, 0xfff0, 0xffff, 0x8000_0000, 0xffff_ffff];
  expect(customs.map(isCustomOpcode)).toEqual([true, true, true, true]);
  expect(reserved.map(isCustomOpcode)).toEqual(reserved.map(() => false));
});

test("ringGeometry() lays regions end to end on cache lines, in the order of the header", () => {
  const ring = ringGeometry({ slots: 8, observables: 8, tenants: 3, debugRecords: 2, ioSlots: 1 });
  expect(ring).toMatchObject({
    ...{ cursorsAt: 64, bellsAt: 64 + 5 * 256, controlAt: 1344 + 1664, controlWords: 168 },
    ...{ slotsAt: 3712, sidesAt: 4224, debugAt: 4480, ioAt: 4544, totalBytes: 4608 },
    ...{ windowWords: 2, laneStarts: [0, 0, 0, 8, 8, 8] },
  });
  expect(Object.values(ring.sides)).toEqual([0, 1, 2, 3, 4, 5, 6, 7].map((i) => 4224 + i * 32));
});

test("ringGeometry() gives every one of five lanes a power of two", () => {
  expect(ringGeometry({ slots: 64, lanes: 5 }).laneStarts).toEqual([0, 8, 16, 48, 56, 64]);
});

test("ringGeometry() takes each limit and refuses one more", () => {
  const { slotsMax, observablesMax, debugRecordsMax, tenantsMax, ioSlotsMax } = RING_LIMITS;
  const most = {
    ...{ slots: slotsMax, observables: observablesMax, debugRecords: debugRecordsMax },
    ...{ tenants: tenantsMax, ioSlots: ioSlotsMax },
  };
  expect(ringGeometry(most).totalBytes).toBeLessThan(2 ** 31);
  for (const name of Object.keys(most) as (keyof typeof most)[]) {
    const beyond = { ...most, [name]: name === "slots" ? 2 * slotsMax : most[name] + 1 };
    expect(() => ringGeometry(beyond), name).toThrow(Failure);
  }
  const wrong = [{ slots: 0 }, { slots: 3 }, { slots: 4, lanes: 5 as const }, { tenants: 0 }];
  for (const shape of [...wrong, { observables: -1 }, { lanes: 2 as 1 }])
    expect(() => ringGeometry(shape)).toThrow("protocol");
});

test("debugLogGeometry() keeps the seed's 257 words and appends the dropped counter and sequences", () => {
  expect(debugLogGeometry(64)).toEqual({
    recordsAt: 4,
    droppedAt: 257 * 4,
    sequencesAt: 258 * 4,
    bytes: (258 + 64) * 4,
  });
});
