import { expect, test } from "vitest";

import { pack as CORE } from "../../kernels/pack.ts";
import { idOf, SIZES } from "./case.ts";
import { CASES } from "./cases.ts";

test.each(CORE.kernels.map(({ id }) => id))("CASES has %s at both sizes", (id) => {
  const sizes = CASES.filter(({ kernel }) => kernel === id).map(({ size }) => size);
  expect(new Set(sizes)).toEqual(new Set(SIZES));
});

test("CASES has no kernel that the pack lacks, and no row twice", () => {
  const known = new Set<string>(CORE.kernels.map(({ id }) => id));
  expect(CASES.filter(({ kernel }) => !known.has(kernel))).toEqual([]);
  expect(new Set(CASES.map(idOf)).size).toBe(CASES.length);
});
