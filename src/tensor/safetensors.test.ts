import { readFileSync } from "node:fs";
import { join } from "node:path";

import * as fc from "fast-check";
import { expect, test } from "vitest";

import { TENSOR_LIMITS } from "../base/mod.ts";
import { openSafetensors, writeSafetensors } from "./safetensors.ts";
import { parseSafetensorsHeader } from "./safetensors-header.ts";
import type { Tensor } from "./tensor.ts";
import { anyTensor, failureOf } from "./tensors.fixture.ts";

const fixture = (name: string): Uint8Array<ArrayBuffer> =>
  new Uint8Array(readFileSync(join(import.meta.dirname, "fixtures", name)));

/** A file with any header and `data` bytes after it. */
function file(header: string | Uint8Array, data = 0): Uint8Array<ArrayBuffer> {
  const text = typeof header === "string" ? new TextEncoder().encode(header) : header;
  const bytes = new Uint8Array(8 + text.length + data);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

const row = (dtype: string, shape: readonly number[], start: number, end: number): string =>
  `{"dtype":"${dtype}","shape":[${shape}],"data_offsets":[${start},${end}]}`;

const manyRows = (count: number): string =>
  `{${Array.from({ length: count }, (_, index) => `"${index}":${row("U8", [0], 0, 0)}`)}}`;

const deepRow = (rank: number): string => `{"x":${row("U8", Array(rank).fill(1), 0, 1)}}`;

/** The head of a file that claims a header of `bytes` bytes, which are not there. */
function claim(bytes: number): Uint8Array {
  const head = new Uint8Array(16);
  new DataView(head.buffer).setBigUint64(0, BigInt(bytes), true);
  return head;
}

const f32 = (...values: number[]): Tensor => ({
  dtype: "f32",
  shape: [values.length],
  data: Float32Array.from(values),
});

test("openSafetensors() reads every type that the safetensors library wrote", () => {
  const opened = openSafetensors(fixture("plain.safetensors"));
  expect([...opened.metadata]).toEqual([["format", "np"]]);
  const rows = [1.5, -0, Infinity, Math.fround(6e-8), -65_504, 2 ** -14];
  expect(opened.get("z.f32")).toEqual({
    dtype: "f32",
    shape: [2, 3],
    data: Float32Array.from(rows),
  });
  expect([...opened.get("f16").data]).toEqual([1.5, -0, 65_504, 2 ** -24, -65_504, 2 ** -14]);
  expect(opened.get("bf16").data).toEqual(Uint16Array.of(0x3f80, 0xc000));
  expect([...opened.get("i32").data]).toEqual([0, 1, -1, 2 ** 31 - 1, -(2 ** 31)]);
  expect(opened.get("i8").data).toEqual(Int8Array.of(-128, 127));
  expect([...opened.get("u8").data]).toEqual([0, 51, 102, 153, 204, 255]);
  expect(opened.get("scalar")).toEqual({ dtype: "f32", shape: [], data: Float32Array.of(2.5) });
  expect(opened.get("empty")).toEqual({ dtype: "f32", shape: [0, 2], data: new Float32Array() });
  expect(opened.get('é\u4e00\u{1f600} "quoted"\n').data).toEqual(Uint8Array.of(7));
});

test("writeSafetensors() writes byte for byte what the safetensors library wrote, in any order", () => {
  const bytes = fixture("plain.safetensors");
  const opened = openSafetensors(bytes);
  const tensors = [...opened.entries.keys()].map((name) => [name, opened.get(name)] as const);
  const options = { metadata: Object.fromEntries(opened.metadata) };
  expect(writeSafetensors(tensors, options)).toEqual(bytes);
  expect(writeSafetensors(tensors.toReversed(), options)).toEqual(bytes);
});

test("openSafetensors() reads the activations of a trained model without copying them", () => {
  const bytes = readFileSync(
    join(import.meta.dirname, "../../test/data/tiny-llama/activations.safetensors"),
  );
  const opened = openSafetensors(bytes);
  expect(opened.metadata.get("prompt")).toHaveLength(106); // One token to a byte.
  const x = opened.get("layers.0.input_layernorm.x");
  expect(x.shape).toEqual([1, 106, 192]);
  expect(x.data.buffer).toBe(bytes.buffer);
  for (const name of opened.entries.keys()) {
    expect(opened.get(name).data.every((value) => Number.isFinite(value))).toBe(true);
  }
});

test("SafetensorsFile lists a type it cannot read, refuses that tensor and gives the others", () => {
  const opened = openSafetensors(fixture("with-i64.safetensors"));
  expect(opened.entries.get("i64")).toMatchObject({ dtype: "I64", shape: [1] });
  expect(opened.entries.get("flags")).toMatchObject({ dtype: "BOOL", shape: [3] });
  const refusal = failureOf(() => opened.get("i64"));
  expect(refusal.code).toBe("TENSOR_FILE_UNSUPPORTED");
  expect(refusal.at).toBe('tensor "i64"');
  expect([...opened.get("a.f32").data]).toEqual([3]);
});

test("SafetensorsFile lists a type that the format does not know yet", () => {
  const opened = openSafetensors(file(`{"x":${row("Q9_K", [3, 5], 0, 7)}}`, 7));
  expect(opened.entries.get("x")).toMatchObject({ dtype: "Q9_K", shape: [3, 5] });
  expect(failureOf(() => opened.get("x")).code).toBe("TENSOR_FILE_UNSUPPORTED");
});

test("SafetensorsFile.get() names the tensors there are when it has no such one", () => {
  const refusal = failureOf(() => openSafetensors(fixture("with-i64.safetensors")).get("i65"));
  expect(refusal.code).toBe("TENSOR_NOT_FOUND");
  expect(refusal.expected).toContain('"i64"');
  expect(refusal.expected).toContain("more");
});

test("SafetensorsFile.get() views aligned tensors and copies the others", () => {
  const bytes = file(`{"u":${row("U8", [1], 0, 1)},"f":${row("F32", [1], 1, 5)}}   `, 5);
  bytes.set([7, 0, 0, 128, 63], bytes.length - 5);
  const opened = openSafetensors(bytes);
  expect(opened.get("u").data.buffer).toBe(bytes.buffer);
  expect([...opened.get("f").data]).toEqual([1]);
  expect((bytes.length - 4) % 4).not.toBe(0);
  const aligned = writeSafetensors([["f", f32(1)]]);
  expect(openSafetensors(aligned).get("f").data.buffer).toBe(aligned.buffer);
});

test.each([
  ["{}", 0],
  [`{"__metadata__":{}}`, 0],
  [`{ "x" :\n{ "shape" : [ ] , "data_offsets" : [ 0 , 1 ], "dtype":"U8"} }  \t`, 1],
  [`{"x":${row("U8", [9_007_199_254_740_991, 0], 0, 0)}}`, 0],
  [`{"b":${row("U8", [2], 1, 3)},"a":${row("I8", [1], 0, 1)}}`, 3],
  [`{"z":${row("U8", [0], 1, 1)},"a":${row("I8", [1], 0, 1)},"b":${row("U8", [1], 1, 2)}}`, 2],
  [`{"x":${row("F4", [3, 2], 0, 3)}}`, 3],
  [`{"__proto__":${row("U8", [1], 0, 1)}}`, 1],
])("openSafetensors() accepts %j", (header, data) => {
  expect(openSafetensors(file(header, data)).entries.size).toBe(header.split("dtype").length - 1);
});

test.each([
  ["", 0],
  [" {}", 0],
  ["{} x", 0],
  ["{}\0", 0],
  ["[]", 0],
  [`{"x":${row("U8", [1], 0, 1)},}`, 1],
  [`{"x":${row("U8", [1], 0, 1)}`, 1],
  [`{'x':${row("U8", [1], 0, 1)}}`, 1],
  [`{"x":1}`, 0],
  [`{"x":{}}`, 0],
  [`{"x":{"dtype":"U8","shape":[1]}}`, 1],
  [`{"x":{"dtype":"U8","shape":[1],"data_offsets":[0]}}`, 1],
  [`{"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"more":0}}`, 1],
  [`{"x":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 1],
  [`{"x":{"dtype":8,"shape":[1],"data_offsets":[0,1]}}`, 1],
  [`{"x":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}}`, 1],
  [`{"x":{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}}`, 1],
  [`{"x":{"dtype":"U8","shape":[1e0],"data_offsets":[0,1]}}`, 1],
  [`{"x":{"dtype":"U8","shape":[01],"data_offsets":[0,1]}}`, 1],
  [`{"x":{"dtype":"U8","shape":[1,],"data_offsets":[0,1]}}`, 1],
  [`{"x":{"dtype":"U8","shape":null,"data_offsets":[0,1]}}`, 1],
  [`{"x":${row("U8", [1], 0, 1)},"x":${row("U8", [1], 1, 2)}}`, 2],
  [`{"x":${row("U8", [1], 0, 1)},"\\u0078":${row("U8", [1], 1, 2)}}`, 2],
  [`{"__metadata__":{"a":"1","a":"2"}}`, 0],
  [`{"__metadata__":{"a":1}}`, 0],
  [`{"__metadata__":{"a":{"b":"c"}}}`, 0],
  [`{"__metadata__":"a"}`, 0],
  [`{"__metadata__":{},"__metadata__":{}}`, 0],
  [`{"__metadata__":{"a":"\\ud800"}}`, 0],
  [`{"__metadata__":{"a":"\\x"}}`, 0],
  [`{"__metadata__":{"a":"\n"}}`, 0],
  [`{"__metadata__":{"a":"`, 0],
  [`{"__metadata__":{"a":"\\`, 0],
])("openSafetensors() refuses the header %j", (header, data) => {
  const refusal = failureOf(() => openSafetensors(file(header, data)));
  expect(refusal.code).toBe("TENSOR_FILE_INVALID");
  expect(refusal.at).toMatch(/^byte 0x[0-9a-f]+$/);
});

test("openSafetensors() refuses names that are not UTF-8", () => {
  const header = new TextEncoder().encode(`{"?":${row("U8", [1], 0, 1)}}`);
  header[2] = 0xff;
  expect(failureOf(() => openSafetensors(file(header, 1))).detail["offset"]).toBe(9);
});

test.each([
  ["a hole before the first", [[1, 2]], 2],
  [
    "a hole between two",
    [
      [0, 1],
      [2, 3],
    ],
    3,
  ],
  ["a hole at the end", [[0, 1]], 2],
  [
    "an overlap",
    [
      [0, 2],
      [1, 3],
    ],
    3,
  ],
  [
    "the same bytes twice",
    [
      [0, 2],
      [0, 2],
    ],
    2,
  ],
  [
    "one inside another",
    [
      [0, 4],
      [1, 2],
    ],
    4,
  ],
  ["an end past the file", [[0, 3]], 2],
  ["an end before its start", [[1, 0]], 1],
  ["offsets past 2^53", [[9_007_199_254_740_991, 9_007_199_254_740_991]], 1],
] as const)("openSafetensors() refuses %s", (_, ranges, data) => {
  const rows = ranges.map(
    ([start, end], index) => `"${index}":${row("U8", [Math.max(0, end - start)], start, end)}`,
  );
  const refusal = failureOf(() => openSafetensors(file(`{${rows.join(",")}}`, data)));
  expect(refusal.code).toBe("TENSOR_FILE_INVALID");
});

test.each([
  ["F32", [2], 7],
  ["F32", [2], 9],
  ["I64", [1], 4],
  ["F6_E2M3", [1], 1],
  ["U8", [9_007_199_254_740_991, 2], 1],
  ["U8", [9_007_199_254_740_991, 9_007_199_254_740_991, 0], 1],
] as const)("openSafetensors() refuses %s %j in %d bytes", (dtype, shape, bytes) => {
  const header = `{"x":${row(dtype, shape, 0, bytes)}}`;
  const refusal = failureOf(() => openSafetensors(file(header, bytes)));
  expect(refusal.code).toBe("TENSOR_FILE_INVALID");
  expect(refusal.detail["offset"]).toBe(9);
});

test("openSafetensors() takes a header of the limit's length, and not one byte more", () => {
  const most = TENSOR_LIMITS.headerBytesMax;
  expect(failureOf(() => openSafetensors(claim(most))).code).toBe("TENSOR_FILE_INVALID");
  expect(failureOf(() => openSafetensors(claim(most + 1))).code).toBe("TENSOR_FILE_TOO_LARGE");
  const all = new Uint8Array(16).fill(0xff);
  expect(failureOf(() => openSafetensors(all)).code).toBe("TENSOR_FILE_TOO_LARGE");
});

test("openSafetensors() takes as many tensors as the limit, and not one more", () => {
  const most = TENSOR_LIMITS.tensorsMax;
  expect(openSafetensors(file(manyRows(most))).entries.size).toBe(most);
  const refusal = failureOf(() => openSafetensors(file(manyRows(most + 1))));
  expect(refusal.code).toBe("TENSOR_FILE_TOO_LARGE");
});

test("openSafetensors() takes as many dimensions as the limit, and not one more", () => {
  const most = TENSOR_LIMITS.rankMax;
  expect(openSafetensors(file(deepRow(most), 1)).get("x").shape).toHaveLength(most);
  const refusal = failureOf(() => openSafetensors(file(deepRow(most + 1), 1)));
  expect(refusal.code).toBe("TENSOR_FILE_TOO_LARGE");
});

test("openSafetensors() refuses every file that was cut short or made longer", () => {
  const bytes = fixture("with-i64.safetensors");
  for (let length = 0; length < bytes.length; length++) {
    const refusal = failureOf(() => openSafetensors(bytes.subarray(0, length)));
    expect(refusal.code).toBe("TENSOR_FILE_INVALID");
  }
  const longer = new Uint8Array(bytes.length + 1);
  longer.set(bytes);
  expect(failureOf(() => openSafetensors(longer)).detail["offset"]).toBe(bytes.length);
});

test("parseSafetensorsHeader() needs only the head of a file", () => {
  const bytes = fixture("plain.safetensors");
  const head = bytes.subarray(0, 8 + new DataView(bytes.buffer).getUint32(0, true));
  const { entries } = parseSafetensorsHeader(head, bytes.length);
  expect(entries).toEqual(openSafetensors(bytes).entries);
  expect(failureOf(() => parseSafetensorsHeader(head, bytes.length - 1)).code).toBe(
    "TENSOR_FILE_INVALID",
  );
});

test("openSafetensors() gives back the bits that writeSafetensors() was given", () => {
  const names = fc.oneof(fc.string(), fc.string({ unit: "binary" }), fc.constant("__proto__"));
  const files = fc.record({
    tensors: fc.uniqueArray(fc.tuple(names, anyTensor), { selector: ([name]) => name }),
    metadata: fc.dictionary(fc.string({ unit: "binary" }), fc.string()),
  });
  fc.assert(
    fc.property(files, ({ tensors, metadata }) => {
      const bytes = writeSafetensors(tensors, { metadata });
      const opened = openSafetensors(bytes);
      expect(opened.entries.size).toBe(tensors.length);
      expect(new Map(opened.metadata)).toEqual(new Map(Object.entries(metadata)));
      for (const [name, tensor] of tensors) {
        expect({ ...opened.get(name), data: 0 }).toEqual({ ...tensor, data: 0 });
      }
      const back = tensors.map(([name]) => [name, opened.get(name)] as const);
      expect(writeSafetensors(back, { metadata })).toEqual(bytes);
    }),
  );
});

test.each([
  [
    "a name twice",
    [
      ["x", f32(1)],
      ["x", f32(2)],
    ],
  ],
  ["the name of the metadata", [["__metadata__", f32(1)]]],
  ["a lone surrogate", [["\ud800", f32(1)]]],
  ["a shape that does not fit", [["x", { ...f32(1, 2), shape: [3] }]]],
  ["a shape below zero", [["x", { ...f32(1), shape: [-1, -1] }]]],
  ["a shape that is not whole", [["x", { ...f32(1), shape: [0.5, 2] }]]],
  ["the wrong array", [["x", { ...f32(1), data: Int32Array.of(1) }]]],
] satisfies [string, [string, Tensor][]][])("writeSafetensors() refuses %s", (_, tensors) => {
  expect(failureOf(() => writeSafetensors(tensors)).code).toBe("TENSOR_INVALID");
});

test("writeSafetensors() keeps to the reader's bounds", () => {
  const none = { dtype: "u8", shape: [0], data: new Uint8Array() } as const;
  const named = (count: number): [string, Tensor][] =>
    Array.from({ length: count }, (_, index) => [String(index), none]);
  const most = TENSOR_LIMITS.tensorsMax;
  expect(openSafetensors(writeSafetensors(named(most))).entries.size).toBe(most);
  expect(failureOf(() => writeSafetensors(named(most + 1))).code).toBe("TENSOR_FILE_TOO_LARGE");
  const deep = { ...none, shape: Array<number>(TENSOR_LIMITS.rankMax + 1).fill(0) };
  expect(failureOf(() => writeSafetensors([["x", deep]])).code).toBe("TENSOR_FILE_TOO_LARGE");
});

test("writeSafetensors() refuses an element type that the format has no name for", () => {
  const quantised = { dtype: "q4", shape: [1], data: new Uint8Array(1) } as unknown as Tensor;
  expect(failureOf(() => writeSafetensors([["x", quantised]])).code).toBe(
    "TENSOR_FILE_UNSUPPORTED",
  );
});
