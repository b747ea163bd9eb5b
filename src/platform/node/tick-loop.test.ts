import * as fc from "fast-check";
import { expect, test } from "vitest";
import { runTicks } from "./tick-loop.ts";

/**
 * Runs the loop on a clock that jumps, on the n-th sleep, to `wakesMs[n]`; then stops it. Returns the
 * epoch as it stood before each sleep, the sleeps asked for, and how often `ticking` was called.
 */
function run(intervalMs: number, wakesMs: readonly number[], from = 0) {
  const epoch = Int32Array.of(from);
  const stop = new Int32Array(1);
  const wakes = [...wakesMs];
  const [epochs, sleeps]: [number[], number[]] = [[], []];
  let now = 0;
  let calls = 0;
  runTicks({
    epoch,
    stop,
    intervalMs,
    nowMs: () => now,
    sleep: (words, ms) => {
      epochs.push(epoch[0]!);
      sleeps.push(ms);
      const next = wakes.shift();
      if (next === undefined) words[0] = 1;
      else now = next;
    },
    ticking: () => calls++,
  });
  return { epochs, sleeps, calls };
}

test("runTicks() ticks once per interval, and says so after the first tick only", () => {
  const { epochs, sleeps, calls } = run(10, [10, 20, 30]);
  expect(epochs).toEqual([0, 1, 2, 3]);
  expect(sleeps).toEqual([10, 10, 10, 10]);
  expect(calls).toBe(1);
});

test("runTicks() adds every tick that is due after a late wake-up, and sleeps less to catch up", () => {
  expect(run(10, [57, 60])).toMatchObject({ epochs: [0, 5, 6], sleeps: [10, 3, 10] });
});

test("runTicks() adds nothing when it wakes early, and sleeps the rest", () => {
  expect(run(10, [4, 10])).toMatchObject({ epochs: [0, 0, 1], sleeps: [10, 6, 10] });
});

test("runTicks() adds an hour's suspension in one step", () => {
  expect(run(10, [3_600_000]).epochs).toEqual([0, 360_000]);
});

test("runTicks() wraps the epoch at 32 bits", () => {
  expect(run(10, [20], 2 ** 31 - 1).epochs).toEqual([2 ** 31 - 1, -(2 ** 31) + 1]);
});

test("runTicks() never drifts: the epoch is the clock divided by the interval", () => {
  const steps = fc.array(fc.integer({ min: 0, max: 100 }), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), steps, (intervalMs, steps) => {
      let now = 0;
      const wakes = steps.map((step) => (now += step));
      const { epochs, sleeps } = run(intervalMs, wakes);
      expect(epochs.slice(1)).toEqual(wakes.map((wake) => Math.floor(wake / intervalMs)));
      for (const ms of sleeps) expect(ms > 0 && ms <= intervalMs).toBe(true);
    }),
  );
});

test("runTicks() moves whoever follows as far as the epoch, from when it follows", () => {
  const [early, late] = [Int32Array.of(100), Int32Array.of(-1)];
  const stop = new Int32Array(1);
  let now = 0;
  const wakes = [10, 35, 40];
  runTicks({
    ...{ epoch: new Int32Array(1), stop, intervalMs: 10, nowMs: () => now, ticking: () => {} },
    followers: () => (now >= 35 ? [early, late] : [early]),
    sleep: (words) => {
      const next = wakes.shift();
      if (next === undefined) words[0] = 1;
      else now = next;
    },
  });
  expect([early[0], late[0]]).toEqual([104, 2]);
});
