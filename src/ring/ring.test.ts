import { expect, test } from "vitest";

import { BELLS, CONTROL, FAULT_CODES, LANE_CURSORS, PRIORITY, SLOT_STATUS } from "../layout/mod.ts";
import { createRing } from "./format.ts";
import { explore } from "./interleavings.fixture.ts";
import { Ring, slotMessage } from "./ring.ts";
import { sweep } from "./sweep.ts";

const { CLAIMED, DONE, EMPTY, FAULT, YIELD } = SLOT_STATUS;
const SMALL = { slots: 2, observables: 0, debugRecords: 0, ioSlots: 0 };

function counted(ring: Ring, field: "done_count" | "fault_count"): number {
  return ring.words[ring.geometry.controlAt / 4 + CONTROL.fields[field].at / 4]!;
}

test("Ring hands slots over in order across the wrap at 2^32, by the memory alone", () => {
  const memory = createRing({ slots: 4 }, { firstPosition: -2 });
  const [publisher, executor] = [new Ring(memory), new Ring(memory)];
  const into = new Int32Array(4);
  for (let i = 0; i < 11; i++) {
    const slot = publisher.offer(slotMessage(8, [i, 7]));
    const ticket = publisher.ticket(slot);
    expect(ticket).not.toBe(0);
    expect(publisher.settled(slot, ticket)).toBe(false);
    expect(executor.claim(5, into)).toBe(1);
    expect(into[0]).toBe(slot);
    expect([...executor.words.slice(executor.at(slot), executor.at(slot) + 6)]).toEqual(
      [CLAIMED, 8, 0, 2, i, 7], // Status, opcode, tenant, priority, arguments.
    );
    expect(executor.owner(slot)).toBe(5);
    expect(executor.complete(slot)).toBe(true);
    expect(publisher.settled(slot, ticket)).toBe(true);
  }
  expect(counted(publisher, "done_count")).toBe(11);
});

test("Ring.offer() publishes a run whole or not at all", () => {
  const ring = new Ring(createRing({ slots: 4 }));
  const three = new Int32Array(48);
  for (const i of [0, 1, 2]) three.set(slotMessage(8, [i]), 16 * i);
  expect(ring.offer(three, 3)).toBe(0);
  expect(ring.offer(three, 3)).toBe(-1);
  const into = new Int32Array(2);
  expect(ring.claim(1, into, 9)).toBe(2);
  expect([...into]).toEqual([0, 1]);
});

test("Ring keeps a held slot until its holder releases it, once", () => {
  const ring = new Ring(createRing({ slots: 2 }));
  const into = new Int32Array(2);
  for (let i = 0; i < 2; i++) ring.offer(slotMessage(8), 1, { held: true });
  ring.claim(1, into);
  expect(ring.release(0)).toBe(false);
  ring.complete(0);
  ring.fault(1, FAULT_CODES.HANDLER_ERROR, 3);
  expect([ring.status(0), ring.status(1)]).toEqual([DONE, FAULT]);
  expect([...ring.words.slice(ring.at(1) + 14, ring.at(1) + 16)]).toEqual([3, 8]);
  expect(ring.offer(slotMessage(8))).toBe(-1);
  expect([ring.release(0), ring.release(0)]).toEqual([true, false]);
  expect(ring.offer(slotMessage(8))).toBe(0);
});

test("Ring refuses owners and priorities outside their ranges", () => {
  const ring = new Ring(createRing({ slots: 16, lanes: 5 }));
  expect(() => ring.claim(0, new Int32Array(1))).toThrow(/1 to/);
  expect(() => ring.claim(0x7fff_ffff, new Int32Array(1))).toThrow(/1 to/);
  expect(() => ring.offer(slotMessage(8, [], 0, 5))).toThrow(/0 \(critical\) to 4 \(idle\)/);
});

test("sweep() fails what a dead executor held, frees what it had settled, and leaves the rest", () => {
  const ring = new Ring(createRing({ slots: 8 }));
  for (let i = 0; i < 5; i++) ring.offer(slotMessage(8), 1, { held: true });
  const into = new Int32Array(3);
  ring.claim(1, into, 3);
  ring.claim(2, into, 1);
  ring.complete(0);
  ring.park(1, YIELD);
  expect([sweep(ring, 1), sweep(ring, 1)]).toEqual([2, 0]);
  expect([0, 1, 2, 3].map((slot) => ring.status(slot))).toEqual([DONE, FAULT, FAULT, CLAIMED]);
  expect([...ring.words.slice(ring.at(2) + 14, ring.at(2) + 16)]).toEqual([1, 7]);
  expect(ring.resume(1, YIELD)).toBe(false);
  expect(counted(ring, "fault_count")).toBe(2);
});

test("A late completion and a sweep settle a slot once in every order", () => {
  const ring = new Ring(createRing(SMALL));
  const into = new Int32Array(1);
  ring.offer(slotMessage(8), 1, { held: true });
  ring.claim(1, into);
  const ends = new Set<string>();
  explore(ring.words, [[() => ring.complete(0)], [() => sweep(ring, 1)]], (results) => {
    const [completed, swept] = results.flat();
    expect(Number(completed) + Number(swept)).toBe(1);
    expect(ring.status(0)).toBe(completed === true ? DONE : FAULT);
    expect(counted(ring, "done_count")).toBe(1);
    ends.add(String(completed));
  });
  expect(ends.size).toBe(2);
});

