import { expect, test } from "vitest";

import { decode } from "./decode.ts";
import { COUNTS, INDEX_PLACES, MEMORYLESS } from "./index-attacks.fixture.ts";
import { codeOf, functionModule, refusal } from "./wasm.fixture.ts";

test.each(INDEX_PLACES)("decode() takes the last $space in $place, as V8 does", (row) => {
  const bytes = row.module(row.good);
  expect(refusal(bytes)).toBeUndefined();
  expect(codeOf(() => decode(bytes))).toBeUndefined();
});

test.each(INDEX_PLACES)("decode() is malformed with a $space one too high in $place", (row) => {
  const first = row.place.includes("initialiser") ? 1 : COUNTS[row.space];
  for (const index of [first, first + 1, first + 5, 2 ** 31, 2 ** 32 - 1]) {
    const bytes = row.module(index);
    // V8 13.6 adds one to the label of a catch clause, and takes 2^32 - 1 for the try_table itself.
    const wraps = row.place === "try_table catch_all" && index === 2 ** 32 - 1;
    expect(refusal(bytes) === undefined).toBe(wraps);
    expect({ index, code: codeOf(() => decode(bytes)) }).toEqual({
      index,
      code: "MODULE_MALFORMED",
    });
  }
});

test.each(MEMORYLESS)("decode() is malformed with %s in a module without memory", (_, bytes) => {
  expect(refusal(bytes)).toBeDefined();
  expect(codeOf(() => decode(bytes))).toBe("MODULE_MALFORMED");
});

test("decode() is malformed with a rethrow of a block that is not there", () => {
  expect(codeOf(() => decode(rethrow(0)))).toBeUndefined();
  expect(codeOf(() => decode(rethrow(2)))).toBe("MODULE_MALFORMED");
});

function rethrow(label: number): Uint8Array<ArrayBuffer> {
  return functionModule([0x06, 0x40, 0x19, 0x09, label, 0x0b]);
}
