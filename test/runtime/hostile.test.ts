// Hostile messages: whatever a slot's words and bytes say, its kernel's thread and the host go on, every held
// slot settles, and no block is lost.

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Views } from "../../src/message/mod.ts";
import { createQueue, MessageQueue } from "../../src/runtime/message-queue.ts";
import { Received } from "../../src/runtime/received.ts";
import { Blocks, createBlocks } from "../../src/runtime/blocks.ts";
import { Add, Echo, Sink, Sum, target, Throw, Total } from "./actors.fixture.ts";
import { victim, WORD } from "./victim.ts";

const word = fc.oneof(
  fc.integer(),
  fc.nat(256),
  fc.constantFrom(0, -1, 0x100, 0x101, 0x103, 2 ** 31 - 1, -(2 ** 31)),
);
const KINDS = [Add, Total, Echo, Sink, Throw] as const;
/** Some words of a slot, from 1 on: its status is the ring's own. And some of its cell's bytes. */
const spoiled = fc.record({
  kind: fc.constantFrom(...KINDS),
  words: fc.array(fc.tuple(fc.integer({ min: 1, max: 15 }), word), { maxLength: 15 }),
  bytes: fc.array(fc.tuple(fc.nat(127), fc.nat(255)), { maxLength: 40 }),
  size: fc.nat(8), // In its cell: what is wrong with blocks has tests of its own.
});
/** One value for all of them: each reads its own fields. */
const valueOf = (size: number): never =>
  ({ a: 1, b: 2, why: 3, data: new Float64Array(size).fill(4) }) as never;
const large = { data: new Float64Array(100).fill(1) };

