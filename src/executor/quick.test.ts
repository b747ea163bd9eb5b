// The path in WebAssembly: what it takes on, and what it refuses to be attached to.

import { expect, test } from "vitest";

import { OBSERVABLE_BASE as O, OPCODES } from "../layout/mod.ts";
import { createRing, createRingMemory, Opcodes, Ring, slotMessage } from "../ring/mod.ts";
import { Executor } from "./executor.ts";
import { quickOf } from "./quick.ts";

function start() {
  const memory = createRingMemory({ slots: 16 });
  const ring = new Ring(memory.buffer as unknown as SharedArrayBuffer);
  const publish = (...messages: Int32Array[]) => {
    for (const message of messages) ring.offer(message);
    return ring.claim(1, new Int32Array(16));
  };
  const observable = (index: number) => ring.words[ring.geometry.controlAt / 4 + O + index];
  return { memory, ring, publish, observable };
}

test("quickOf() runs slots in order up to the first that is not simple, and leaves that untouched", () => {
  const { memory, ring, publish, observable } = start();
  const quick = quickOf(ring, memory);
  publish(
    slotMessage(OPCODES.STORE_U32.code, [5, O]),
    slotMessage(OPCODES.ATOMIC_ADD.code, [6, O]),
    slotMessage(OPCODES.SHUTDOWN.code),
    slotMessage(OPCODES.STORE_U32.code, [9, O]),
  );
  expect(quick(0, 4)).toBe(2);
  expect([observable(0), quick(2, 2), quick(3, 1), observable(0)]).toEqual([11, 0, 1, 9]);
  expect(ring.words[ring.geometry.controlAt / 4]).toBe(0); // Nobody was told to stop.
});

test("quickOf() takes no slot whose words count, whose tenant is none, or whose quota is used up", () => {
  const { memory, ring, publish } = start();
  const quick = quickOf(ring, memory);
  const count = publish(
    slotMessage(OPCODES.STORE_U32.code, [1, O - 1]),
    slotMessage(OPCODES.LOAD_U32.code, [O - 1, 0]),
    slotMessage(OPCODES.LOAD_U32.code, [O, 0xffff_ffff]),
    slotMessage(OPCODES.NOP.code, [], 31),
    slotMessage(OPCODES.NOP.code, [], 0xffff_ffff),
    slotMessage(OPCODES.NOP.code, [], 1), // Registered by nobody: no class is its.
  );
  expect(count).toBe(6);
  for (let slot = 0; slot < count; slot++) expect(quick(slot, 1)).toBe(0);
});

test("quickOf() refuses another ring's memory, one without a page for it, and too many executors", () => {
  const { memory, ring } = start();
  const invalid = expect.objectContaining({ code: "RING_INVALID" });
  expect(() => quickOf(ring, start().memory)).toThrow(invalid);
  expect(() => quickOf(new Ring(createRing({ slots: 16 })), memory)).toThrow(invalid);
  for (let executor = 0; executor < 1023; executor++) quickOf(ring, memory);
  expect(() => quickOf(ring, memory)).toThrow(invalid);
});

test("Executor with a recorder runs nothing where it cannot be seen", () => {
  const { memory, ring } = start();
  let claimed = 0;
  const recorder = {
    ...{ claimed: () => claimed++, settled() {}, wrote() {}, resumed() {}, idle() {} },
  };
  const executor = new Executor(ring, { owner: 1, opcodes: new Opcodes(), memory, recorder });
  ring.offer(slotMessage(OPCODES.NOP.code));
  expect([executor.turn(), claimed]).toEqual([1, 1]);
});
