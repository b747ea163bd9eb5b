// Chaos: kills executors at random while they work, and checks what the ring promises then.
//
// An addition that ran twice, or a slot that no outcome ever comes for, would show: each item adds 1 to an
// observable word of its own, and every offer is accounted for in the end.

import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";

import { BELLS, CONTROL, FAULT_CODES, OBSERVABLE_BASE, OPCODES } from "../../src/layout/mod.ts";
import { keepAlive, startExecutor } from "../../src/platform/node/mod.ts";
import type { ExecutorThread, ExecutorThreadOptions } from "../../src/platform/node/mod.ts";
import { createRing, Ring, type Settled, slotMessage, Tickets } from "../../src/ring/mod.ts";

const { ATOMIC_ADD, BATCH_FENCE, NOP, STORE_U32 } = OPCODES;
const ITEMS_PER_BATCH = 8;
/** Batches in flight, each under an id of its own. */
const BATCHES = 6;

export interface ChaosOptions {
  readonly kills: number;
  readonly seed: number;
}

/** A ring with a word for each of `items`, and small numbers from a seed. */
function stage(items: number, seed: number) {
  const memory = createRing({ slots: 128, observables: items, ioSlots: 0, debugRecords: 0 });
  const ring = new Ring(memory);
  const control = ring.geometry.controlAt / 4;
  let state = seed;
  return {
    memory,
    ring,
    counter: (field: "done_count" | "fault_count") =>
      ring.words[control + CONTROL.fields[field].at / 4]! >>> 0,
    ran: (item: number) => Atomics.load(ring.words, control + OBSERVABLE_BASE + item),
    refill: () => Atomics.store(ring.words, control + CONTROL.fields.quotas.at / 4, 1_000_000),
    random: (below: number) => (state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 1) % below,
  };
}

type Stage = ReturnType<typeof stage>;

/** Keeps `threads` executors alive and kills one at random, `kills` times. Returns what the killed lost. */
async function killing(
  { memory, random }: Stage,
  kills: number,
  threads: number,
  options: Partial<ExecutorThreadOptions> = {},
): Promise<number> {
  let owner = 0;
  let lost = 0;
  const start = (): Promise<ExecutorThread> =>
    startExecutor(memory, { ...options, owner: ++owner });
  const live = await Promise.all(Array.from({ length: threads }, start));
  for (let i = 0; i < kills; i++) {
    await sleep(random(4));
    const victim = random(threads);
    const end = await live[victim]!.kill();
    expect(end.how).toBe("killed");
    lost += end.lost;
    live[victim] = await start();
  }
  const last = await startExecutor(memory, { ...options, owner: ++owner });
  for (const executor of [...live, last]) lost += (await executor.stop()).lost;
  return lost;
}