test("A kernel answers or refuses random words and bytes, and then answers as ever", async () => {
  await using kernel = await victim({ blocks: 64 });
  const storms = fc.array(spoiled, { minLength: 1, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(storms, async (storm) => {
      const slots = storm.map(({ kind, words, bytes, size }) =>
        kernel.publish(kind as typeof Add, valueOf(size), (slot, cell) => {
          for (const [at, value] of words) if (at !== WORD.payload_at) slot[at] = value;
          for (const [at, value] of bytes) cell[at] = value;
        }),
      );
      for (const slot of slots) expect(await kernel.settle(slot)).not.toContain("hangs");
      expect(await kernel.ask(Add, { a: 20, b: 3 })).toEqual({ sum: 23 });
      expect(await kernel.ask(Echo, large)).toEqual(large);
      await kernel.gone();
    }),
    { numRuns: 150 },
  );
  expect(kernel.pool.taken).toBe(0);
});

test("A kernel refuses payloads that are nowhere, and frees the block of whatever it refuses", async () => {
  await using kernel = await victim();
  for (const at of [0, 1, 2 ** 31 - 1, -1, -(2 ** 31), -(2 ** 31) + 1]) {
    const slot = kernel.publish(Add, { a: 1, b: 1 }, (words) => (words[WORD.payload_at] = at));
    expect(await kernel.settle(slot)).toBe("MESSAGE_INVALID");
  }
  const spoils: [number, number][] = [
    ...([
      [WORD.type, 12],
      [WORD.deadline, (Date.now() - 10_000) | 0],
      [WORD.correlation, -1],
      [1, 0],
    ] as [number, number][]),
    ...([
      [WORD.stamp_high, -1],
      [WORD.payload_bytes, 9],
      [WORD.payload_bytes, 1024],
    ] as [number, number][]),
  ];
  for (const [at, value] of spoils) {
    const slot = kernel.publish(Total, large, (words) => (words[at] = value));
    expect(await kernel.settle(slot)).not.toBe("ok");
    expect(kernel.pool.taken).toBe(0);
  }
});

describe("A kernel's slot", () => {
  test("whose payload lies in its own reply cell spoils no later message in that slot", async () => {
    await using kernel = await victim({ capacity: 2 });
    const asked = kernel.publish(Add, { a: 1, b: 1 }, (words, _, slot) => {
      words[WORD.payload_at] = kernel.queue.replyAt(slot);
    });
    expect(await kernel.settle(asked)).not.toContain("hangs");
    for (let i = 0; i < 4; i++)
      expect(await kernel.ask(Add, { a: i, b: 5 })).toEqual({ sum: i + 5 });
  });

  test("that says more bytes than a block has does not lose its block", async () => {
    await using kernel = await victim();
    const slot = kernel.publish(Total, large, (words) => (words[WORD.payload_bytes] = 1025));
    expect(await kernel.settle(slot)).toBe("MESSAGE_INVALID");
    expect(kernel.pool.taken).toBe(0);
  });

  test("that names another message's block neither reads it nor frees it", async () => {
    await using kernel = await victim();
    let thief = -1;
    const mine = kernel.publish(Echo, large, (words) => {
      thief = kernel.publish(Total, { data: [] }, (others) => {
        for (const at of [WORD.payload_at, WORD.payload_bytes]) others[at] = words[at]!;
      });
    });
    expect(await kernel.settle(thief)).toBe("MESSAGE_INVALID");
    expect(await kernel.settle(mine)).toBe("ok");
    expect(kernel.pool.taken).toBe(0);
  });

  test("that names a block that somebody has just taken does not free it", async () => {
    await using kernel = await victim();
    const others = kernel.pool.take();
    const slot = kernel.publish(Add, { a: 1, b: 1 }, (words) => {
      words[WORD.payload_at] = others | 0x8000_0000;
      words[WORD.payload_bytes] = 3;
    });
    expect(await kernel.settle(slot)).toBe("MESSAGE_INVALID");
    expect(kernel.pool.taken).toBe(1);
  });

  test("that nobody holds, but that says it is a call, loses no block by its answer", async () => {
    await using kernel = await victim();
    kernel.publish(Echo, large, (words) => (words[WORD.correlation] = 5), false);
    expect(await kernel.gone(1)).toBe(true);
    expect(kernel.pool.taken).toBe(0);
  });

  test("settles whatever its status says before it is claimed", async () => {
    await using kernel = await victim();
    for (const status of [0, 2, 3, 4, 5, 6, 7, 99, -1]) {
      const slot = kernel.publish(Add, { a: 1, b: 1 }, () => {});
      expect(await kernel.settle(slot)).toBe("ok");
      const spoiledSlot = kernel.publish(Add, { a: 1, b: 1 }, (words) => (words[0] = status));
      expect(await kernel.settle(spoiledSlot)).not.toContain("hangs");
    }
  });
});

test("Received takes messages, and counts what is none, whatever the kernel's slots say", () => {
  const pool = new Blocks(createBlocks({ blocks: 4, blockBytes: 1024 }));
  const queue = new MessageQueue(createQueue({ capacity: 16, lanes: 1, cellBytes: 128 }), pool);
  const received = new Received({
    ...{ kernel: target.id, queue, nowMs: () => 0, isOver: () => true, keepAlive: () => () => {} },
    types: new Map([Sum, Echo, Total].map((type) => [type.id, type as never])),
  });
  expect(queue.views).toBeInstanceOf(Views);
  const slots = fc.array(
    fc.record({
      words: fc.array(word, { minLength: 15, maxLength: 15 }),
      type: fc.option(fc.constantFrom(Sum.id, Echo.id, Total.id)),
      isInCell: fc.boolean(),
      length: word,
    }),
    { minLength: 1, maxLength: 16 },
  );
  let published = 0;
  fc.assert(
    fc.property(slots, (storm) => {
      for (const { words, type, isInCell, length } of storm) {
        const slot = queue.ring.reserve(2);
        const at = queue.ring.at(slot);
        queue.words.set(words, at + 1);
        if (type !== null) queue.words[at + WORD.type] = type;
        if (isInCell) queue.words[at + WORD.payload_at] = queue.requestAt(slot);
        queue.views.i32[queue.requestAt(slot) / 4] = length;
        queue.ring.show(2, queue.ring.position);
        published++;
      }
      while (received.take() !== undefined);
    }),
    { numRuns: 500 },
  );
  expect(received.count + received.unknown).toBe(published);
  expect([queue.ring.depth, pool.taken]).toEqual([0, 0]);
});
