import { expect, test } from "vitest";

import { CONTROL, PRIORITY } from "../layout/mod.ts";
import { createRing } from "./format.ts";
import { Ring, slotMessage } from "./ring.ts";
import { sweep } from "./sweep.ts";

const { CRITICAL, HIGH, IDLE, LOW, NORMAL } = PRIORITY;

/** A ring of five lanes with two slots or more in each. */
function lanes({ ageStep = 0, slots = 16 } = {}) {
  const ring = new Ring(createRing({ slots, lanes: 5 }));
  const control = ring.geometry.controlAt / 4;
  ring.words[control + CONTROL.fields.age_step.at / 4] = ageStep;
  const one = new Int32Array(1);
  return {
    ring,
    starvation: () => ring.words[control + CONTROL.fields.starvation.at / 4],
    offer: (priority: number, item = 0) => ring.offer(slotMessage(0, [item], 0, priority)),
    /** Claims and completes one slot: its priority, or -1. */
    serve: () => {
      if (ring.claim(1, one, 1) === 0) return -1;
      const priority = ring.words[ring.at(one[0]!) + 3]!;
      ring.complete(one[0]!);
      return priority;
    },
  };
}

test("Ring.claim() takes the lanes in order of priority, and each lane in order", () => {
  const { ring, offer, serve } = lanes();
  for (const priority of [IDLE, LOW, NORMAL, HIGH, CRITICAL]) offer(priority, priority);
  expect(ring.slotAt(IDLE, 0)).toBe(ring.geometry.laneStarts[IDLE]);
  expect([serve(), serve(), serve(), serve(), serve(), serve()]).toEqual(
    [CRITICAL, HIGH, NORMAL, LOW, IDLE, -1], // Then nothing is left.
  );
  expect([offer(LOW), offer(LOW), offer(LOW)].map((slot) => slot >= 0)).toEqual([
    true,
    true,
    false,
  ]);
});

test("A flood of CRITICAL with no lower work is served for ever", () => {
  const { offer, serve } = lanes();
  for (let i = 0; i < 100; i++) {
    offer(CRITICAL);
    expect(serve()).toBe(CRITICAL);
  }
});

test("A LOW slot under a flood of CRITICAL is served after 16 of them where no clock ages it", () => {
  const { offer, serve, starvation } = lanes();
  offer(LOW);
  const order: number[] = [];
  for (let i = 0; i < 40; i++) {
    offer(CRITICAL);
    order.push(serve());
  }
  expect(order.indexOf(LOW)).toBe(16);
  expect(order.filter((priority) => priority === LOW)).toHaveLength(1);
  expect(starvation()).toBe(23);
});

test("A starving lane gets one slot, and the flood goes on behind it", () => {
  const { offer, ring, serve } = lanes({ slots: 64 });
  for (let i = 0; i < 8; i++) offer(LOW);
  const order: number[] = [];
  for (let i = 0; i < 36; i++) {
    offer(CRITICAL);
    order.push(serve());
  }
  expect(order.flatMap((priority, i) => (priority === LOW ? [i] : []))).toEqual([16, 33]);
  expect(ring.claim(1, new Int32Array(8))).toBeGreaterThan(0);
});

test("Waiting raises a slot by one priority for each age step, and the longest wait goes first", () => {
  const { ring, offer, serve } = lanes({ ageStep: 10 });
  offer(LOW);
  ring.tick(29); // Two steps: as urgent as HIGH.
  offer(CRITICAL);
  offer(HIGH);
  expect([serve(), serve(), serve()]).toEqual([CRITICAL, LOW, HIGH]);
  offer(IDLE);
  ring.tick(29 + 40);
  offer(CRITICAL);
  expect([serve(), serve()]).toEqual([IDLE, CRITICAL]);
});

test("Ageing goes by differences, across the wrap of the clock, and a clock that steps back ages none", () => {
  const { ring, offer, serve } = lanes({ ageStep: 10 });
  ring.tick(-5);
  offer(NORMAL);
  ring.tick(16);
  offer(HIGH);
  expect([serve(), serve()]).toEqual([NORMAL, HIGH]);
  ring.tick(100);
  offer(NORMAL);
  ring.tick(50);
  offer(HIGH);
  expect([serve(), serve()]).toEqual([HIGH, NORMAL]);
});

test("A single LOW slot under a flood of CRITICAL is served within the ageing bound", () => {
  const { ring, offer, serve } = lanes({ ageStep: 2 });
  offer(LOW);
  let ticks = 0;
  for (; ; ticks++) {
    ring.tick(ticks);
    offer(CRITICAL);
    if (serve() === LOW) break;
    expect(ticks).toBeLessThan(7);
  }
  expect(ticks).toBe(6); // Three steps of two ticks each, and older than any CRITICAL by then.
});

test("sweep() finds a dead executor's slots in every lane", () => {
  const { ring, offer } = lanes();
  for (const priority of [CRITICAL, NORMAL, IDLE]) offer(priority);
  const into = new Int32Array(4);
  for (let i = 0; i < 3; i++) expect(ring.claim(4, into)).toBe(1);
  expect(sweep(ring, 4)).toBe(3);
  expect(offer(IDLE)).toBeGreaterThan(0);
});
