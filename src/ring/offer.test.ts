import { expect, test } from "vitest";

import { Batch } from "./batch.ts";
import { createRing } from "./format.ts";
import { Ring } from "./ring.ts";
import { Slot } from "./slot.ts";

test("Slot.words() and Batch.words() are what Ring.offer() publishes", () => {
  const packed = Slot.packed({ tenant: 0, ops: [{ opcode: 1, args: [7, 160] }], priority: 1 });
  const items = [Slot.single({ tenant: 0, opcode: 8, args: [1, 2] }), packed];
  const ring = new Ring(createRing({ slots: 4 }));
  expect(ring.offer(new Batch(0, items).words(), 2)).toBe(0);
  const index = new Int32Array(new SharedArrayBuffer(128));
  new Batch(0, items).publishInto(index);
  expect(ring.words.slice(ring.at(0), ring.at(2))).toEqual(Int32Array.from(index));
  expect(packed.words().slice(1)).toEqual(index.slice(17, 32));
  const wrong = Slot.single({ tenant: 0, opcode: 0xfff0 });
  expect(() => wrong.words()).toThrow(/custom opcode/);
  expect(() => new Batch(0, [items[0]!, wrong]).words()).toThrow(/custom opcode/);
});
