// As random.test.ts, over many more modules and in every way.

import { expect, test } from "vitest";

import { expectSameBoundaries, expectTransparent, moduleOfSeed } from "./random.ts";

const SEED = 1_000_000;
const MODULES = 3000;

test(`instrument() keeps what ${MODULES} random modules do`, async () => {
  let compared = 0;
  for (let seed = SEED; seed < SEED + MODULES; seed++) {
    const bytes = await moduleOfSeed(seed);
    expectSameBoundaries(bytes, seed);
    compared += expectTransparent(bytes, `seed ${seed}`);
  }
  expect(compared).toBeGreaterThan(MODULES * 5);
});
