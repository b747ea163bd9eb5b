import { expect, test } from "vitest";

import { entriesOf, inTurns, type Speaker } from "./speaker.ts";

const WHAT = { ids: [1, 2], tokens: 3 };
const EXPECTED = [7, 8, 9];

function speaker(name: string, order: string[], ids: readonly number[] = EXPECTED): Speaker {
  return {
    name,
    speak: async () => {
      order.push(name);
      return { ids, promptNs: 20, textNs: name === "a" ? 20 : 40 };
    },
    [Symbol.asyncDispose]: async () => {},
  };
}

test("inTurns() lets another one begin each round, after a round that is not timed", async () => {
  const order: string[] = [];
  const times = await inTurns([speaker("a", order), speaker("b", order)], WHAT, EXPECTED, 2);
  expect(order.join("")).toBe("abbaab");
  expect(times).toEqual([
    { name: "a", prompt: [10, 10], text: [10, 10] },
    { name: "b", prompt: [10, 10], text: [20, 20] },
  ]);
});

test("inTurns() fails where one says something else", async () => {
  const wrong = [speaker("a", []), speaker("b", [], [7, 8])];
  await expect(inTurns(wrong, WHAT, EXPECTED, 1)).rejects.toThrow("b says something else");
});

test("entriesOf() divides the first one's times by those of the others", async () => {
  const times = await inTurns([speaker("a", []), speaker("b", [])], WHAT, EXPECTED, 3);
  const [first, second] = entriesOf(times, "text");
  expect(first).toMatchObject({ medianNs: 10, samples: 3 });
  expect(first).not.toHaveProperty("firstOverThis");
  expect(second).toMatchObject({ medianNs: 20, firstOverThis: 0.5 });
});
