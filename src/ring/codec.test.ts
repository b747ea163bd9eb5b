import { expect, test } from "vitest";

import { RING_LIMITS } from "../base/mod.ts";
import * as codec from "./codec.ts";
import { slotWords } from "./slot-words.ts";

const words = (bytes: Uint8Array): Int32Array =>
  new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);

test("encoders take each limit and refuse one more", () => {
  const { slotsMax, observablesMax, debugRecordsMax, tenantsMax } = RING_LIMITS;
  expect(codec.encodeEmptyRing(slotsMax).byteLength).toBe(64 * slotsMax);
  expect(codec.encodeDebugLog(debugRecordsMax).byteLength).toBeGreaterThan(16 * debugRecordsMax);
  const control = { tenants: tenantsMax, observables: observablesMax };
  expect(codec.encodeControl(control).byteLength).toBe(4 * (160 + observablesMax));
  const beyond = [
    () => codec.encodeEmptyRing(slotsMax + 1),
    () => codec.encodeEmptyRing(0),
    () => codec.encodeDebugLog(debugRecordsMax + 1),
    () => codec.encodeControl({ ...control, tenants: tenantsMax + 1 }),
    () => codec.encodeControl({ ...control, observables: observablesMax + 1 }),
    () => codec.encodeControl({ tenants: 0, observables: 0 }),
  ];
  for (const encode of beyond) expect(encode).toThrow("protocol");
});

test("decodeSlot() reads back what encodeSlot() wrote", () => {
  const ring = slotWords(codec.encodeEmptyRing(2));
  const args = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0xffff_ffff];
  const slot = { status: 7, opcode: 0xffff_ffff, tenant: 28, priority: 4, args };
  codec.encodeSlot(ring, 1, slot);
  expect(codec.decodeSlot(ring, 1)).toEqual(slot);
  expect(codec.decodeSlot(ring, 0).args).toEqual(Array(12).fill(0));
});

test("decodeSlot() refuses a status, priority or index without meaning", () => {
  const ring = slotWords(codec.encodeEmptyRing(1));
  expect(() => codec.decodeSlot(ring, 1)).toThrow("index below 1");
  ring[0] = 8;
  expect(() => codec.decodeSlot(ring, 0)).toThrow("status 8");
  ring.set([7, 0, 0, 5]);
  expect(() => codec.decodeSlot(ring, 0)).toThrow("priority 5");
});

test("encodeSlot() refuses what is no word, and arguments that are not twelve", () => {
  const ring = slotWords(codec.encodeEmptyRing(1));
  const slot = { status: 0, opcode: 0, tenant: 0, priority: 0, args: Array<number>(12).fill(0) };
  for (const wrong of [-1, 2 ** 32, NaN]) {
    expect(() => codec.encodeSlot(ring, 0, { ...slot, tenant: wrong })).toThrow("32-bit");
    expect(() => codec.encodeSlot(ring, 0, { ...slot, args: slot.args.with(11, wrong) })).toThrow(
      "32-bit",
    );
  }
  expect(() => codec.encodeSlot(ring, 0, { ...slot, args: [1] })).toThrow("1 arguments");
  expect(ring.every((word) => word === 0)).toBe(true);
});

test("decodeControl() reads what encodeControl() wrote, and refuses sizes that are not its own", () => {
  const control = words(codec.encodeControl({ tenants: 2, observables: 3 }));
  control.set([1, -1], 0);
  control[162] = 42;
  expect(codec.decodeControl(control)).toMatchObject({
    ...{ shutdown: true, doneCount: 0xffff_ffff, epoch: 0, faultCount: 0 },
    ...{ masks: [0xffff_ffff, 0xffff_ffff], quotas: [1e6, 1e6], observables: [0, 0, 42] },
  });
  expect(() => codec.decodeControl(control.subarray(0, 159))).toThrow("160 or more");
  expect(() => codec.decodeControl(control.subarray(0, 162))).toThrow("word 141");
  for (const tenants of [0, 30, -1]) {
    control[142] = tenants;
    expect(() => codec.decodeControl(control)).toThrow("word 142");
  }
});

test("decodeDebugLog() tells whole, torn and dropped records apart", () => {
  const log = words(codec.encodeDebugLog(2));
  expect(codec.decodeDebugLog(log, 2)).toEqual({ records: [], torn: 0, dropped: 0 });
  log.set([8, 77, 1, 2, 16 * 5]); // Two reserved, the first written.
  log[9] = 3; // Dropped.
  log[10] = 1; // Sequence of the first.
  expect(codec.decodeDebugLog(log, 2)).toEqual({
    records: [{ sequence: 1, format: 77, a: 1, b: 2, slot: 5 }],
    torn: 1,
    dropped: 3,
  });
});

test("decodeDebugLog() refuses a cursor between records, and one past the end as upstream leaves it", () => {
  const log = words(codec.encodeDebugLog(2));
  for (const cursor of [1, 12, -4]) {
    log[0] = cursor;
    expect(() => codec.decodeDebugLog(log, 2)).toThrow("debug cursor");
  }
  expect(() => codec.decodeDebugLog(log, 3)).toThrow("words");
  log.set([4, 0, 0, 0, 17]);
  log[10] = 1;
  expect(() => codec.decodeDebugLog(log, 2)).toThrow("slot base 17");
});
