// The clock on one thread: its walls, its limits, and the textbook's answers.

import * as fc from "fast-check";
import { expect, test } from "vitest";

import { createClockMemory, HybridClock } from "./hlc.ts";

const NOW = 1_767_225_600_000; // 2026-01-01, and 41 bits: both halves count.
const LAST = 0xffff; // The last logical time of a millisecond.

/** A clock whose wall the test sets, what it last made, and the halves of any stamp. */
function start(maxDriftMs?: number) {
  const wall = { ms: NOW };
  const memory = createClockMemory();
  const now = () => wall.ms;
  const clock = new HybridClock(memory, maxDriftMs === undefined ? { now } : { now, maxDriftMs });
  const last = () => pair(clock.hi, clock.lo);
  const tick = () => (clock.tick(), last());
  const update = (ms: number, logical: number) => clock.update(...halvesOf(ms, logical)) && last();
  return { wall, memory, clock, last, tick, update };
}

function pair(hi: number, lo: number): [physicalMs: number, logical: number] {
  const { physicalMs, logical } = HybridClock.partsOf(hi, lo);
  return [physicalMs, logical];
}

function halvesOf(ms: number, logical: number): [hi: number, lo: number] {
  return [Math.floor(ms / 65_536), (ms % 65_536) * 65_536 + logical];
}

test("HybridClock.tick() counts while the wall stands still or jumps back, and follows it ahead", () => {
  const { wall, tick } = start();
  expect([tick(), tick(), tick()]).toEqual([
    [NOW, 0],
    [NOW, 1],
    [NOW, 2],
  ]);
  wall.ms = NOW - 5000;
  expect([tick(), tick()]).toEqual([
    [NOW, 3],
    [NOW, 4],
  ]);
  wall.ms = NOW + 5000.75; // Walls may have fractions.
  expect([tick(), tick()]).toEqual([
    [NOW + 5000, 0],
    [NOW + 5000, 1],
  ]);
});

test("HybridClock.tick() carries a logical overflow into the milliseconds, until the wall is there", () => {
  const { wall, tick, update } = start();
  expect(update(NOW, LAST - 1)).toEqual([NOW, LAST]);
  expect([tick(), tick()]).toEqual([
    [NOW + 1, 0],
    [NOW + 1, 1],
  ]);
  wall.ms = NOW + 1;
  expect(tick()).toEqual([NOW + 1, 2]);
  wall.ms = NOW + 2;
  expect(tick()).toEqual([NOW + 2, 0]);
});

test("HybridClock.tick() carries between the halves", () => {
  const { wall, tick, update } = start();
  wall.ms = 2 ** 40 - 1;
  expect(update(2 ** 40 - 1, LAST)).toEqual([2 ** 40, 0]);
  expect(tick()).toEqual([2 ** 40, 1]);
});

test("HybridClock.update() goes on from the wall, the clock, the remote, or the later of equals", () => {
  const { wall, tick, update } = start();
  expect(update(NOW - 1, 9)).toEqual([NOW, 0]); // The wall is ahead.
  expect(update(NOW - 1, 9)).toEqual([NOW, 1]); // The clock is.
  expect(update(NOW + 7, 9)).toEqual([NOW + 7, 10]); // The remote is.
  expect(update(NOW + 7, 30)).toEqual([NOW + 7, 31]); // Equal milliseconds: the remote's count is more,
  expect(update(NOW + 7, 30)).toEqual([NOW + 7, 32]); // and the clock's is.
  wall.ms = NOW + 7;
  expect(update(NOW + 7, 30)).toEqual([NOW + 7, 33]); // All three are equal.
  expect(tick()).toEqual([NOW + 7, 34]);
});

test.each([60_000, 0, 250])(
  "HybridClock.update() takes a remote %i ms ahead and no more",
  (drift) => {
    const { memory, last, tick, update } = drift === 60_000 ? start() : start(drift);
    tick();
    const word = () => new BigUint64Array(memory.buffer)[0];
    const before = word();
    expect(update(NOW + drift + 1, 0)).toBe(false);
    expect([word(), last()]).toEqual([before, [NOW, 0]]);
    expect(update(NOW + drift, LAST - 1)).toEqual([NOW + drift, LAST]);
  },
);

