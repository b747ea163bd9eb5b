// Safetensors in parts: the same tensors as of the whole file, and no byte read that is not needed.

import * as fc from "fast-check";
import { expect, test } from "vitest";
import { Failure, TENSOR_LIMITS } from "../base/mod.ts";
import { failureIn, failureOf } from "../pack/failure-of.fixture.ts";
import { openSafetensors, writeSafetensors } from "./safetensors.ts";
import { openSafetensorsParts, type Parts } from "./safetensors-parts.ts";

const FILE = writeSafetensors(
  [
    ["a", { dtype: "f32", shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) }],
    ["b", { dtype: "f16", shape: [3], data: Float16Array.of(1, 2, 3) }],
    ["c", { dtype: "i8", shape: [5], data: Int8Array.of(1, 2, 3, 4, 5) }],
  ],
  { metadata: { made: "here" } },
);

function partsOf(file: Uint8Array) {
  const ranges: (readonly [at: number, bytes: number])[] = [];
  const parts: Parts = {
    bytes: file.length,
    read: async (at, bytes) => {
      expect(at + bytes).toBeLessThanOrEqual(file.length);
      ranges.push([at, bytes]);
      return file.slice(at, at + bytes);
    },
  };
  return { parts, ranges };
}

test("openSafetensorsParts() gives what openSafetensors() gives", async () => {
  const whole = openSafetensors(FILE);
  const file = await openSafetensorsParts(partsOf(FILE).parts);
  expect(file.entries).toEqual(whole.entries);
  expect(file.metadata).toEqual(whole.metadata);
  for (const name of whole.entries.keys()) {
    expect(await file.get(name)).toEqual(whole.get(name));
    expect(file.dtype(name)).toBe(whole.get(name).dtype);
  }
  expect((await failureIn(file.get("d"))).code).toBe("TENSOR_NOT_FOUND");
  expect(failureOf(() => file.dtype("d")).code).toBe("TENSOR_NOT_FOUND");
});

test("openSafetensorsParts() reads the header alone, and get() its tensor alone", async () => {
  const { parts, ranges } = partsOf(FILE);
  const file = await openSafetensorsParts(parts);
  const { start, end } = file.entries.get("b")!;
  const dataAt = Math.min(...[...file.entries.values()].map((entry) => entry.start));
  expect(ranges).toEqual([
    [0, 8],
    [0, dataAt],
  ]);
  await file.get("b");
  expect(ranges.at(-1)).toEqual([start, end - start]);
});

test("openSafetensorsParts() refuses what openSafetensors() refuses", async () => {
  const change = fc.record({
    at: fc.nat(FILE.length - 1),
    to: fc.nat(255),
    cut: fc.nat(FILE.length),
  });
  await fc.assert(
    fc.asyncProperty(change, fc.boolean(), async ({ at, to, cut }, cuts) => {
      const file = cuts ? FILE.slice(0, cut) : FILE.with(at, to);
      const whole = codeOf(() => openSafetensors(file));
      const parts = await openSafetensorsParts(partsOf(file).parts).then(
        () => "opened",
        (error: unknown) => (error as Failure).code,
      );
      expect(parts).toBe(whole);
    }),
    { numRuns: 500 },
  );
});

function codeOf(open: () => unknown): string {
  try {
    open();
    return "opened";
  } catch (error) {
    if (error instanceof Failure) return error.code;
    throw error;
  }
}

test("openSafetensorsParts() does not read a header beyond the limit to refuse it", async () => {
  const file = new Uint8Array(64);
  const { parts, ranges } = partsOf(file);
  new DataView(file.buffer).setBigUint64(0, BigInt(TENSOR_LIMITS.headerBytesMax + 1), true);
  const claimed = { ...parts, bytes: 2 ** 40 };
  expect((await failureIn(openSafetensorsParts(claimed))).code).toBe("TENSOR_FILE_TOO_LARGE");
  expect(ranges).toEqual([
    [0, 8],
    [0, 8],
  ]);
});
