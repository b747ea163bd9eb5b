import * as fc from "fast-check";
import { expect, test } from "vitest";
import { PARAM_TYPES, type ParamType } from "./param-value.ts";
import { type ParamDeclaration, paramBytes, paramsLayout } from "./params.ts";

test("paramsLayout() keeps manifest order, aligns each value, and puts dimensions last", () => {
  const layout = paramsLayout({
    params: { flag: { type: "bool" }, scale: { type: "f64" }, eps: { type: "f32", default: 1e-5 } },
    inputs: [
      { name: "x", shape: ["batch", "seq", 64] },
      { name: "freqs", shape: ["seq", "half"] },
    ],
    outputs: [{ name: "y", shape: ["batch", "out"] }],
  });
  expect(layout.params.map(({ name, at, bytes }) => [name, at, bytes])).toEqual([
    ["flag", 0, 4],
    ["scale", 8, 8],
    ["eps", 16, 4],
  ]);
  expect(layout.dims).toEqual([
    { name: "batch", at: 20 },
    { name: "seq", at: 24 },
    { name: "half", at: 28 },
    { name: "out", at: 32 },
  ]);
  expect(layout.bytes).toBe(40); // 36, rounded up to the alignment of the f64.
  expect(layout.align).toBe(8);
});

test("paramsLayout() of a kernel without params and symbols is empty, aligned to 4", () => {
  const layout = paramsLayout({ params: {}, inputs: [{ name: "x", shape: [4] }], outputs: [] });
  expect(layout).toMatchObject({ bytes: 0, align: 4, params: [], dims: [] });
});

test("paramsLayout() parses defaults and bounds, and 64-bit ones keep every digit", () => {
  const { params } = paramsLayout({
    params: {
      seed: { type: "u64", default: "18446744073709551615", min: 0 },
      steps: { type: "i64", default: -(2n ** 63n) },
    },
    inputs: [],
    outputs: [],
  });
  expect(params[0]).toMatchObject({ default: 2n ** 64n - 1n, min: 0n, max: undefined });
  expect(params[1]).toMatchObject({ default: -(2n ** 63n) });
});

const declare = (declared: ParamDeclaration) => () =>
  paramsLayout({ params: { eps: declared }, inputs: [], outputs: [] });

test("paramsLayout() refuses a default of another type, naming it", () => {
  expect(declare({ type: "f32", default: "1e-5" })).toThrow("params/eps/default");
  expect(declare({ type: "i32", default: 1, max: 2 ** 31 })).toThrow("params/eps/max");
});

test("paramsLayout() refuses a name of digits, whose order JavaScript does not keep", () => {
  expect(() => paramsLayout({ params: { "7": { type: "f32" } }, inputs: [], outputs: [] })).toThrow(
    "digits only",
  );
});

test("paramsLayout() places every value aligned, in order, disjoint and within the block", () => {
  const types = fc.array(fc.constantFrom<ParamType>(...PARAM_TYPES), { maxLength: 12 });
  const dims = fc.array(fc.constantFrom("a", "b", "c", "d", 3), { maxLength: 6 });
  fc.assert(
    fc.property(types, dims, (kinds, shape) => {
      const declared = kinds.map((type, index) => [`p${index}`, { type }] as const);
      const layout = paramsLayout({
        params: Object.fromEntries(declared),
        inputs: [{ name: "x", shape }],
        outputs: [],
      });
      const spans = [...layout.params, ...layout.dims.map(({ at }) => ({ at, bytes: 4 }))];
      let end = 0;
      for (const { at, bytes } of spans) {
        expect(at).toBeGreaterThanOrEqual(end);
        expect(at % bytes).toBe(0);
        expect(at - end).toBeLessThan(8); // Never more padding than alignment needs.
        end = at + bytes;
      }
      expect(layout.params.map(({ type }) => type)).toEqual(kinds);
      expect(layout.bytes % layout.align).toBe(0);
      expect(layout.bytes - end).toBeGreaterThanOrEqual(0);
      expect(layout.bytes - end).toBeLessThan(layout.align);
    }),
  );
});

test("paramBytes() counts a bool as a u32", () => {
  expect(PARAM_TYPES.map((type) => paramBytes(type))).toEqual([4, 8, 4, 8, 4, 8, 4]);
});
