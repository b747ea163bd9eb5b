// The bytes of a log, word by word: what an executor writes today, every later reader must read.

import { expect, test } from "vitest";

import { OPCODES } from "../layout/mod.ts";
import { createRing, decodeLogHead, decodeRecord, encodeLogHead, isSealed } from "../ring/mod.ts";
import { LogRecorder, Opcodes, Ring, Slot, slotMessage } from "../ring/mod.ts";
import { Executor } from "./executor.ts";

const HEADER = "4c524e41 1 4 1 2 1 1 1 a2 0 0 0 0 0 0 e5723021";

/** Three packed operations, done. */
const DONE = `
  1 3 1 7 5 ffffffff
  1 80000001 0 2 10603 4030202 9 a0 fffffffe a0 a0 1 0 0 0 0
  3 0 0 3 d88e84e3 a0 9 a0 7 b47f3a6a`;

/** A store beyond what there is. */
const FAULT = `
  2 0 1 7 0 ffffffff
  1 1 0 1 1 a2 0 0 0 0 0 0 0 0 0 0
  7 4 a2 0 811c9dc5 0 0 0 0 c03eb91`;

const wordsOf = (text: string): Int32Array =>
  Int32Array.from(text.trim().split(/\s+/), (word) => Number.parseInt(word, 16));

/** The head of a ring's log, and what became of a packed slot and of one that is wrong. */
function recorded(): { head: Int32Array; records: Int32Array } {
  const shape = { slots: 4, observables: 2, tenants: 1, debugRecords: 1, ioSlots: 1 };
  const ring = new Ring(createRing(shape, { firstPosition: -1 }));
  const { geometry, words } = ring;
  const at = geometry.controlAt / 4;
  const control = words.slice(at, at + geometry.controlWords);
  let records = new Int32Array(0);
  const recorder = new LogRecorder(7, (batch) => void (records = batch.slice()));
  const executor = new Executor(ring, { owner: 7, opcodes: new Opcodes(), recorder });
  const { STORE_U32, ATOMIC_ADD, LOAD_U32 } = OPCODES;
  const ops = [
    { opcode: STORE_U32.code, args: [9, 160] },
    { opcode: ATOMIC_ADD.code, args: [0xffff_fffe, 160] },
    { opcode: LOAD_U32.code, args: [160, 1] },
  ];
  ring.offer(Slot.packed({ tenant: 0, ops }).words(), 1, { batch: 5 });
  ring.offer(slotMessage(STORE_U32.code, [1, 162], 0, 1));
  executor.turn();
  recorder.flush();
  return { head: encodeLogHead({ shape: geometry, control }), records };
}

test("A log's header has these words, and its control words follow", () => {
  const { head } = recorded();
  expect(head.subarray(0, 16)).toEqual(wordsOf(HEADER));
  expect(head).toHaveLength(16 + 162);
  expect([head[16 + 3], head[16 + 32]]).toEqual([-1, 1_000_000]); // Mask and quota of tenant 0.
  expect(decodeLogHead(head).control).toEqual(head.slice(16));
});

test("A log's records have these words, and only their own number", () => {
  const { records } = recorded();
  expect(records).toEqual(wordsOf(DONE + FAULT));
  expect([0, 32].map((at, i) => isSealed(records, at, i + 1))).toEqual([true, true]);
  expect(isSealed(records, 0, 2)).toBe(false);
  expect(decodeRecord(records, 0)).toMatchObject({
    ...{ number: 1, slot: 3, ticket: 1, owner: 7, batch: 5, writes: 3, status: 3 },
    firstWrites: [
      { index: 160, value: 9 },
      { index: 160, value: 7 },
    ],
  });
  expect(decodeRecord(records, 32)).toMatchObject({
    ...{ number: 2, slot: 0, ticket: 1, status: 7, code: 4, detail: 162, firstWrites: [] },
  });
});
