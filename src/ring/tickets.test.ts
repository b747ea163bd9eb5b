import { expect, test } from "vitest";

import { FAULT_CODES, SLOT_STATUS } from "../layout/mod.ts";
import { createRing } from "./format.ts";
import { Ring, slotMessage } from "./ring.ts";
import { sweep } from "./sweep.ts";
import { Tickets } from "./tickets.ts";

function start() {
  let alive = 0;
  const keepAlive = () => {
    alive++;
    return () => void alive--;
  };
  const ring = new Ring(createRing({ slots: 4 }));
  const offer = () => ring.offer(slotMessage(8, [5]), 1, { held: true });
  return { ring, offer, tickets: new Tickets(ring, keepAlive), alive: () => alive };
}

test("Tickets resolve each slot with its outcome, release it and let the loop go", async () => {
  const { ring, offer, tickets, alive } = start();
  const into = new Int32Array(4);
  const outcomes = [offer(), offer(), offer()].map((slot) => tickets.outcome(slot));
  ring.claim(1, into);
  expect([tickets.pending, alive()]).toEqual([3, 1]);
  ring.fault(1, FAULT_CODES.HANDLER_ERROR, 6);
  ring.complete(0);
  sweep(ring, 1);
  expect(await Promise.all(outcomes)).toEqual([
    { state: "done", args: [5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0] },
    { state: "fault", code: FAULT_CODES.HANDLER_ERROR, detail: 6 },
    { state: "fault", code: FAULT_CODES.WORKER_LOST, detail: 1 },
  ]);
  await new Promise((resume) => setImmediate(resume));
  expect([tickets.pending, alive()]).toEqual([0, 0]);
  expect(ring.release(0)).toBe(false);
});

test("Tickets wait again for what is asked after everything had settled", async () => {
  const { ring, offer, tickets } = start();
  const into = new Int32Array(4);
  for (let lap = 0; lap < 9; lap++) {
    const outcome = tickets.outcome(offer());
    ring.claim(1, into);
    ring.complete(into[0]!);
    expect(await outcome).toMatchObject({ state: "done" });
  }
});

test("Tickets see a slot that had settled before anyone asked, while they wait for another", async () => {
  const { ring, offer, tickets } = start();
  const into = new Int32Array(2);
  const [late, early] = [offer(), offer()];
  ring.claim(1, into);
  ring.complete(early); // Rings for nobody.
  const other = tickets.outcome(late);
  expect(await tickets.outcome(early)).toMatchObject({ state: "done" });
  expect(tickets.pending).toBe(1);
  ring.complete(late);
  expect(await other).toMatchObject({ state: "done" });
});

test("sweep() wakes those who wait, even when its executor had settled everything and not rung", async () => {
  const { ring, offer, tickets } = start();
  const into = new Int32Array(1);
  const outcome = tickets.outcome(offer());
  await new Promise((resume) => setImmediate(resume)); // The watch sleeps.
  ring.claim(1, into);
  ring.words[ring.at(into[0]!)] = SLOT_STATUS.DONE; // And it died.
  expect(sweep(ring, 1)).toBe(0);
  expect(await outcome).toMatchObject({ state: "done" });
});

test("Tickets settle a thousand, each with its own outcome, whatever the order", async () => {
  const ring = new Ring(createRing({ slots: 1024 }));
  const tickets = new Tickets(ring, () => () => {});
  const offered = Array.from({ length: 1000 }, (_, i) =>
    tickets.outcome(ring.offer(slotMessage(8, [i]), 1, { held: true })),
  );
  expect(tickets.pending).toBe(1000);
  const into = new Int32Array(1024);
  const count = ring.claim(1, into);
  for (let i = 0; i < count; i++) ring.complete(into[(i * 337) % count]!);
  const outcomes = await Promise.all(offered);
  const items = outcomes.map((outcome) => (outcome.state === "done" ? outcome.args[0] : -1));
  expect(items).toEqual(Array.from({ length: 1000 }, (_, i) => i));
  expect([tickets.pending, ring.offer(slotMessage(8))]).toEqual([0, 1000]);
});