test("Ring.completeAll() counts and frees runs at once, and holds back what is held or in a batch", () => {
  const memory = createRing({ slots: 8, tenants: 2 }, { firstPosition: -4 });
  const ring = new Ring(memory, { oneExecutor: true, onePublisher: true });
  const into = new Int32Array(8);
  const tenants = [0, 0, 1, 1, 7, 0, 0, 0];
  const options = [{}, {}, {}, { held: true }, {}, { batch: 3 }, {}, {}];
  for (const [i, tenant] of tenants.entries())
    ring.offer(slotMessage(8, [i], tenant), 1, options[i]);
  expect(ring.claim(1, into)).toBe(8);
  expect([ring.completeAll(into, 1, 8), counted(ring, "done_count")]).toEqual([7, 7]);
  const slots = [...into];
  expect(slots.map((slot) => ring.isOut(slot))).toEqual(
    [true, false, false, true, false, false, false, false], // Not completed; held.
  );
  expect(ring.status(slots[3]!)).toBe(DONE);
  const at = ring.geometry.bellsAt / 4;
  const bell = (field: "batches" | "tenant_done") => at + BELLS.fields[field].at / 4;
  expect(ring.words[bell("batches") + 3]).toBe(1);
  expect([...ring.words.slice(bell("tenant_done"), bell("tenant_done") + 8)]).toEqual(
    [4, 2, 0, 0, 0, 0, 0, 0], // An id that is no tenant's counts for nobody.
  );
  expect([ring.completeAll(into, 0, 1), ring.release(slots[3]!)]).toEqual([1, true]);
  expect(ring.offer(new Int32Array(128), 8)).toBe(slots[0]);
});

test("sweep() counts a run that its executor was completing when it died, unless it had counted it", () => {
  for (const died of ["before counting", "after counting"]) {
    const ring = new Ring(createRing({ slots: 4 }, { firstPosition: -1 }), { oneExecutor: true });
    const into = new Int32Array(2);
    for (let i = 0; i < 2; i++) ring.offer(slotMessage(8));
    ring.claim(1, into);
    const lane = (ring.geometry.cursorsAt + PRIORITY.NORMAL * LANE_CURSORS.bytes) / 4;
    if (died === "after counting") {
      ring.words[lane + LANE_CURSORS.fields.counted.at / 4] = 1;
      ring.words[ring.geometry.controlAt / 4 + CONTROL.fields.done_count.at / 4] = 2;
    }
    for (const slot of into) ring.words[ring.at(slot)] = EMPTY;
    expect([sweep(ring, 1), counted(ring, "done_count")]).toEqual([0, 2]);
    expect(ring.offer(new Int32Array(64), 4)).not.toBe(-1);
  }
});

test("Ring.completeAll() shows a run of held slots as DONE, and sweep() does where it died before", () => {
  const ring = new Ring(createRing({ slots: 8 }, { firstPosition: -2 }), { oneExecutor: true });
  const into = new Int32Array(8);
  for (let i = 0; i < 6; i++) ring.offer(slotMessage(8, [i]), 1, { held: true });
  ring.claim(1, into);
  expect([ring.completeAll(into, 0, 4), counted(ring, "done_count")]).toEqual([4, 4]);
  const statuses = (): number[] => Array.from(into.subarray(0, 6), (slot) => ring.status(slot));
  expect(statuses()).toEqual([DONE, DONE, DONE, DONE, CLAIMED, CLAIMED]);
  ring.words[ring.at(into[4]!)] = EMPTY; // It died in the middle of the next run.
  expect([sweep(ring, 1), counted(ring, "done_count")]).toEqual([1, 6]);
  expect(statuses()).toEqual([DONE, DONE, DONE, DONE, DONE, FAULT]);
  expect(Array.from(into.subarray(0, 6), (slot) => ring.release(slot))).toEqual(
    Array.from({ length: 6 }, () => true),
  );
  expect([ring.depth, ring.offer(new Int32Array(128), 8)]).not.toContain(-1);
});

test("Ring: an executor alone skips what its dead predecessor owned", () => {
  const ring = new Ring(createRing({ slots: 4 }), { oneExecutor: true });
  for (let i = 0; i < 3; i++) ring.offer(slotMessage(8));
  const into = new Int32Array(4);
  ring.claim(1, into, 2);
  const lane = (ring.geometry.cursorsAt + PRIORITY.NORMAL * LANE_CURSORS.bytes) / 4;
  ring.words[lane + LANE_CURSORS.fields.head.at / 4] = 0; // It died before it moved the head.
  const next = new Ring(ring.words.buffer as SharedArrayBuffer, { oneExecutor: true });
  expect([next.claim(2, into), into[0]]).toEqual([1, 2]);
  expect(sweep(next, 1)).toBe(2);
  expect(next.claim(2, into)).toBe(0);
});

test("An executor that dies anywhere between claiming and freeing leaves a lane that goes on", () => {
  const ring = new Ring(createRing(SMALL));
  for (let i = 0; i < 2; i++) ring.offer(slotMessage(8));
  const into = new Int32Array(2);
  const work = () => {
    ring.claim(1, into, 1);
    return ring.complete(0);
  };
  const dead = () => {
    sweep(ring, 1);
    for (const slot of into.slice(0, ring.claim(2, into))) ring.complete(slot);
    expect([0, 1].map((slot) => ring.isOut(slot))).toEqual([false, false]);
    expect([0, 1].map((slot) => ring.owner(slot))).toEqual([0, 0]);
    expect(ring.offer(slotMessage(8))).toBe(0);
    expect(ring.offer(slotMessage(8))).toBe(1);
  };
  expect(explore(ring.words, [[work]], () => {}, dead)).toBeGreaterThan(10);
});
