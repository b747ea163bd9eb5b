// Each claim at the head of pack-epoch.ts.

import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";
import { PackEpoch, STOPPABLE_TICKS_MAX } from "./pack-epoch.ts";
import { newEpoch } from "./ticker.ts";

/** Both sides of one page, and whether a deadline has passed that was set when a run began. */
function sides(first = 0) {
  const memory = newEpoch();
  const words = new Int32Array(memory.buffer);
  words[0] = first;
  const [host, thread] = [new PackEpoch(memory), new PackEpoch(memory)];
  const isPast = (ticks: number): boolean => ((words[0]! - thread.seen[0]! - ticks) | 0) >= 0;
  return { words, host, thread, isPast };
}

test.each([0, 2 ** 30, 2 ** 31 - 1, -1, -(2 ** 30)])(
  "PackEpoch.interrupt() passes every budget, from an epoch of %i on, also ticks later",
  (first) => {
    const { words, host, thread, isPast } = sides(first);
    expect(thread.begin(1)).toBe(true);
    for (const ticks of [1, 1000, STOPPABLE_TICKS_MAX]) expect(isPast(ticks)).toBe(false);
    host.interrupt();
    for (const ticks of [0, 1, 1000, STOPPABLE_TICKS_MAX]) expect(isPast(ticks)).toBe(true);
    words[0]! += 1_000_000;
    for (const ticks of [0, 1000, STOPPABLE_TICKS_MAX]) expect(isPast(ticks)).toBe(true);
    expect(thread.end(1)).toBe(true);
  },
);

test("PackEpoch.interrupt() stops a run once, and none where none goes on", () => {
  const { words, host, thread, isPast } = sides();
  host.interrupt();
  expect(words[0]).toBe(0);
  thread.begin(1);
  host.interrupt();
  const once = words[0];
  host.interrupt();
  host.giveUp(1);
  expect(words[0]).toBe(once);
  expect([host.isGoing(1), thread.end(1), host.isGoing(1)]).toEqual([true, true, false]);
  thread.begin(2);
  expect(isPast(1)).toBe(false); // What stopped the run before is behind it.
  expect(thread.end(2)).toBe(false);
});

test("PackEpoch.giveUp() stops its own run and no other, also one that is about to begin", () => {
  const { host, thread, isPast } = sides();
  thread.begin(1);
  host.giveUp(2);
  expect([isPast(1), thread.end(1)]).toEqual([false, false]);
  expect(thread.begin(2)).toBe(false);
  expect(thread.end(2)).toBe(false);
  expect(thread.begin(3)).toBe(true);
  host.giveUp(2);
  expect(isPast(1)).toBe(false);
  host.giveUp(3);
  expect([isPast(1), thread.end(3)]).toEqual([true, true]);
});

/** Runs `body`, and `act` after its n-th access to shared words; says whether it had so many. */
function after(n: number, act: () => void, body: () => void): boolean {
  let left = n;
  const { load, store, compareExchange } = Atomics;
  const counted = <Args extends unknown[], Result>(access: (...args: Args) => Result) => {
    return (...args: Args): Result => {
      const result = access(...args);
      if (--left === 0) act();
      return result;
    };
  };
  Object.assign(Atomics, { load: counted(load), store: counted(store) });
  Object.assign(Atomics, { compareExchange: counted(compareExchange) });
  try {
    if (left === 0) act();
    body();
  } finally {
    Object.assign(Atomics, { load, store, compareExchange });
  }
  return left <= 0;
}

// Before its begin, and after each step of it: the epoch is read, the run said, its place read. Then as it ends,
// and never. `missed` would be a run that was stopped and does not see it.
test.each([
  ["giveUp", ["unwanted", "unwanted", "unwanted", "past", "going", "going"]],
  ["interrupt", ["going", "going", "past", "past", "going", "going"]],
] as const)(
  "%s() between any two steps of a run stops it, and not the next one",
  (stop, expected) => {
    const found: string[] = [];
    for (let step = 0, isWithin = true; isWithin; step++) {
      const { words, host, thread, isPast } = sides();
      const act = (): void => (stop === "giveUp" ? host.giveUp(1) : host.interrupt());
      isWithin = after(step, act, () => {
        const isWanted = thread.begin(1);
        const isStopped = words[0] !== 0;
        if (!isWanted) found.push("unwanted");
        else if (isPast(STOPPABLE_TICKS_MAX)) found.push("past");
        else found.push(isStopped ? "missed" : "going");
        thread.end(1);
      });
      expect(thread.begin(2)).toBe(true);
      expect(isPast(1)).toBe(false);
    }
    expect(found).toEqual(expected);
  },
);

test("PackEpoch.next() numbers runs from 1", () => {
  const { host } = sides();
  expect([host.next(), host.next()]).toEqual([1, 2]);
});

test("Of runs on another thread exactly those end early that are stopped", async () => {
  const runs = 5000;
  const memory = newEpoch();
  const epoch = new PackEpoch(memory);
  const worker = new Worker(new URL("./pack-epoch-thread.fixture.ts", import.meta.url), {
    workerData: { memory, runs },
  });
  const over = once(worker, "message");
  const thread = { isOver: false };
  void over.finally(() => (thread.isOver = true));
  const words = new Int32Array(memory.buffer);
  while (!thread.isOver) {
    for (let i = 0; i < 2000; i++) {
      const run = Atomics.load(words, 1) >> 2;
      if (run % 2 === 0 && run > 0) epoch.giveUp(run);
      else if (i % 3 === 0) epoch.interrupt();
      else if (run > 0) epoch.giveUp(run + 1); // Which is about to begin.
    }
    await new Promise((resume) => setImmediate(resume));
  }
  const [counts] = (await over) as [Record<string, number>];
  await worker.terminate();
  expect(counts).toMatchObject({ wrong: 0 });
  expect(counts["stopped"]! + counts["ended"]!).toBe(runs);
  expect(Math.min(counts["stopped"]!, counts["unwanted"]!)).toBeGreaterThan(0);
}, 60_000);
