// The committed pack on a large corpus, with sizes up to 64 Ki numbers and many seeds.

import { afterAll, describe, expect, test } from "vitest";
import { checkBudget, fuzzKernel, judge } from "../src/testing.node.ts";
import { CORE_KERNELS, endCore, metered, subjectOf } from "./certificates.fixture.ts";

afterAll(endCore);

describe.each(CORE_KERNELS)("%s", (id) => {
  test.each([1, 2, 3, 4])("lies within its accuracy of its reference, seed %i", async (seed) => {
    for (const { tested, reference, hints } of await subjectOf(id)) {
      const options = { seed, cases: 1000, hints, elementsMax: seed === 4 ? 65_536 : 4096 };
      expect((await judge(tested, reference, options)).compared).toBeGreaterThan(500);
    }
  });

  test("returns a code or stops, and writes nowhere else, whatever it is given", async () => {
    for (const { tested, hints } of metered(await subjectOf(id)))
      expect(fuzzKernel(tested, { seed: 5, inputs: 20_000, hints }).inputs).toBe(20_000);
  });

  test("ends in time, can be stopped, and works again", async () => {
    for (const { tested, hints } of await subjectOf(id)) await checkBudget(tested, { hints });
  });
});
