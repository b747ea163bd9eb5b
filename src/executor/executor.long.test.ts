// Each executor against the oracle on 20,000 random programs: half a minute each.

import * as fc from "fast-check";
import { test } from "vitest";

import { conform } from "./conformance.fixture.ts";
import { EXECUTORS, programs } from "./programs.fixture.ts";

test.each(Object.entries(EXECUTORS))(
  "Executor, %s on its side, leaves the words of any program as the oracle does",
  (_, one) => {
    fc.assert(
      fc.property(programs(), (any) => void conform(one, any)),
      { numRuns: 20_000 },
    );
  },
);
