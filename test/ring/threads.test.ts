import { expect, test } from "vitest";

import { IDLE } from "../../src/ring/mod.ts";
import { contest } from "./threads.fixture.ts";

const ITEMS = 20_000;

test.each([
  [2, 2, 16, 1],
  [2, 1, 16, 1],
  [1, 2, 16, 1],
  [1, 1, 64, 1],
  [2, 2, 64, 5],
] as const)(
  "Ring: %i publishing and %i executing threads over %i slots in %i lanes run every item once, in order",
  async (publishers, executors, slots, lanes) => {
    const outcome = await contest({ publishers, executors, slots, lanes, items: ITEMS });
    expect(outcome.runs.every((count) => count === 1)).toBe(true);
    expect(outcome).toMatchObject({ total: publishers * ITEMS, outOfOrder: 0 });
  },
);

test("Ring wakes whoever sleeps, at once and every time, through a storm of 4000 bells", async () => {
  const storm = { publishers: 1, executors: 2, slots: 8, items: 4000, idle: IDLE.wait };
  expect(await contest(storm)).toMatchObject({ total: 4000, outOfOrder: 0 });
});
