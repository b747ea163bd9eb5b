import { readFileSync } from "node:fs";
import { join } from "node:path";

import * as fc from "fast-check";
import { expect, test } from "vitest";

import { TENSOR_LIMITS } from "../base/mod.ts";
import { anyTensor, failureOf } from "./tensors.fixture.ts";
import { isNpy, readNpy, writeNpy } from "./npy.ts";

const fixture = (name: string): Uint8Array<ArrayBuffer> =>
  new Uint8Array(readFileSync(join(import.meta.dirname, "fixtures", name)));

/** A file with any header text, padded to nothing in particular. */
function npy(header: string, data = 0, version = 1): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder().encode(header);
  const start = version === 1 ? 10 : 12;
  const file = new Uint8Array(start + text.length + data);
  file.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, version, 0]);
  const view = new DataView(file.buffer);
  if (version === 1) view.setUint16(8, text.length, true);
  else view.setUint32(8, text.length, true);
  file.set(text, start);
  return file;
}

const header = (shape: string, descr = "'<f4'", order = "False"): string =>
  `{'descr': ${descr}, 'fortran_order': ${order}, 'shape': ${shape}, }\n`;

const ones = (rank: number): string => header(`(${"1, ".repeat(rank)})`);
const padded = (bytes: number): string => header("(1,)").padEnd(bytes);

const ROWS = [1.5, -0, Infinity, Math.fround(6e-8), -65_504, 2 ** -14];

test.each([
  ["f32.npy", "f32", [2, 3], ROWS],
  ["version-2.npy", "f32", [2, 3], ROWS],
  ["version-3.npy", "f32", [2, 3], ROWS],
  ["f16.npy", "f16", [2, 3], [1.5, -0, 65_504, 2 ** -24, -65_504, 2 ** -14]],
  ["i32.npy", "i32", [5], [0, 1, -1, 2 ** 31 - 1, -(2 ** 31)]],
  ["i8.npy", "i8", [2, 1, 1], [-128, 127]],
  ["u8.npy", "u8", [6], [0, 51, 102, 153, 204, 255]],
  ["scalar.npy", "f32", [], [2.5]],
  ["empty.npy", "f32", [3, 0, 2], []],
] as const)("readNpy() reads numpy's own %s", (name, dtype, shape, values) => {
  const tensor = readNpy(fixture(name));
  expect(tensor.dtype).toBe(dtype);
  expect(tensor.shape).toEqual(shape);
  expect([...tensor.data]).toEqual(values);
});

test.each(["f32", "f16", "i32", "i8", "u8", "scalar", "empty"])(
  "writeNpy() writes %s byte for byte as numpy did",
  (name) => {
    const file = fixture(`${name}.npy`);
    expect(writeNpy(readNpy(file))).toEqual(file);
  },
);

test("readNpy() reads two raw bytes as bf16 only when told so, and writes them as ml_dtypes does", () => {
  const file = fixture("bf16.npy");
  const refusal = failureOf(() => readNpy(file));
  expect(refusal.code).toBe("TENSOR_FILE_UNSUPPORTED");
  expect(refusal.fix).toContain("rawPairs");
  const tensor = readNpy(file, { rawPairs: "bf16" });
  expect(tensor).toEqual({ dtype: "bf16", shape: [2], data: Uint16Array.of(0x3f80, 0xc000) });
  expect(readNpy(fixture("raw-pairs.npy"), { rawPairs: "bf16" })).toEqual(tensor);
  expect(writeNpy(tensor)).toEqual(file);
});

test("readNpy() turns column-major data into row-major", () => {
  const tensor = readNpy(fixture("column-major.npy"));
  expect(tensor.shape).toEqual([2, 3, 4]);
  expect([...tensor.data]).toEqual(Array.from({ length: 24 }, (_, index) => index));
});

test("readNpy() keeps the bits of a NaN when it turns data around", () => {
  const file = npy(header("(2, 2)", "'<f4'", "True"), 16);
  const words = [0x7fa0_0001, 1, 2, 0xffff_ffff];
  file.set(new Uint8Array(Uint32Array.from(words).buffer), file.length - 16);
  const { buffer, byteOffset } = readNpy(file).data;
  expect([...new Uint32Array(buffer, byteOffset, 4)]).toEqual([0x7fa0_0001, 2, 1, 0xffff_ffff]);
});

test.each([
  ["big-endian.npy", "little-endian"],
  ["f64.npy", "astype"],
  ["structured.npy", "field"],
  ["object.npy", "pickles"],
])("readNpy() refuses numpy's %s by its element type", (name, advice) => {
  const refusal = failureOf(() => readNpy(fixture(name)));
  expect(refusal.code).toBe("TENSOR_FILE_UNSUPPORTED");
  expect(refusal.at).toBe("byte 0x14");
  expect(refusal.fix).toContain(advice);
});

test("readNpy() views the file's bytes where they are aligned and copies where not", () => {
  const file = fixture("f32.npy");
  expect(readNpy(file).data.buffer).toBe(file.buffer);
  const shifted = new Uint8Array(file.length + 1).subarray(1);
  shifted.set(file);
  const copy = readNpy(shifted);
  expect(copy.data.buffer).not.toBe(shifted.buffer);
  expect([...copy.data]).toEqual(ROWS);
});

