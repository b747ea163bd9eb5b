import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { verified } from "../sandbox/kernel.fixture.ts";
import { Chance } from "./chance.ts";
import { caseHash, type CorpusCase, corpusHash, corpusOf } from "./corpus.ts";
import { formatOf } from "./format.ts";
import { blocksHint } from "./hints.ts";
import { filled, FLOAT_STYLES, stylesOf } from "./styles.ts";

const { entry } = await verified(
  {},
  {
    inputs: [
      { name: "x", dtype: "f32", shape: ["rows", "cols"] },
      { name: "codes", dtype: "u8", shape: ["rows", 34] },
      { name: "w", dtype: "bf16", shape: ["cols"] },
    ],
    outputs: [{ name: "y", dtype: "f16", shape: ["rows", "cols"] }],
    params: {
      mode: { type: "u32", default: 2, min: 0, max: 9, values: { none: 0, some: 4, all: 7 } },
      eps: { type: "f32", default: 1e-5, min: 1e-30, max: 1 },
      wide: { type: "i64", default: 5 },
      flag: { type: "bool", default: false },
      scale: { type: "f64", default: 1 },
    },
  },
);

const drawn = (options: Partial<Parameters<typeof corpusOf>[1]> = {}): CorpusCase[] => [
  ...corpusOf(entry, { seed: 1, cases: 60, ...options }),
];

async function hashOf(cases: readonly CorpusCase[]): Promise<string> {
  return corpusHash(await Promise.all(cases.map((each) => caseHash(each))));
}

/** The values of a param. */
const seen = (name: string) => new Set(drawn().map(({ params }) => params[name]));
const isEven = ({ dims }: CorpusCase): boolean => dims["cols"]! % 2 === 0;
const hasNoScale = (bytes: Uint8Array, at: number) => (bytes[at + 1]! & 0x7c) === 0x7c;

function firstOf(seed: number, stream: number): number[] {
  const chance = new Chance(seed, stream);
  return Array.from({ length: 4 }, () => chance.u32());
}

describe("corpusOf()", () => {
  test("draws the same bytes for the same seed, and others for another", async () => {
    const hash = await hashOf(drawn());
    expect(hash).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(await hashOf(drawn())).toBe(hash);
    expect(await hashOf(drawn({ seed: 2 }))).not.toBe(hash);
    expect(await hashOf(drawn({ cases: 59 }))).not.toBe(hash);
  });

  test("keeps its bytes from one version to the next: certificates name them", async () => {
    expect(await hashOf(drawn({ cases: 20, elementsMax: 300 }))).toBe(GOLDEN);
  });

  test("draws each case by itself, whatever came before", () => {
    expect(drawn().slice(0, 7)).toEqual(drawn({ cases: 7 }));
  });

  test("covers every named value, both bounds and the default of each param, and both bools", () => {
    for (const value of [0, 4, 7, 2, 9]) expect(seen("mode")).toContain(value);
    for (const value of [1e-5, 1e-30, 1]) expect(seen("eps")).toContain(value);
    for (const value of [true, false]) expect(seen("flag")).toContain(value);
    for (const value of [5n, 0n, 1n]) expect(seen("wide")).toContain(value);
    expect(seen("mode").size).toBeGreaterThan(1);
    expect(seen("eps").size).toBeGreaterThan(10);
  });

  test("gives references numbers as the params block holds them", () => {
    for (const { params, numbers } of drawn()) {
      expect(numbers["eps"]).toBe(Math.fround(params["eps"] as number));
      expect(numbers["flag"]).toBe(params["flag"] === true ? 1 : 0);
      expect(numbers["wide"]).toBe(params["wide"]);
    }
  });

  test("covers every style of every type, and sizes at the borders of vectors and blocks", () => {
    const cases = drawn({ cases: 400 });
    for (const name of ["x", "w"]) {
      const styles = new Set(cases.map(({ inputs }) => inputs[name]!.style));
      expect([...styles].toSorted()).toEqual(Object.keys(FLOAT_STYLES).toSorted());
    }
    const sizes = new Set(cases.map(({ dims }) => dims["cols"]));
    for (const size of [0, 1, 3, 31, 32, 33, 64, 255]) expect(sizes).toContain(size);
  });

  test("keeps every tensor within its bound, and one symbol the same everywhere", () => {
    const bounds = fc.integer({ min: 1, max: 5000 });
    fc.assert(
      fc.property(fc.integer(), bounds, (seed, elementsMax) => {
        for (const { dims, inputs } of drawn({ seed, cases: 5, elementsMax })) {
          const { x, codes, w } = inputs as Required<typeof inputs>;
          expect(x!.shape).toEqual([dims["rows"], dims["cols"]]);
          expect(codes!.shape[0]).toBe(dims["rows"]);
          expect(w!.data.length).toBe(dims["cols"]);
          expect(x!.data.length).toBeLessThanOrEqual(elementsMax);
        }
      }),
      { numRuns: 40 },
    );
  });

  test("draws again what is not accepted, and keeps some of it", () => {
    const even = drawn({ accepts: isEven }).filter(isEven).length;
    expect(even).toBeGreaterThan(drawn().filter(isEven).length + 10);
    expect(even).toBeLessThan(60);
  });

  test("asks hints for sizes and bytes, and keeps away from styles that they exclude", () => {
    const hints = {
      dims: { cols: ({ dims }: { dims: CorpusCase["dims"] }) => 2 * dims["rows"]! },
      inputs: {
        codes: blocksHint(
          () => 34,
          () => [0],
        ),
      },
      without: { x: ["largest", "not finite"] as const },
    };
    const hinted = drawn({ hints, cases: 200 });
    for (const { dims, inputs } of hinted) {
      expect(dims["cols"]).toBe(2 * dims["rows"]!);
      expect(inputs["codes"]!.style).toBe("hinted");
      expect(["largest", "not finite"]).not.toContain(inputs["x"]!.style);
    }
  });
});

