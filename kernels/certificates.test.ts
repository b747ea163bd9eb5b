// The committed pack keeps its word: every kernel, in every variant that this engine runs, on a small
// corpus here and on a large one in `certificates.long.test.ts`.

import { afterAll, describe, expect, test } from "vitest";
import { fuzzKernel, judge } from "../src/testing.node.ts";
import { CORE_KERNELS, endCore, metered, subjectOf } from "./certificates.fixture.ts";

afterAll(endCore);

describe.each(CORE_KERNELS)("%s", (id) => {
  test("lies within its accuracy of its reference", async () => {
    for (const { tested, reference, hints } of await subjectOf(id)) {
      const { compared } = await judge(tested, reference, { seed: 20, cases: 40, hints });
      expect(compared).toBeGreaterThan(20);
    }
  });

  test("returns a code or stops, and writes nowhere else, whatever it is given", async () => {
    for (const { tested, hints } of metered(await subjectOf(id))) {
      const { codes } = fuzzKernel(tested, { seed: 21, inputs: 200, hints });
      expect(codes["OK"]).toBeGreaterThan(10);
    }
  });
});
