import { describe, expect, test } from "vitest";
import { Failure } from "../base/mod.ts";
import { ropeAngles, ropeFrequencies, type RopeScaling } from "./mod.ts";

const MODEL = { dims: 128, theta: 1e4 };
const of = (scaling?: RopeScaling, length = 0) => ropeFrequencies({ ...MODEL, scaling, length });
const plain = of().frequencies;

/** What a rule makes of each frequency, as a ratio. */
function ratios(scaling: RopeScaling, theta = 1e4): Float64Array {
  const before = ropeFrequencies({ ...MODEL, theta }).frequencies;
  return ropeFrequencies({ ...MODEL, theta, scaling }).frequencies.map((w, i) => w / before[i]!);
}

describe("ropeFrequencies()", () => {
  test("gives theta^(-2i / dims) of those that turn, where upstream's kernel ignores theta", () => {
    expect(plain.length).toBe(64);
    expect(plain[0]).toBe(1);
    expect(plain[32]).toBeCloseTo(0.01, 15);
    expect(ropeFrequencies({ dims: 4, theta: 1e4 }).frequencies[1]).toBeCloseTo(0.01, 15);
  });

  test("linear: divides every frequency, where upstream interpolates between cosines", () => {
    expect(of({ rule: "linear", factor: 8 }).frequencies).toEqual(plain.map((w) => w / 8));
  });

  test("ntk: leaves the quickest pair, and slows the last by the factor", () => {
    const ratio = ratios({ rule: "ntk", factor: 4 });
    expect(ratio[0]).toBe(1);
    expect(ratio[63]).toBeCloseTo(1 / 4, 12);
    const theta = 1e4 * 4 ** (128 / 126);
    expect(of({ rule: "ntk", factor: 4 }).frequencies[9]).toBeCloseTo(theta ** (-18 / 128), 14);
  });

  test("dynamic: is plain up to the trained length, and follows the length beyond", () => {
    const scaling = { rule: "dynamic", factor: 2, trained: 2048 } as const;
    for (const length of [0, 1, 2047, 2048]) expect(of(scaling, length).frequencies).toEqual(plain);
    const theta = 1e4 * ((2 * 4096) / 2048 - 1) ** (128 / 126);
    expect(of(scaling, 4096).frequencies[20]).toBeCloseTo(theta ** (-40 / 128), 14);
    expect(of(scaling, 4097).frequencies[20]).toBeLessThan(of(scaling, 4096).frequencies[20]!);
    expect(of(scaling, 100).frequencies).toEqual(plain); // Reset by a shorter sequence.
  });

  test("yarn: gives the golden ratios and attention factor, where upstream has none", () => {
    const scaling = { rule: "yarn", factor: 16, trained: 4096 } as const;
    const ratio = ratios(scaling);
    const golden = {
      0: 1,
      20: 1,
      21: 0.963942,
      30: 0.639423,
      40: 0.278846,
      46: 0.0625,
      63: 0.0625,
    };
    for (const [i, value] of Object.entries(golden)) expect(ratio[Number(i)]).toBeCloseTo(value, 6);
    expect(of(scaling).scale).toBeCloseTo(1.2772589, 7);
    expect(of({ ...scaling, attentionFactor: 1.5 }).scale).toBe(1.5);
    expect(of({ ...scaling, mscale: 1, mscaleAllDim: 1 }).scale).toBe(1);
    expect(of({ ...scaling, mscale: 0.5, mscaleAllDim: 1 }).scale).toBeLessThan(1);
    expect(of({ ...scaling, factor: 1 }).scale).toBe(1);
  });

  test("yarn: has a ramp also where both its ends are one pair", () => {
    const ratio = ratios({ rule: "yarn", factor: 4, trained: 100, betaFast: 1, betaSlow: 1 });
    expect([...ratio].every((value) => value >= 1 / 4 && value <= 1)).toBe(true);
  });

  test("llama3: gives the golden ratios, where upstream only changes theta", () => {
    const ratio = ratios({ rule: "llama3" }, 5e5);
    expect(ratio.slice(0, 29)).toEqual(new Float64Array(29).fill(1));
    const golden = { 29: 0.828168, 30: 0.643743, 32: 0.371122, 34: 0.190211 };
    for (const [i, value] of Object.entries(golden)) expect(ratio[Number(i)]).toBeCloseTo(value, 6);
    expect([...ratio.slice(35)].every((value) => Math.abs(value - 0.125) < 1e-15)).toBe(true);
  });

  test("longrope: takes the short list up to the trained length, and the long one beyond", () => {
    const [short, long] = [plain.map(() => 1.5), plain.map(() => 3)];
    const scaling = { rule: "longrope", short, long, trained: 4096, factor: 32 } as const;
    expect(of(scaling, 4096).frequencies).toEqual(plain.map((w) => w / 1.5));
    expect(of(scaling, 4097).frequencies).toEqual(plain.map((w) => w / 3));
    expect(of(scaling).scale).toBeCloseTo(Math.sqrt(1 + Math.log(32) / Math.log(4096)), 15);
    expect(of({ ...scaling, factor: 1 }).scale).toBe(1);
  });

  test("divisors: divides pair by pair, as GGUF ships llama3's rule", () => {
    const ratio = ratios({ rule: "llama3" }, 5e5);
    const divisors = Float32Array.from(ratio, (value) => 1 / value);
    const shipped = ratios({ rule: "divisors", divisors }, 5e5);
    shipped.forEach((value, i) => expect(Math.abs(value / ratio[i]! - 1)).toBeLessThan(1e-7));
  });

  test.each<[string, () => unknown]>([
    ["odd dims", () => ropeFrequencies({ dims: 7, theta: 1e4 })],
    ["no theta", () => ropeFrequencies({ dims: 8, theta: 0 })],
    ["a factor of 0", () => of({ rule: "linear", factor: 0 })],
    ["a factor that is no number", () => of({ rule: "yarn", factor: NaN, trained: 4096 })],
    ["too few divisors", () => of({ rule: "divisors", divisors: [1] })],
    ["a divisor of 0", () => of({ rule: "divisors", divisors: new Float32Array(64) })],
    ["half a position", () => ropeAngles(plain, [0.5])],
  ])("refuses %s", (_, act) => {
    expect(act).toThrow(Failure);
  });
});

