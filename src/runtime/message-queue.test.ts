// Message queue: cells are a slot's own, blocks are the pool's, and no word of a slot leads elsewhere.

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { IN_POOL } from "../layout/mod.ts";
import { Blocks, createBlocks } from "./blocks.ts";
import { createQueue, MessageQueue, type Payload, WORD } from "./message-queue.ts";

const SHAPE = { capacity: 4, lanes: 1, cellBytes: 64 } as const;
const open = (blocks = 2, shape: Parameters<typeof createQueue>[0] = SHAPE) => {
  const pool = new Blocks(createBlocks({ blocks, blockBytes: 128 }));
  const queue = new MessageQueue(createQueue(shape), pool);
  const payload: Payload = { views: queue.views, at: 0, bytes: 0 };
  return { pool, queue, payload };
};
const say = (queue: MessageQueue, slot: number, at: number, bytes: number): void => {
  queue.words[queue.ring.at(slot) + WORD.payload_at] = at;
  queue.words[queue.ring.at(slot) + WORD.payload_bytes] = bytes;
};

test.each([
  { capacity: 2, lanes: 1, cellBytes: 64 },
  { capacity: 64, lanes: 1, cellBytes: 192 },
  { capacity: 16, lanes: 5, cellBytes: 128 },
] as const)("MessageQueue has two cells for each slot, which overlap nothing: %o", (shape) => {
  const { queue } = open(1, shape);
  const { slots, totalBytes } = queue.ring.geometry;
  const cells = Array.from({ length: slots }, (_, slot) => [
    queue.requestAt(slot),
    queue.replyAt(slot),
  ]).flat();
  expect(cells).toEqual(cells.map((_, i) => totalBytes + i * shape.cellBytes));
  expect(cells.at(-1)! + shape.cellBytes).toBeLessThanOrEqual(queue.views.u8.length);
  expect(totalBytes % 8).toBe(0);
});

test.each([0, 1, 3, 6])("createQueue() refuses a capacity of %i", (capacity) => {
  expect(() => open(1, { ...SHAPE, capacity })).toThrow();
});

describe("MessageQueue.room()", () => {
  test("is the cell up to its bytes, and a block from one byte more", () => {
    const { queue, payload, pool } = open();
    expect(queue.room(queue.requestAt(1), 64, payload)).toBe(true);
    expect(payload).toMatchObject({ at: queue.requestAt(1), bytes: 64 });
    expect([payload.views === queue.views, pool.taken]).toEqual([true, 0]);
    expect(queue.room(queue.requestAt(1), 65, payload)).toBe(true);
    expect([payload.views === queue.views, payload.bytes, pool.taken]).toEqual([false, 65, 1]);
    expect(queue.room(0, 65, payload)).toBe(true);
    expect(queue.room(0, 65, payload)).toBe(false);
    expect(queue.room(0, 0, payload)).toBe(true);
  });

  test("is no block where there is no pool", () => {
    const queue = new MessageQueue(createQueue(SHAPE), undefined);
    const payload: Payload = { views: queue.views, at: 0, bytes: 0 };
    expect([64, 65].map((bytes) => queue.room(0, bytes, payload))).toEqual([true, false]);
    say(queue, 0, IN_POOL, 1);
    expect(queue.find(0, payload)).toBe(false);
    queue.free({ ...payload, views: new (class extends Array {})() as never }); // Nothing to free.
  });
});

describe("MessageQueue.find()", () => {
  test("finds what place() placed, in a cell or a block, and free() frees the block only", () => {
    const { queue, payload, pool } = open();
    for (const bytes of [0, 64, 65, 128]) {
      queue.room(queue.requestAt(2), bytes, payload);
      const placed = { ...payload };
      queue.place(2, payload);
      const found: Payload = { views: queue.views, at: -1, bytes: -1 };
      expect(queue.find(2, found)).toBe(true);
      expect([found.at, found.bytes]).toEqual([placed.at, placed.bytes]);
      expect(found.views).toBe(placed.views);
      queue.free(found);
      expect(pool.taken).toBe(0);
    }
  });

  test("takes a slot's own cells up to their bytes, and no other slot's", () => {
    const { queue, payload } = open();
    for (const at of [queue.requestAt(1), queue.replyAt(1)]) {
      say(queue, 1, at, 64);
      expect(queue.find(1, payload)).toBe(true);
      say(queue, 1, at, 65);
      expect(queue.find(1, payload)).toBe(false);
      say(queue, 2, at, 1);
      expect(queue.find(2, payload)).toBe(false);
    }
    for (const at of [0, 1, queue.requestAt(1) + 4, queue.views.u8.length, 2 ** 31 - 1]) {
      say(queue, 1, at, 1);
      expect(queue.find(1, payload)).toBe(false);
    }
  });

  test("says yes to nothing but whole places, whatever a slot's words are", () => {
    const { queue, payload, pool } = open();
    queue.room(0, 128, payload);
    queue.place(0, payload);
    const block = payload.at;
    expect(pool.taken).toBe(1);
    const places = fc.oneof(
      fc.integer(),
      fc.constantFrom(queue.requestAt(0), queue.replyAt(0), block | IN_POOL, IN_POOL),
    );
    const sizes = fc.oneof(fc.integer(), fc.nat(200));
    fc.assert(
      fc.property(places, sizes, (at, bytes) => {
        say(queue, 0, at, bytes);
        if (!queue.find(0, payload)) return;
        expect(payload.at).toBeGreaterThan(0);
        expect(payload.bytes).toBeGreaterThanOrEqual(0);
        expect(payload.at + payload.bytes).toBeLessThanOrEqual(payload.views.u8.length);
        expect(payload.bytes).toBeLessThanOrEqual(payload.views === queue.views ? 64 : 128);
      }),
    );
  });
});
