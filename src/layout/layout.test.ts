import { expect, test } from "vitest";
import { DESCRIPTOR, KERNEL_CODES, KERNEL_INFO } from "./descriptor.layout.ts";
import { fieldsOf, layout } from "./layout.ts";

test("layout() lays rows end to end, and padding is a row like any other", () => {
  const table = layout("T", {
    a: ["u8", "first"],
    gap: ["pad", "to 4", 3],
    b: ["f32", "second", 2],
  });
  expect(table.bytes).toBe(12);
  expect(table.align).toBe(4);
  expect(table.fields.b).toEqual({ at: 4, bytes: 8, kind: "f32", count: 2, note: "second" });
  expect(fieldsOf(table).map(([name]) => name)).toEqual(["a", "b"]);
  expect(fieldsOf(table, true).map(([name]) => name)).toEqual(["a", "gap", "b"]);
});

test("layout() refuses a field that a compiler would move", () => {
  expect(() => layout("T", { a: ["u8", ""], b: ["u16", ""] })).toThrow(
    "T.b is aligned to 2 bytes should hold",
  );
});

test("layout() refuses a structure that a compiler would lengthen", () => {
  expect(() => layout("T", { a: ["u64", ""], b: ["u8", ""] })).toThrow("T ends on a multiple of 8");
});

test("DESCRIPTOR is the seed's ten u32 in the seed's order, 40 bytes without padding", () => {
  expect(DESCRIPTOR.bytes).toBe(40);
  expect(fieldsOf(DESCRIPTOR, true).map(([name, { at, kind }]) => `${at} ${kind} ${name}`)).toEqual(
    [
      "0 u32 input_a_offset",
      "4 u32 input_a_size",
      "8 u32 input_b_offset",
      "12 u32 input_b_size",
      "16 u32 output_offset",
      "20 u32 output_size",
      "24 u32 scratch_offset",
      "28 u32 scratch_size",
      "32 u32 params_offset",
      "36 u32 params_size",
    ],
  );
});

test("KERNEL_INFO has the offsets of wasm32 kernels, 16 bytes", () => {
  expect(KERNEL_INFO.bytes).toBe(16);
  const offsets = fieldsOf(KERNEL_INFO).map(([name, { at }]) => [name, at]);
  expect(Object.fromEntries(offsets)).toEqual({
    name_ptr: 0,
    name_len: 4,
    major: 8,
    minor: 10,
    patch: 12,
    supports_backward: 14,
  });
});

test("KERNEL_CODES are the seed's seven", () => {
  expect(Object.keys(KERNEL_CODES)).toEqual([
    "OK",
    "INVALID_INPUT",
    "INVALID_OUTPUT",
    "INVALID_PARAMS",
    "OUT_OF_MEMORY",
    "NOT_IMPLEMENTED",
    "INTERNAL_ERROR",
  ]);
  expect(Object.values(KERNEL_CODES)).toEqual([0, 1, 2, 3, 4, 5, 6]);
});
