// The ring's model with a death and a wrap of its lane: a minute, and 1.4 GB.

import { expect, test } from "vitest";

import { because, withoutSpin } from "../toolchains.fixture.ts";
import { exploreModel } from "./spin.fixture.ts";

const missing = withoutSpin();

test.skipIf(missing !== undefined)(
  `ring.pml settles everything when one of two executors dies between any two steps${because(missing)}`,
  () => {
    const explored = exploreModel("DEATH", "ITEMS=3");
    expect(explored).toMatchObject({ error: undefined, cut: false });
    expect(explored.states).toBeGreaterThan(10_000_000);
  },
  600_000,
);