/** Two executors, held slots in batches with fences: every outcome comes, once, and says the truth. */
export async function chaosOfBatches({ kills, seed }: ChaosOptions): Promise<void> {
  const items = 200_000;
  const at = stage(items, seed);
  const { ring } = at;
  const tickets = new Tickets(ring, keepAlive);
  const counts = { offered: 0, faults: 0, next: ITEMS_PER_BATCH, fences: 0, over: false }; // Word 0 is for tags.
  const run = async (opcode: number, args: readonly number[], batch = 0): Promise<Settled> => {
    for (;;) {
      const slot = ring.offer(slotMessage(opcode, args), 1, { held: true, batch });
      if (slot >= 0) {
        counts.offered++;
        const outcome = await tickets.outcome(slot);
        if (outcome.state === "fault") {
          expect(outcome.code).toBe(FAULT_CODES.WORKER_LOST);
          counts.faults++;
        }
        return outcome;
      }
      await sleep(0);
    }
  };
  const add = async (item: number, batch: number): Promise<void> => {
    const index = OBSERVABLE_BASE + item;
    const outcome = await run(ATOMIC_ADD.code, [1, index], batch);
    const ran = at.ran(item);
    if (outcome.state === "done") expect(ran).toBe(1);
    else expect(ran).toBeLessThanOrEqual(1); // Nobody may run it again.
  };
  const store = async (item: number, batch: number): Promise<void> => {
    const args = [item + 1, OBSERVABLE_BASE + item];
    const first = await run(STORE_U32.code, args, batch);
    if (first.state === "fault") while ((await run(STORE_U32.code, args)).state === "fault");
    expect(at.ran(item)).toBe(item + 1); // It may run again, and must in the end have run.
  };
  const batches = async (id: number): Promise<void> => {
    while (!counts.over && counts.next + ITEMS_PER_BATCH <= items) {
      const first = counts.next;
      counts.next += ITEMS_PER_BATCH;
      let settled = 0;
      const work = Array.from({ length: ITEMS_PER_BATCH }, async (_, i) => {
        await (i % 2 === 0 ? add(first + i, id) : store(first + i, id));
        settled++;
      });
      await sleep(0); // All of them are published before their fence.
      const fence = await run(BATCH_FENCE.code, [ITEMS_PER_BATCH, first, id]);
      await Promise.all(work);
      expect(settled).toBe(ITEMS_PER_BATCH);
      if (fence.state === "done") counts.fences++;
      const counter = (ring.geometry.bellsAt + BELLS.fields.batches.at) / 4 + id;
      const left = Atomics.load(ring.words, counter);
      if (fence.state === "done") expect(left).toBe(0); // All were there when it ran.
      Atomics.store(ring.words, counter, 0); // A fence that was lost may have left its items.
      at.refill();
    }
  };

  const publishing = Promise.all(Array.from({ length: BATCHES }, (_, i) => batches(i + 1)));
  const lost = await killing(at, kills, 2).finally(() => (counts.over = true));
  const rest = await startExecutor(at.memory, { owner: 1_000_000 });
  await publishing;
  expect(await run(NOP.code, [])).toMatchObject({ state: "done" });
  expect(await rest.stop()).toMatchObject({ how: "stopped", lost: 0 });
  expect(counts.fences).toBeGreaterThan(0);
  expect(counts.faults).toBe(lost);
  expect([at.counter("done_count"), at.counter("fault_count")]).toEqual([counts.offered, lost]);
}

/** One executor alone, runs that nobody holds: what its death leaves is counted exactly. */
export async function chaosOfRuns({ kills, seed }: ChaosOptions): Promise<void> {
  const items = 1_000_000;
  const run = 32;
  const at = stage(items, seed);
  const words = new Int32Array(16 * run);
  const counts = { offered: 0, over: false };
  const publishing = (async () => {
    while (!counts.over && counts.offered + run <= items) {
      for (let i = 0; i < run; i++)
        words.set(slotMessage(ATOMIC_ADD.code, [1, OBSERVABLE_BASE + counts.offered + i]), 16 * i);
      while (at.ring.offer(words, run) < 0) await sleep(0);
      counts.offered += run;
      at.refill();
      if (counts.offered % (run * 64) === 0) await sleep(0);
    }
  })();
  const lost = await killing(at, kills, 1, { oneExecutor: true, idle: { spins: 100, sleepMs: 1 } });
  counts.over = true;
  const rest = await startExecutor(at.memory, { owner: 1_000_000, oneExecutor: true });
  await publishing;
  await expect.poll(() => at.counter("done_count"), { timeout: 20_000 }).toBe(counts.offered);
  expect(await rest.stop()).toMatchObject({ how: "stopped", lost: 0 });
  expect(at.counter("done_count")).toBe(counts.offered);
  expect(at.counter("fault_count")).toBe(lost);
  let ran = 0;
  for (let item = 0; item < counts.offered; item++) {
    if (at.ran(item) > 1) expect(at.ran(item), `item ${item}`).toBe(1);
    ran += at.ran(item);
  }
  expect(ran).toBeGreaterThanOrEqual(counts.offered - lost);
}
