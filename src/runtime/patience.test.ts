// What Patience must grant.

import { expect, test } from "vitest";
import { Patience } from "./patience.ts";

test("Patience halves with each look in vain, down to a sixteenth, and is whole again after one that was not", () => {
  const patience = new Patience(3200);
  const granted: number[] = [];
  for (let i = 0; i < 6; i++) {
    granted.push(patience.looks);
    patience.heard(false);
  }
  expect(granted).toEqual([3200, 1600, 800, 400, 200, 200]);
  patience.heard(true);
  expect(patience.looks).toBe(3200);
});

test("Patience of no looks stays none, and of the most stays whole while answers come", () => {
  const none = new Patience(0);
  none.heard(false);
  none.heard(true);
  expect(none.looks).toBe(0);
  const most = new Patience(2 ** 31 - 1);
  most.heard(true);
  expect(most.looks).toBe(2 ** 31 - 1);
  most.heard(false);
  expect(most.looks).toBe(2 ** 30 - 1);
});