test("blocksHint() makes finite scales, but for a few blocks that are damaged", () => {
  const hint = blocksHint(
    () => 34,
    () => [0],
  );
  let damaged = 0;
  for (let seed = 0; seed < 500; seed++) {
    const context = { chance: new Chance(seed), params: {}, dims: {}, dtype: "u8" } as const;
    const bytes = hint({ ...context, elements: 34 * 4 }) as Uint8Array;
    if ([0, 34, 68, 102].some((at) => hasNoScale(bytes, at))) damaged++;
  }
  expect(damaged).toBeGreaterThan(0);
  expect(damaged).toBeLessThan(60);
});

test.each(["f32", "f16", "bf16"] as const)("styles of %s hold what they say", (dtype) => {
  const { smallestNormal, largest } = formatOf(dtype);
  const sizes = (style: keyof typeof FLOAT_STYLES) => {
    const data = filled(dtype, 500, style, new Chance(1));
    const numbers = dtype === "bf16" ? [...data].map((bits) => bf16(bits)) : [...data];
    return numbers.map(Math.abs);
  };
  expect(Math.max(...sizes("subnormals"))).toBeLessThanOrEqual(smallestNormal);
  expect(sizes("subnormals").filter((size) => size > 0).length).toBeGreaterThan(400);
  expect(Math.max(...sizes("largest"))).toBe(largest);
  expect(sizes("not finite").some(Number.isNaN)).toBe(true);
  expect(sizes("not finite")).toContain(Infinity);
  expect(new Set(sizes("zeros"))).toEqual(new Set([0]));
  expect(new Set(sizes("constant")).size).toBe(1);
  expect(stylesOf(dtype)).toHaveLength(Object.keys(FLOAT_STYLES).length);
});

const bf16 = (bits: number): number => new Float32Array(Uint32Array.of(bits << 16).buffer)[0]!;

test("Chance is the same everywhere, spreads evenly, and differs between streams", () => {
  expect(firstOf(1, 0)).toEqual(firstOf(1, 0));
  expect(firstOf(1, 0)).not.toEqual(firstOf(1, 1));
  expect(firstOf(1, 0)).not.toEqual(firstOf(2, 0));
  const chance = new Chance(9);
  const counts = Array.from({ length: 10 }, () => 0);
  for (let i = 0; i < 10_000; i++) counts[chance.below(10)]!++;
  for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(150);
  const bells = Array.from({ length: 10_000 }, () => chance.bell());
  const mean = bells.reduce((sum, value) => sum + value, 0) / bells.length;
  const variance = bells.reduce((sum, value) => sum + value * value, 0) / bells.length;
  expect(Math.abs(mean)).toBeLessThan(0.05);
  expect(variance).toBeCloseTo(1, 1);
});

/** Changes only when the corpus does, and then every certificate is of another corpus. */
const GOLDEN = "sha256:ccba70df1e9ba667b8b5fb9d31756f05af99e75b2d9634562c54b11401bfb970";
