import { expect, test } from "vitest";
import { failureOf } from "../pack/failure-of.fixture.ts";
import { f32ToBf16 } from "../tensor/mod.ts";
import { compareTensors, merged } from "./compare.ts";
import { printUlpReport } from "./report.ts";

const f32 = (...values: number[]) => Float32Array.of(...values);
const f64 = (...values: number[]) => Float64Array.of(...values);

test("compareTensors() finds nothing between equal tensors, 0 and -0 included", () => {
  const found = compareTensors(f32(1, 0, -0, Infinity, NaN), f64(1, -0, 0, Infinity, NaN), "f32");
  expect(found).toMatchObject({ maxAbs: 0, maxRel: 0, maxUlp: 0, maxRow: 0, share: 0, counted: 5 });
  expect(found.worst).toBeUndefined();
});

test("compareTensors() gives a rounded number at most half an ULP of the unrounded one", () => {
  const exact = Float64Array.from({ length: 1000 }, (_, i) => Math.exp(i / 20 - 25) / 3);
  const { maxUlp } = compareTensors(Float32Array.from(exact), exact, "f32");
  expect(maxUlp).toBeLessThanOrEqual(0.5);
  expect(maxUlp).toBeGreaterThan(0.4);
  const half = compareTensors(Float16Array.from(exact), exact, "f16");
  expect(half.maxUlp).toBeLessThanOrEqual(0.5);
});

test.each([
  ["f32", f32(1 + 2 ** -23), f64(1)],
  ["f32", f32(2 ** -149), f64(0)],
  ["f16", Float16Array.of(1 + 2 ** -10), f64(1)],
  ["f16", Float16Array.of(2 ** -24), f64(0)],
  ["bf16", Uint16Array.of(f32ToBf16(1 + 2 ** -7)), f64(1)],
  ["i32", Int32Array.of(41), Int32Array.of(42)],
  ["u8", Uint8Array.of(0), Uint8Array.of(1)],
] as const)("compareTensors() counts neighbours in %s as one ULP apart", (dtype, one, two) => {
  expect(compareTensors(one, two, dtype).maxUlp).toBe(1);
});

test("compareTensors() counts what is too large for the type as the power of two beyond it", () => {
  const largest = (2 - 2 ** -23) * 2 ** 127;
  expect(compareTensors(f32(Infinity), f64(1e300), "f32").maxUlp).toBe(0);
  expect(compareTensors(f32(largest), f64(1e300), "f32").maxUlp).toBe(1);
  expect(compareTensors(f32(Infinity), f64(largest), "f32").maxUlp).toBe(1);
  expect(compareTensors(f32(Infinity), f64(largest + 2 ** 103), "f32").maxUlp).toBe(0);
  expect(compareTensors(f32(-Infinity), f64(1e300), "f32").maxUlp).toBeGreaterThan(2 ** 24);
  expect(compareTensors(Float16Array.of(Infinity), f64(65_519), "f16").maxUlp).toBeLessThan(1);
});

test.each([
  [NaN, 1],
  [1, NaN],
  [NaN, Infinity],
  [Infinity, NaN],
  [-Infinity, Infinity],
  [2 ** 127, Infinity],
])("compareTensors() knows no distance from %d to %d", (actual, expected) => {
  const found = compareTensors(f32(0, actual), f64(0, expected), "f32", {
    accuracy: { max_rel: 1, max_abs: 1e38, max_ulp: 1e9, max_row: 1 },
  });
  expect(found).toMatchObject({ maxAbs: Infinity, maxUlp: Infinity, share: Infinity });
  expect(found.worst).toEqual({ index: 1, actual, expected });
});

test("compareTensors() lets NaN and infinities meet where they are alike, and nothing finite", () => {
  const alike = { notFinite: "alike" } as const;
  expect(compareTensors(f32(NaN, Infinity), f64(-Infinity, NaN), "f32", alike).maxUlp).toBe(0);
  expect(compareTensors(f32(0), f64(NaN), "f32", alike).maxUlp).toBe(Infinity);
  expect(compareTensors(f32(NaN), f64(0), "f32", alike).maxUlp).toBe(Infinity);
});