test.each([
  ["{'shape':(2,),'fortran_order':False,'descr':'<f4'}", 8],
  ['  { "shape" : ( 2L , ) , \n"descr":"<f4","fortran_order" :False}\n\t ', 8],
  [header("(3, 4)"), 48],
  [header("(3, 4,)"), 48],
  [header("()"), 4],
])("readNpy() accepts %j", (text, data) => {
  expect(readNpy(npy(text, data)).dtype).toBe("f32");
  expect(readNpy(npy(text, data, 2)).dtype).toBe("f32");
});

test.each([
  ["", "the end of the header"],
  ["{}", "fewer"],
  ["{,}", ",}"],
  ["{'descr': '<f4', 'fortran_order': False}", "fewer"],
  [header("(1)"), ")"],
  [header("(1,,)"), ",)"],
  [header("(,)"), ",)"],
  [header("[1]"), "[1]"],
  [header("(-1,)"), "-1"],
  [header("(01,)"), "01"],
  [header("(1_0,)"), "_0"],
  [header("(1.0,)"), ".0"],
  [header("(9007199254740992,)"), "9007199254740992"],
  [header("(1 2)"), "2"],
  [header("(1,)", "'<f4'", "false"), "false"],
  [header("(1,)", "'<f4'", "Truest"), "st"],
  [header("(1,)", "'<f\\x34'"), "<f"],
  [header("(1,)", "None"), "None"],
  [header("(1,)", "'<f4"), "fortran_order"],
  [`${header("(1,)")}x`, "x"],
  [header("(1,)").replace("}", ""), "the end of the header"],
  [header("(1,)").replace("}", "'descr': '<f4'}"), "descr"],
  [header("(1,)").replace("}", "'extra': 1}"), "extra"],
  ["__import__('os').system('true')", "__import__"],
])("readNpy() refuses the header %j", (text, found) => {
  const refusal = failureOf(() => readNpy(npy(text, 4)));
  expect(refusal.code).toBe("TENSOR_FILE_INVALID");
  expect(refusal.at).toMatch(/^byte 0x[0-9a-f]+$/);
  expect(refusal.found).toContain(found);
});

test("readNpy() names the byte at which a header goes wrong", () => {
  const text = header("(1, x)");
  expect(failureOf(() => readNpy(npy(text, 4))).detail["offset"]).toBe(10 + text.indexOf("x)"));
});

test("readNpy() accepts as many dimensions as the limit, and not one more", () => {
  expect(readNpy(npy(ones(TENSOR_LIMITS.rankMax), 4)).shape).toHaveLength(TENSOR_LIMITS.rankMax);
  const refusal = failureOf(() => readNpy(npy(ones(TENSOR_LIMITS.rankMax + 1), 4)));
  expect(refusal.code).toBe("TENSOR_FILE_TOO_LARGE");
});

test("readNpy() accepts a header of the limit's length, and not one byte more", () => {
  const most = TENSOR_LIMITS.npyHeaderBytesMax;
  expect(readNpy(npy(padded(most), 4, 2)).shape).toEqual([1]);
  const refusal = failureOf(() => readNpy(npy(padded(most + 1), 4, 2)));
  expect(refusal.code).toBe("TENSOR_FILE_TOO_LARGE");
  expect(refusal.at).toBe("byte 0x8");
});

test("readNpy() takes exactly the bytes that the shape needs", () => {
  const text = header("(2, 3)");
  expect(readNpy(npy(text, 24)).data).toHaveLength(6);
  for (const [bytes, at] of [
    [23, 23],
    [25, 24],
  ] as const) {
    const refusal = failureOf(() => readNpy(npy(text, bytes)));
    expect(refusal.code).toBe("TENSOR_FILE_INVALID");
    expect(refusal.detail["offset"]).toBe(10 + text.length + at);
  }
});

test("readNpy() refuses a shape whose size overflows, even when a zero follows", () => {
  const huge = "9007199254740991, ".repeat(30);
  for (const shape of [`(${huge})`, `(${huge} 0)`, "(4503599627370496, 4503599627370496)"]) {
    expect(failureOf(() => readNpy(npy(header(shape), 4))).code).toBe("TENSOR_FILE_INVALID");
  }
});

test.each([
  ["another magic", 0, 0x92],
  ["version 4", 6, 4],
  ["version 0", 6, 0],
  ["version 1.1", 7, 1],
  ["a header past the end", 9, 0x10],
])("readNpy() refuses %s", (_, at, byte) => {
  const file = fixture("f32.npy");
  file[at] = byte;
  expect(failureOf(() => readNpy(file)).code).toBe("TENSOR_FILE_INVALID");
});

test("readNpy() refuses every file that was cut short", () => {
  for (const name of ["f32.npy", "version-3.npy", "column-major.npy"]) {
    const file = fixture(name);
    for (let length = 0; length < file.length; length++) {
      const refusal = failureOf(() => readNpy(file.subarray(0, length)));
      expect(refusal.code).toBe("TENSOR_FILE_INVALID");
    }
  }
});

test("isNpy() knows a file by its first bytes", () => {
  expect(isNpy(fixture("object.npy"))).toBe(true);
  expect(isNpy(fixture("plain.safetensors"))).toBe(false);
  expect(isNpy(new Uint8Array(3))).toBe(false);
});

test("readNpy() gives back the bits that writeNpy() was given", () => {
  fc.assert(
    fc.property(anyTensor, (tensor) => {
      const file = writeNpy(tensor);
      expect((file.length - tensor.data.byteLength) % 64).toBe(0);
      const back = readNpy(file, { rawPairs: "bf16" });
      expect({ ...back, data: 0 }).toEqual({ ...tensor, data: 0 });
      expect(writeNpy(back)).toEqual(file);
    }),
  );
});
