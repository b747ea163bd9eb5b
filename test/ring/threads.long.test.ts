// Threads over small rings that are always full or empty: two million items each, and storms of bells.

import { expect, test } from "vitest";

import { IDLE } from "../../src/ring/mod.ts";
import { contest } from "./threads.fixture.ts";

test.each([
  [2, 2, 16, 1, IDLE.spinThenWait],
  [2, 1, 16, 1, IDLE.spinThenWait],
  [1, 2, 16, 1, IDLE.spinThenWait],
  [1, 1, 16, 1, IDLE.spinThenWait],
  [2, 2, 64, 5, IDLE.spinThenWait],
  [1, 1, 64, 5, IDLE.spinThenWait],
  [2, 2, 16, 1, IDLE.wait],
  [3, 3, 64, 5, IDLE.wait],
] as const)(
  "Ring: %i publishing and %i executing threads over %i slots in %i lanes, waiting as %o",
  async (publishers, executors, slots, lanes, idle) => {
    const items = (idle.spins === 0 ? 240_000 : 2_000_000) / publishers;
    const outcome = await contest({ publishers, executors, slots, lanes, items, idle });
    expect(outcome.runs.every((count) => count === 1)).toBe(true);
    expect(outcome).toMatchObject({ total: publishers * items, outOfOrder: 0 });
  },
);
