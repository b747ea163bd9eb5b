import { expect, test } from "vitest";
import { Failure } from "../base/mod.ts";
import { type KernelDeclaration, paramsLayout } from "./params.ts";
import { writeParams } from "./write-params.ts";

const KERNEL: KernelDeclaration = {
  params: {
    eps: { type: "f32", default: 1e-5, min: 0, max: 1 },
    big: { type: "u64", default: "18446744073709551615" },
    shift: { type: "i32" },
    causal: { type: "bool", default: false },
  },
  inputs: [{ name: "x", shape: ["rows", "dim"] }],
  outputs: [{ name: "y", shape: ["rows", "dim"] }],
};
const LAYOUT = paramsLayout(KERNEL);
const DIMS = { rows: 3, dim: 4096 };

test("writeParams() writes values, defaults and dimensions little-endian where the layout says", () => {
  const view = new DataView(new ArrayBuffer(64));
  writeParams(view, 16, LAYOUT, { shift: -2, causal: true }, DIMS);
  expect(view.getFloat32(16, true)).toBe(Math.fround(1e-5));
  expect(view.getBigUint64(24, true)).toBe(2n ** 64n - 1n);
  expect(view.getInt32(32, true)).toBe(-2);
  expect(view.getUint32(36, true)).toBe(1);
  expect(view.getUint32(40, true)).toBe(3);
  expect(view.getUint32(44, true)).toBe(4096);
  expect(LAYOUT.bytes).toBe(32);
});

function refused(values: Record<string, unknown>, dims: Record<string, number> = DIMS): string {
  try {
    writeParams(new DataView(new ArrayBuffer(32)), 0, LAYOUT, values, dims);
  } catch (error) {
    if (error instanceof Failure && error.code === "PARAM_INVALID") return error.at!;
    throw error;
  }
  return "accepted";
}

test("writeParams() accepts each bound of a declaration and of a type, and refuses the next value", () => {
  expect(refused({ shift: 0, eps: 0 })).toBe("accepted");
  expect(refused({ shift: 0, eps: 1 })).toBe("accepted");
  expect(refused({ shift: 0, eps: -1e-9 })).toBe("params/eps");
  expect(refused({ shift: 0, eps: 1.0000001 })).toBe("params/eps");
  expect(refused({ shift: 2 ** 31 - 1 })).toBe("accepted");
  expect(refused({ shift: 2 ** 31 })).toBe("params/shift");
  expect(refused({ shift: -(2 ** 31) })).toBe("accepted");
  expect(refused({ shift: -(2 ** 31) - 1 })).toBe("params/shift");
  expect(refused({ shift: 0, big: 2n ** 64n - 1n })).toBe("accepted");
  expect(refused({ shift: 0, big: 2n ** 64n })).toBe("params/big");
  expect(refused({ shift: 0, big: -1 })).toBe("params/big");
  expect(refused({ shift: 0 }, { rows: 2 ** 32 - 1, dim: 0 })).toBe("accepted");
  expect(refused({ shift: 0 }, { rows: 2 ** 32, dim: 0 })).toBe("dims/rows");
});

test.each([
  ["a string for a float", { eps: "0.5" }],
  ["a float for an integer", { shift: 1.5 }],
  ["NaN", { eps: Number.NaN }],
  ["infinity", { eps: Number.POSITIVE_INFINITY }],
  ["a number for a bool", { causal: 1 }],
  ["a number beyond 2^53 for a u64, whose digits are already lost", { big: 2 ** 60 }],
  ["null", { eps: null }],
  ["an object", { eps: [0.5] }],
  ["an inherited name", { toString: 1 }],
])("writeParams() refuses %s", (_what, values) => {
  expect(refused({ shift: 0, ...values })).toBe(`params/${Object.keys(values)[0]}`);
});

test("writeParams() refuses a float that only infinity could stand for in 32 bits", () => {
  const layout = paramsLayout({ params: { x: { type: "f32" } }, inputs: [], outputs: [] });
  const view = new DataView(new ArrayBuffer(8));
  writeParams(view, 0, layout, { x: 3.4028234663852886e38 }, {});
  expect(() => writeParams(view, 0, layout, { x: 3.5e38 }, {})).toThrow("fits 32 bits");
});

test("writeParams() refuses missing values and unknown names, params and dimensions alike", () => {
  expect(refused({})).toBe("params/shift");
  expect(refused({ shift: 0, epsilon: 1 })).toBe("params/epsilon");
  expect(refused({ shift: 0 }, { rows: 1 })).toBe("dims/dim");
  expect(refused({ shift: 0 }, { ...DIMS, cols: 1 })).toBe("dims/cols");
});

test("writeParams() takes a value by the name that the manifest gives it", () => {
  const values = { half_split: 0, interleaved: 1 };
  const layout = paramsLayout({
    params: { layout: { type: "u32", default: 0, max: 1, values } },
    inputs: [],
    outputs: [],
  });
  const view = new DataView(new ArrayBuffer(4));
  writeParams(view, 0, layout, { layout: "interleaved" }, {});
  expect(view.getUint32(0, true)).toBe(1);
  expect(() => writeParams(view, 0, layout, { layout: "neox" }, {})).toThrow('found "neox"');
  expect(() => writeParams(view, 0, layout, { layout: "toString" }, {})).toThrow("params/layout");
});
