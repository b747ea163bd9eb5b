import { expect, test } from "vitest";

import { RING_HEADER, ringGeometry } from "../layout/mod.ts";
import { decodeControl } from "./codec.ts";
import { createRing, geometryOf } from "./format.ts";

/** The turns of four slots. */
function turnsOf(firstPosition: number): number[] {
  const memory = createRing({ slots: 4 }, { firstPosition });
  return [...new Uint32Array(memory, geometryOf(memory).sides.turn, 4)];
}

test("geometryOf() recognises what createRing() made", () => {
  for (const shape of [{}, { slots: 64, lanes: 5, observables: 7, tenants: 3 } as const])
    expect(geometryOf(createRing(shape))).toEqual(ringGeometry(shape));
});

test("createRing() declares every size in the control words", () => {
  const memory = createRing({ slots: 8, observables: 8, tenants: 3, debugRecords: 2, ioSlots: 4 });
  const { controlAt, controlWords } = geometryOf(memory);
  const control = new Int32Array(memory, controlAt, controlWords);
  expect([...control.subarray(141, 147)]).toEqual([8, 3, 2, 2, 4, 8]);
  expect(decodeControl(control).laneStarts).toEqual([0, 0, 0, 8, 8, 8]);
});

test("createRing() frees every slot for its first position, also across the wrap at 2^32", () => {
  expect(turnsOf(0)).toEqual([0, 1, 2, 3]);
  expect(turnsOf(2 ** 32 - 2)).toEqual([0, 1, 2 ** 32 - 2, 2 ** 32 - 1]);
});

test("geometryOf() refuses a header of which any word is not what a ring may have", () => {
  for (let word = 0; word < RING_HEADER.bytes / 4; word++) {
    const memory = createRing({ slots: 8 });
    new Uint32Array(memory)[word]! ^= 0x4000_0000; // Beyond every limit.
    expect(() => geometryOf(memory), `word ${word}`).toThrow("protocol");
  }
});

test("geometryOf() refuses memory shorter than its header says, or than a header", () => {
  const whole = createRing({ slots: 8 });
  const cut = new SharedArrayBuffer(whole.byteLength - 1);
  new Uint8Array(cut).set(new Uint8Array(whole, 0, cut.byteLength));
  expect(() => geometryOf(cut)).toThrow("the memory");
  expect(() => geometryOf(new SharedArrayBuffer(60))).toThrow("64 or more");
});
