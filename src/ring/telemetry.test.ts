import { expect, test } from "vitest";

import { CONTROL, FAULT_CODES, OPCODES, SLOT_STATUS } from "../layout/mod.ts";
import { createRing } from "./format.ts";
import { Ring, slotMessage } from "./ring.ts";
import { controlSnapshot, occupancy, since, windowTelemetry } from "./telemetry.ts";
import { Watchdog } from "./watchdog.ts";
import { Window } from "./window.ts";

const NOP = slotMessage(OPCODES.NOP.code);
const HELD = { held: true };

function stage() {
  const ring = new Ring(createRing({ slots: 8 }));
  const into = new Int32Array(8);
  return { ring, into, control: ring.geometry.controlAt / 4 };
}

test("occupancy() counts slots by status, and those that were freed as free whatever they hold", () => {
  const { ring, into } = stage();
  for (let i = 0; i < 6; i++) ring.offer(NOP, 1, i < 3 ? HELD : {});
  ring.claim(1, into, 5);
  ring.complete(0);
  ring.fault(1, FAULT_CODES.BUDGET, 0);
  ring.park(2, SLOT_STATUS.YIELD);
  ring.complete(3); // Freed, with DONE still in it.
  expect(occupancy(ring)).toMatchObject({
    ...{ slots: 8, free: 3, unknown: 0, active: 3 },
    byStatus: { EMPTY: 0, PUBLISHED: 1, CLAIMED: 1, DONE: 1, FAULT: 1, YIELD: 1, WAIT_IO: 0 },
  });
  ring.words[ring.at(4)] = 99;
  expect(occupancy(ring)).toMatchObject({ unknown: 1, active: 2 });
});

test("since() takes differences across the wrap of every counter", () => {
  const { ring, into, control } = stage();
  for (const field of ["done_count", "fault_count", "epoch", "metrics"] as const)
    ring.words[control + CONTROL.fields[field].at / 4] = -2;
  const before = controlSnapshot(ring);
  for (let i = 0; i < 5; i++) ring.offer(NOP);
  ring.claim(1, into);
  for (const slot of [0, 1, 2]) ring.complete(slot);
  ring.fault(3, FAULT_CODES.BUDGET, 0);
  ring.words[control + CONTROL.fields.metrics.at / 4]! += 7;
  const change = since(before, controlSnapshot(ring));
  expect(change).toMatchObject({ done: 4, faults: 1, epochs: 0, priorityClaims: [0, 0, 0, 0, 0] });
  expect([...change.operations]).toEqual([[0, 7]]);
  expect([...change.tenantClaims]).toEqual([]);
});

test("windowTelemetry() counts a window's slots by class and status, and no other's", () => {
  const { ring, into } = stage();
  const shape = { startSlot: 0, tenant: 0, opcode: 8 };
  const window = new Window({ ...shape, ticket: 5, required: [[1], [2]], lookahead: [[3]] });
  const words = window.tryIntoBatch().words();
  ring.offer(words, 3, HELD);
  ring.offer(
    new Window({ ...shape, ticket: 6, required: [[1]], lookahead: [] }).tryIntoBatch().words(),
  );
  expect(windowTelemetry(ring, 5, 8)).toMatchObject({
    ...{ required: { PUBLISHED: 2 }, lookahead: { PUBLISHED: 1 }, converged: false },
  });
  ring.claim(1, into);
  ring.complete(0);
  expect(windowTelemetry(ring, 5, 8)).toMatchObject({ required: { DONE: 1, CLAIMED: 1 } });
  ring.complete(1);
  expect(windowTelemetry(ring, 5, 8)).toMatchObject({ required: { DONE: 2 }, converged: true });
  expect(windowTelemetry(ring, 5, 9)).toMatchObject({ required: { DONE: 0 }, converged: false });
});

test("Watchdog reports slots that wait while nothing completes, the oldest first", () => {
  const { ring, into } = stage();
  const watchdog = new Watchdog(ring, 100);
  expect([watchdog.look(0), watchdog.look(5000)]).toEqual([undefined, undefined]); // Idle.
  ring.tick(10);
  ring.offer(slotMessage(8, [], 0));
  ring.tick(14);
  ring.offer(NOP);
  ring.claim(3, into, 1);
  ring.tick(30);
  expect(watchdog.look(5001)).toBeUndefined();
  expect(watchdog.look(5099)).toBeUndefined();
  expect(watchdog.look(5100)).toEqual({
    ...{ since: 100, active: 2 },
    oldest: [
      { slot: 0, status: SLOT_STATUS.CLAIMED, opcode: 8, tenant: 0, owner: 3, waited: 20 },
      { slot: 1, status: SLOT_STATUS.PUBLISHED, opcode: 0, tenant: 0, owner: 0, waited: 16 },
    ],
  });
});

test("Watchdog sees progress across the wrap of the counter of completed slots", () => {
  const { ring, into, control } = stage();
  ring.words[control + CONTROL.fields.done_count.at / 4] = -1;
  const watchdog = new Watchdog(ring, 100);
  for (let i = 0; i < 3; i++) ring.offer(NOP);
  ring.claim(1, into);
  watchdog.look(0);
  ring.complete(0);
  expect(watchdog.look(150)).toBeUndefined();
  expect(watchdog.look(249)).toBeUndefined();
  expect(watchdog.look(250)).toMatchObject({ active: 2 });
  ring.complete(1);
  ring.complete(2);
  expect([watchdog.look(400), watchdog.look(900)]).toEqual([undefined, undefined]);
});