/** How far f32 products lie from the angles of a position, in radians. */
function worstAt(position: number): number {
  const angles = ropeAngles(plain, [position], "hf-f32");
  return Math.max(...angles.map((angle, i) => Math.abs(angle - position * plain[i]!)));
}

describe("ropeAngles()", () => {
  test("has a row for every position, in any order", () => {
    const angles = ropeAngles(Float64Array.of(1, 0.5), [2, 0, 2]);
    expect(angles).toEqual(Float32Array.of(2, 1, 0, 0, 2, 1));
  });

  test("exact: turns as the f64 angle does within 3e-7, at any position", () => {
    for (const position of [1, 4096, 131_071, 2 ** 40]) {
      const angles = ropeAngles(plain, [position]);
      angles.forEach((angle, i) => {
        expect(Math.abs(angle)).toBeLessThanOrEqual(Math.fround(Math.PI));
        if (position < 2 ** 20)
          expect(Math.abs(Math.sin(angle) - Math.sin(position * plain[i]!))).toBeLessThan(3e-7);
      });
    }
  });

  test("hf-f32: is off by as much as f32 products are, and no more", () => {
    expect(worstAt(4096)).toBeLessThan(2.5e-4);
    expect(worstAt(32_768)).toBeLessThan(2e-3);
    expect(worstAt(131_071)).toBeLessThan(8e-3);
    expect(worstAt(131_071)).toBeGreaterThan(1e-3);
  });

  test("gives every scaled position an angle of its own, where upstream lets 32 share one", () => {
    const { frequencies } = of({ rule: "linear", factor: 32 });
    const angles = ropeAngles(
      frequencies.subarray(0, 1),
      Array.from({ length: 64 }, (_, p) => p),
    );
    expect(new Set(angles).size).toBe(64);
  });
});
