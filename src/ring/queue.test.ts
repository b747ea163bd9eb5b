import { expect, test } from "vitest";

import { LANE_CURSORS, ringGeometry } from "../layout/mod.ts";
import { explore } from "./interleavings.fixture.ts";
import { Queue } from "./queue.ts";

const TURNS = LANE_CURSORS.bytes / 4;
const OWNERS = TURNS + 2;
const RUN_ENDS = OWNERS + 2;
const PAYLOAD = RUN_ENDS + 2;

/** Two slots, their cursors and one word of payload each: no more than a queue touches. */
function twoSlots(first: number) {
  const words = new Int32Array(PAYLOAD + 2);
  words[LANE_CURSORS.fields.tail.at / 4] = first;
  words[LANE_CURSORS.fields.head.at / 4] = first;
  for (const i of [0, 1]) words[TURNS + ((first + i) & 1)] = first + i;
  const geometry = {
    ...ringGeometry({ slots: 2 }),
    cursorsAt: 0,
    laneStarts: [0, 2, 2, 2, 2, 2] as const,
  };
  const sides = { ...geometry.sides, turn: TURNS * 4, owner: OWNERS * 4, run_end: RUN_ENDS * 4 };
  const queue = new Queue(words, { ...geometry, sides }, 0);
  /** Publishes these items as one run: the items, or none when there is no room. */
  const offer = (...items: number[]) => {
    if (!queue.reserve(items.length)) return [];
    const { position } = queue;
    for (const [i, item] of items.entries()) words[PAYLOAD + queue.slot(position + i)] = item;
    queue.show(position, items.length);
    return items;
  };
  /** Claims up to `most` slots and frees them: what was in them. */
  const take = (owner: number, most: number) => {
    const count = queue.claim(owner, most);
    const { position } = queue;
    const slots = Array.from({ length: count }, (_, i) => queue.slot(position + i));
    const items = slots.map((slot) => Atomics.load(words, PAYLOAD + slot));
    for (const slot of slots) queue.release(slot);
    return items;
  };
  return { words, queue, offer, take };
}

/** Ends with what is left taken out, and fails unless each item came out once and in its order. */
function nothingLost(results: readonly (readonly unknown[])[], rest: readonly number[]): void {
  const [a, b, c, d] = results.map((list) => list.flat() as number[]);
  const out = [...c!, ...d!, ...rest];
  expect(out.toSorted()).toEqual([...a!, ...b!].toSorted());
  for (const taken of [c!, d!])
    for (const one of [a!, b!]) {
      const own = taken.filter((item) => one.includes(item));
      expect(own).toEqual(own.toSorted());
    }
}

test.each([0, -2])("Queue loses and doubles nothing in any order, from position %i on", (first) => {
  const { words, offer, take } = twoSlots(first);
  const states = explore(
    words,
    [
      [() => offer(10), () => offer(11)],
      [() => offer(20, 21)],
      [() => take(1, 1)],
      [() => take(2, 2)],
    ],
    (results) => nothingLost(results, [...take(3, 2), ...take(3, 2)]),
  );
  expect(states).toBeGreaterThan(1000);
});

test("Queue is full after its slots and empty after its items, across the wrap at 2^32", () => {
  const { queue, offer, take } = twoSlots(-2);
  for (let lap = 0; lap < 5; lap++) {
    expect(offer(lap, lap + 100)).toHaveLength(2);
    expect(offer(7)).toEqual([]);
    expect(take(1, 2)).toEqual([lap, lap + 100]);
    expect(take(1, 2)).toEqual([]);
  }
  expect(queue.reserve(3)).toBe(false);
});

test("Queue refuses a lane of one slot, whose full and free turns would be the same", () => {
  const geometry = { ...ringGeometry({ slots: 2 }), laneStarts: [0, 0, 0, 1, 1, 1] as const };
  expect(() => new Queue(new Int32Array(4096), geometry, 2)).toThrow(/2 slots or more/);
});

test("Queue: a head that a dead executor left behind is moved on by the next", () => {
  const { words, queue, offer, take } = twoSlots(0);
  offer(1, 2);
  words[OWNERS] = 9; // Owned, and then nothing more.
  expect(take(1, 2)).toEqual([2]);
  expect(queue.claim(1, 2)).toBe(0);
  queue.release(0);
  expect(offer(3)).toEqual([3]);
  expect(take(1, 1)).toEqual([3]);
});
