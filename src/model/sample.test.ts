import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { failureOf } from "../pack/failure-of.fixture.ts";
import { likeliest, randomFrom, samplerOf, xoshiro128 } from "./sample.ts";

const half = () => 0.5;
const logitsOf = (...values: number[]) => Float32Array.from(values);

test("xoshiro128() gives its authors' numbers", () => {
  const next = xoshiro128(Uint32Array.of(1, 2, 3, 4));
  expect(Array.from({ length: 5 }, next)).toEqual([
    11_520, 0, 5_927_040, 70_819_200, 2_031_721_883,
  ]);
});

test("randomFrom() gives the same numbers for a seed, others for another, all below one", () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.maxSafeNat(), (a, b) => {
      const first = Array.from({ length: 8 }, randomFrom(a));
      expect(Array.from({ length: 8 }, randomFrom(a))).toEqual(first);
      expect(first.every((value) => value >= 0 && value < 1)).toBe(true);
      if (a !== b) expect(Array.from({ length: 8 }, randomFrom(b))).not.toEqual(first);
    }),
  );
});

describe("likeliest()", () => {
  test("is the first of the largest, and passes over what is not a number", () => {
    expect(likeliest(logitsOf(1, 3, 3, 2))).toBe(1);
    expect(likeliest(logitsOf(NaN, 1, NaN, 2))).toBe(3);
    expect(likeliest(logitsOf(-Infinity, -1))).toBe(1);
  });

  test("fails where no logit is a number, at any temperature", () => {
    for (const temperature of [0, 1]) {
      const sample = samplerOf({ temperature, topP: 1, random: half });
      expect(failureOf(() => sample(logitsOf(NaN, NaN))).code).toBe("LOGITS_INVALID");
      expect(sample(logitsOf(NaN, -1))).toBe(1);
    }
  });
});

/** How often of 5000 the likelier of two tokens is drawn. */
function share(temperature: number): number {
  const sample = samplerOf({ temperature, topP: 1, random: randomFrom(5) });
  const logits = logitsOf(0, 1);
  return Array.from({ length: 5000 }, () => sample(logits)).filter((id) => id === 1).length;
}

function never(): never {
  throw new Error("nothing is left to chance");
}

describe("samplerOf()", () => {
  test("takes the likeliest at temperature 0, without chance", () => {
    const sample = samplerOf({ temperature: 0, topP: 1, random: never });
    expect(sample(logitsOf(0, 5, 1))).toBe(1);
  });

  test("draws each token as often as its share", () => {
    const sample = samplerOf({ temperature: 1, topP: 1, random: randomFrom(3) });
    const logits = logitsOf(Math.log(1), Math.log(2), Math.log(7));
    const counts = [0, 0, 0];
    for (let i = 0; i < 20_000; i++) counts[sample(logits)]!++;
    expect(counts.map((count) => Math.round(count / 200) / 100)).toEqual([0.1, 0.2, 0.7]);
  });

  test("draws more evenly the higher the temperature", () => {
    expect(share(0.2)).toBeGreaterThan(share(1));
    expect(share(1)).toBeGreaterThan(share(10));
  });

  test("draws from the fewest tokens that have the share of top-p", () => {
    const logits = logitsOf(Math.log(1), Math.log(5), Math.log(4), Math.log(0.5));
    for (const [topP, allowed] of [
      [0.4, [1]],
      [0.8, [1, 2]],
      [0.9, [0, 1, 2]],
      [1, [0, 1, 2, 3]],
    ] as const) {
      const sample = samplerOf({ temperature: 1, topP, random: randomFrom(7) });
      const drawn = new Set(Array.from({ length: 2000 }, () => sample(logits)));
      expect([...drawn].sort()).toEqual(allowed);
    }
  });

  test("draws a token with a share for any logits and any chance", () => {
    const logit = fc.oneof(fc.float(), fc.constant(-Infinity));
    const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    const topP = fc.double({ min: 0.01, max: 1, noNaN: true });
    fc.assert(
      fc.property(fc.array(logit, { minLength: 1 }), chance, topP, (values, drawn, share) => {
        const logits = logitsOf(...values);
        fc.pre(!logits.every(Number.isNaN));
        const id = samplerOf({ temperature: 1, topP: share, random: () => drawn })(logits);
        expect(id).toBeGreaterThanOrEqual(0);
        expect(id).toBeLessThan(logits.length);
        const some = logits.some((value) => !Number.isNaN(value) && value > -Infinity);
        if (some) expect(logits[id]).toBeGreaterThan(-Infinity);
      }),
    );
  });
});