test("compareTensors() measures relative errors of subnormals against the smallest normal number", () => {
  const found = compareTensors(f32(2 ** -149), f64(2 ** -148), "f32");
  expect(found.maxRel).toBe(2 ** -149 / 2 ** -126);
});

test("compareTensors() measures rows against their own largest number, or their largest terms", () => {
  const [actual, expected] = [f32(100, 1.5, 1, 1.5), f64(100, 1, 1, 1)];
  expect(compareTensors(actual, expected, "f32", { rowLength: 2 }).maxRow).toBe(0.5);
  expect(compareTensors(actual, expected, "f32", { rowLength: 4 }).maxRow).toBe(0.005);
  const half = (terms: Float64Array) =>
    compareTensors(Float16Array.of(1.5), f64(1), "f16", { terms }).maxRow;
  expect(half(f64(1e6))).toBe(0.5e-6); // Beyond f16, and not beyond the f32 that it is added in.
  expect(half(f64(1e300))).toBe(2 ** -129);
  expect(half(f64(NaN))).toBe(0.5);
  const terms = f64(0, 0, 0, 50);
  expect(compareTensors(actual, expected, "f32", { rowLength: 2, terms }).maxRow).toBe(0.01);
});

test("compareTensors() adds the tolerances of a contract up, and shares are exact at the border", () => {
  const accuracy = { max_abs: 0.5, max_rel: 0.25 };
  const share = (actual: number) => compareTensors(f32(actual), f64(1), "f32", { accuracy }).share;
  expect(share(1.75)).toBe(1);
  expect(share(1.75 + 2 ** -20)).toBeGreaterThan(1);
  const exact = { accuracy: { max_abs: 0 } };
  expect(compareTensors(f32(1), f64(1), "f32", exact).share).toBe(0);
  expect(compareTensors(f32(1 + 2 ** -23), f64(1), "f32", exact).share).toBe(Infinity);
});

test("compareTensors() names the worst element by its share of the contract, else by ULP", () => {
  const [actual, expected] = [f32(1000.5, 1.25), f64(1000, 1)];
  const byAbs = compareTensors(actual, expected, "f32", { accuracy: { max_abs: 1 } });
  expect(byAbs.worst!.index).toBe(0);
  const byRel = compareTensors(actual, expected, "f32", { accuracy: { max_rel: 1 } });
  expect(byRel.worst!.index).toBe(1);
  expect(compareTensors(actual, expected, "f32").worst!.index).toBe(1);
});

test("compareTensors() refuses tensors of different lengths", () => {
  expect(failureOf(() => compareTensors(f32(1), f64(1, 2), "f32")).code).toBe("TENSOR_INVALID");
});

test("merged() is the comparison of both", () => {
  const one = compareTensors(f32(1.5), f64(1), "f32");
  const two = compareTensors(f32(2, 5), f64(1, 1), "f32");
  expect(merged(one, two)).toMatchObject({ maxAbs: 4, counted: 3, worst: { index: 1 } });
  expect(merged(two, one).worst).toEqual({ index: 1, actual: 5, expected: 1 });
});

test("printUlpReport() counts every number once, in its class, and names the worst", () => {
  const report = printUlpReport(
    compareTensors(f32(1, 1, 1 + 2 ** -23, NaN), f64(1, 1 + 2 ** -25, 1, 1), "f32"),
  );
  expect(report).toContain("errors in ULP of 4 numbers");
  expect(report).toMatch(/exact\s+1 /);
  expect(report).toMatch(/up to 0.5\s+1 /);
  expect(report).toMatch(/up to 1\s+1 /);
  expect(report).toMatch(/further or none\s+1 /);
  expect(report).toContain("worst: number 3 is NaN, expected 1");
});
