// Blocks: every block has one holder at a time, whoever asks and however.

import { once } from "node:events";
import { Worker } from "node:worker_threads";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { Blocks, createBlocks } from "./blocks.ts";
import type { BlocksJob } from "./blocks-thread.fixture.ts";

const make = (blocks: number, blockBytes = 64): Blocks =>
  new Blocks(createBlocks({ blocks, blockBytes }));
const takeAll = (blocks: Blocks): number[] => {
  const taken: number[] = [];
  for (let at = blocks.take(); at >= 0; at = blocks.take()) taken.push(at);
  return taken;
};

test.each([0, 1, 31, 32, 33, 64, 65, 500])(
  "Blocks.take() gives each of %i blocks once, then -1 until one is free",
  (count) => {
    const blocks = make(count, 128);
    const all = takeAll(blocks);
    expect([all.length, new Set(all).size, blocks.taken]).toEqual([count, count, count]);
    for (const at of all) {
      expect(at % 64).toBe(0);
      expect(at + 128).toBeLessThanOrEqual(blocks.memory.byteLength);
      expect(at).toBeGreaterThanOrEqual(4 * (3 + Math.ceil(count / 32)));
    }
    for (const at of all.toReversed()) {
      blocks.free(at);
      expect(blocks.take()).toBe(at); // The only one that is free.
      expect(blocks.take()).toBe(-1);
    }
    for (const at of all) blocks.free(at);
    expect(blocks.taken).toBe(0);
  },
);

test("Blocks.take() and free() in any order never give a block twice", () => {
  const steps = fc.array(fc.option(fc.nat(100), { freq: 2 }), { maxLength: 300 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 70 }), steps, (count, moves) => {
      const memory = createBlocks({ blocks: count, blockBytes: 64 });
      const hands = [new Blocks(memory), new Blocks(memory)]; // Two threads' hands on one pool.
      const held: number[] = [];
      for (const [i, which] of moves.entries()) {
        const hand = hands[i % 2]!;
        if (which === null || held.length === 0) {
          const at = hand.take();
          expect(at === -1).toBe(held.length === count);
          expect(held).not.toContain(at);
          if (at >= 0) held.push(at);
        } else hand.free(held.splice(which % held.length, 1)[0]!);
        expect(hands[0]!.taken).toBe(held.length);
      }
    }),
  );
});

test("Blocks.free() ignores whatever is no block's offset", () => {
  const blocks = make(40);
  const [first, ...rest] = takeAll(blocks);
  const last = rest.at(-1)!;
  for (const at of [-64, 0, first! - 64, first! + 1, last + 64, 2 ** 31 - 64, NaN, Infinity])
    blocks.free(at);
  expect(blocks.taken).toBe(40);
  fc.assert(
    fc.property(fc.integer(), (at) => {
      if (at >= first! && at <= last && at % 64 === 0) return;
      blocks.free(at);
      expect(blocks.taken).toBe(40);
    }),
  );
});

test("Blocks.holds() is true for payloads of up to a block, at a block's offset", () => {
  const blocks = make(3, 128);
  const [first, second, third] = takeAll(blocks) as [number, number, number];
  for (const at of [first, second, third]) {
    expect([0, 1, 128].map((bytes) => blocks.holds(at, bytes))).toEqual([true, true, true]);
    expect(blocks.holds(at, 129)).toBe(false);
    expect(blocks.holds(at, 2 ** 32 - 1)).toBe(false);
  }
  for (const at of [first - 128, first + 64, third + 128, 0, -128])
    expect(blocks.holds(at, 1)).toBe(false);
});

test("Blocks.free() frees a block in the name of its owner, once", () => {
  const blocks = make(2);
  const [first, second] = takeAll(blocks) as [number, number];
  blocks.give(first, 7);
  blocks.give(second, 8);
  for (const owner of [0, 8, -7]) blocks.free(first, owner);
  expect([blocks.taken, blocks.holds(first, 1, 8), blocks.holds(first, 1, 7)]).toEqual([
    ...[2, false, true],
  ]);
  blocks.free(first, 7);
  expect(blocks.taken).toBe(1);
  expect(blocks.take()).toBe(first); // Somebody else's, so that freeing it again does nothing.
  blocks.free(first, 7);
  expect([blocks.taken, blocks.holds(first, 1, 7)]).toEqual([2, false]);
});

test("Blocks.take() on four threads at once gives no block twice, and loses none", async () => {
  for (const count of [3, 40]) {
    const memory = createBlocks({ blocks: count, blockBytes: 64 });
    const holders = new SharedArrayBuffer(4 * (count + 2));
    const threads = [1, 2, 3, 4].map((name) => {
      const workerData: BlocksJob = { memory, holders, name, rounds: 50_000 };
      return new Worker(new URL("./blocks-thread.fixture.ts", import.meta.url), { workerData });
    });
    await Promise.all(threads.map((thread) => once(thread, "exit")));
    const owners = new Int32Array(holders);
    expect(owners.subarray(0, count + 1)).toEqual(new Int32Array(count + 1));
    expect(new Blocks(memory).taken).toBe(0);
  }
});

test("Blocks.abandon() frees what a thread had taken and not given, and nothing else", () => {
  const memory = createBlocks({ blocks: 40, blockBytes: 64 });
  const [host, dead, alive] = [new Blocks(memory), new Blocks(memory, 3), new Blocks(memory, 4)];
  const [given, freed, ...held] = Array.from({ length: 36 }, () => dead.take());
  dead.give(given!, 7);
  dead.free(freed!);
  const others = [host.take(), alive.take()];
  expect(host.taken).toBe(37);
  expect([host.free(held[0]!), alive.free(held[0]!)]).toEqual([false, false]);
  expect(host.abandon(5)).toBe(0);
  expect(host.abandon(3)).toBe(held.length);
  expect([host.taken, host.holds(given!, 64, 7), host.abandon(3)]).toEqual([3, true, 0]);
  expect([host.free(others[0]!), alive.free(others[1]!), host.free(given!, 7)]).toEqual([
    true,
    true,
    true,
  ]);
  expect(host.taken).toBe(0);
});
