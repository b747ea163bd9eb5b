import { expect, test } from "vitest";

import { float, integer, message, text } from "./protobuf.ts";

// The examples of the format's own description, and what follows from them.
test("integer() writes seven bits a byte, the lowest first", () => {
  expect(integer(1, 150)).toEqual([0x08, 0x96, 0x01]);
  expect(integer(1, 127)).toEqual([0x08, 0x7f]);
  expect(integer(16, 1)).toEqual([0x80, 0x01, 0x01]);
});

test("integer() writes a negative number as ten bytes", () => {
  const bytes = [0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
  expect(integer(1, -1)).toEqual(bytes);
});

test("text() and message() say their length first", () => {
  expect(text(2, "testing")).toEqual([0x12, 0x07, 0x74, 0x65, 0x73, 0x74, 0x69, 0x6e, 0x67]);
  expect(message(3, [integer(1, 150)])).toEqual([0x1a, 0x03, 0x08, 0x96, 0x01]);
});

test("float() is four bytes, little-endian", () => {
  expect(float(2, 1)).toEqual([0x15, 0, 0, 0x80, 0x3f]);
});