test("HybridClock says what the textbook says, for any walls and remotes", () => {
  const ms = fc.integer({ min: NOW, max: NOW + 3 });
  const remote = fc.option(fc.tuple(ms, fc.constantFrom(0, 1, LAST - 1, LAST)), { nil: undefined });
  fc.assert(
    fc.property(fc.array(fc.tuple(ms, remote)), (steps) => {
      const { wall, last, tick, update } = start(1);
      let stored = 0n;
      for (const [now, received] of steps) {
        wall.ms = now;
        const other = received && BigInt(received[0]) * 65_536n + BigInt(received[1]);
        const takes = received === undefined || received[0] <= now + 1;
        if (takes) stored = textbook(stored, BigInt(now), other ?? 0n);
        expect(received ? update(...received) : tick()).toEqual(takes && last());
        expect(last()).toEqual([Number(stored >> 16n), Number(stored & 0xffffn)]);
      }
    }),
  );
});

function textbook(stored: bigint, now: bigint, remote: bigint): bigint {
  const physical = [stored >> 16n, now, remote >> 16n].reduce((a, b) => (a > b ? a : b));
  const logicals = [stored, remote]
    .filter((of) => of >> 16n === physical)
    .map((of) => of & 0xffffn);
  const latest = logicals.reduce((a, b) => (a > b ? a : b), -1n);
  return (physical << 16n) + latest + 1n;
}

test("HybridClock refuses a wall that has no Unix milliseconds, and a drift that is no u32", () => {
  const { wall, clock } = start();
  for (const ms of [Number.NaN, -1, 2 ** 48]) {
    wall.ms = ms;
    expect(() => clock.tick()).toThrow("Unix milliseconds");
    expect(() => clock.update(0, 0)).toThrow("Unix milliseconds");
  }
  for (const drift of [Number.NaN, -1, 2 ** 32]) expect(() => start(drift)).toThrow("maxDriftMs");
});

test("HybridClock.compare() orders by the high half, then by the low half without its sign", () => {
  expect(HybridClock.compare(1, 0, 0, 0xffff_ffff)).toBeGreaterThan(0);
  expect(HybridClock.compare(0, 0x7fff_ffff, 0, 0x8000_0000)).toBeLessThan(0);
  expect(HybridClock.compare(0xffff_ffff, 5, 0xffff_ffff, 5)).toBe(0);
});

test("HybridClock.tickAhead() gives stamps that follow each other, and a new sixteen after what it observed", () => {
  const clock = new HybridClock(createClockMemory(), { now: () => 1000 });
  const other = new HybridClock(createClockMemory(), { now: () => 1000 });
  const stamps: [number, number][] = [];
  for (let i = 0; i < 40; i++) {
    clock.tickAhead();
    stamps.push([clock.hi, clock.lo]);
  }
  for (const [i, [hi, lo]] of stamps.entries())
    if (i > 0) expect(HybridClock.compare(hi, lo, ...stamps[i - 1]!)).toBe(1);
  for (let i = 0; i < 60; i++) other.tick();
  expect(clock.observe(other.hi, other.lo)).toBe(true);
  clock.tickAhead();
  expect(HybridClock.compare(clock.hi, clock.lo, other.hi, other.lo)).toBeGreaterThan(0);
});

/** The first stamp of a clock whose wall shows `now`. */
function ahead(now: number): readonly [number, number] {
  const remote = new HybridClock(createClockMemory(), { now: () => now });
  remote.tick();
  return [remote.hi, remote.lo];
}

test("HybridClock.observe() changes nothing for a stamp that is behind, and refuses one too far ahead", () => {
  const clock = new HybridClock(createClockMemory(), { now: () => 1000, maxDriftMs: 10 });
  clock.tick();
  const { hi, lo } = clock;
  expect(clock.observe(...ahead(900))).toBe(true);
  expect(clock.observe(...ahead(1011))).toBe(false);
  clock.tick();
  expect([clock.hi, clock.lo]).toEqual([hi, lo + 1]);
  expect(clock.observe(...ahead(1010))).toBe(true);
  clock.tick();
  expect(HybridClock.compare(clock.hi, clock.lo, ...ahead(1010))).toBeGreaterThan(0);
});
