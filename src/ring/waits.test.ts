import { expect, onTestFinished, test, vi } from "vitest";

import { ringGeometry } from "../layout/mod.ts";
import { explore } from "./interleavings.fixture.ts";
import { bellOf, IDLE } from "./waits.ts";

const GEOMETRY = { ...ringGeometry({ slots: 2 }), bellsAt: 0 };
const CHANGED = 200;

function bell() {
  const words = new Int32Array(new SharedArrayBuffer(4 * 201));
  const condition = { holds: () => Atomics.load(words, CHANGED) === 1 };
  return { words, condition, bell: bellOf(words, GEOMETRY, "work") };
}

const noLoop = () => () => {}; // Nothing to keep alive.

test("Bell wakes every sleeper in every order of sleeping and ringing", () => {
  const { words, condition, bell: one } = bell();
  const change = () => {
    Atomics.store(words, CHANGED, 1);
    one.ring();
  };
  const sleep = () => one.wait(condition, IDLE.wait);
  const states = explore(words, [[change], [sleep], [sleep]], ([, a, b]) => {
    expect([a, b]).toEqual([[true], [true]]);
    expect(words[32]).toBe(0);
  });
  expect(states).toBeGreaterThan(50);
});

test("explore() finds a sleeper that is missed when the bell is read after the last look", () => {
  const { words, condition, bell: one } = bell();
  const change = () => {
    Atomics.store(words, CHANGED, 1);
    one.ring();
  };
  const careless = () => {
    if (condition.holds()) return;
    Atomics.add(words, 32, 1);
    Atomics.wait(words, 0, Atomics.load(words, 0));
  };
  expect(() => explore(words, [[change], [careless]], () => {})).toThrow(/missed wake-up/);
});

test("Bell.wait() looks once, or until its time is over, when nothing changes", () => {
  const { condition, bell: one } = bell();
  expect(one.wait(condition, { spins: 3, sleepMs: 0 })).toBe(false);
  expect(one.wait(condition, { spins: 0, sleepMs: 1 })).toBe(false);
});

test("Bell.waitAsync() keeps the loop alive until it is rung, and no longer", async () => {
  const { words, condition, bell: one } = bell();
  let alive = 0;
  const keepAlive = () => {
    alive++;
    return () => void alive--;
  };
  const waiting = one.waitAsync(condition, Infinity, keepAlive);
  expect(alive).toBe(1);
  Atomics.store(words, CHANGED, 1);
  one.ring();
  expect(await waiting).toBe(true);
  expect([alive, words[32]]).toEqual([0, 0]);
  expect(await one.waitAsync(condition, Infinity, keepAlive)).toBe(true);
});

test("Bell.waitAsync() gives up when nothing moved for its time, with what it then finds", async () => {
  const { words, condition, bell: one } = bell();
  expect(await one.waitAsync(condition, 1, noLoop)).toBe(false);
  const late = one.waitAsync(condition, 1, noLoop);
  Atomics.store(words, CHANGED, 1); // And nobody rings.
  expect([await late, words[32]]).toEqual([true, 0]);
});

test("Bell.wait() says so where a thread may not block, and leaves no sleeper behind", () => {
  const { words, condition, bell: one } = bell();
  const wait = vi.spyOn(Atomics, "wait").mockImplementation(() => {
    throw new TypeError("Atomics.wait cannot be called in this context"); // As browsers' pages do.
  });
  onTestFinished(() => wait.mockRestore());
  const refused = expect.objectContaining({ code: "THREAD_MAY_NOT_BLOCK" });
  expect(() => one.wait(condition, IDLE.wait)).toThrow(refused);
  expect(words[32]).toBe(0);
  expect(one.wait(condition, { spins: 3, sleepMs: 0 })).toBe(false); // Looking is allowed.
});
