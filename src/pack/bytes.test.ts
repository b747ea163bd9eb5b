import * as fc from "fast-check";
import { expect, test } from "vitest";
import { fromBase64, fromHex, toBase64, toHex } from "./bytes.ts";

test("hex and base64 read back what they printed", () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      expect(fromHex(toHex(bytes))).toEqual(bytes);
      expect(fromHex(toHex(bytes).toUpperCase())).toEqual(bytes);
      expect(fromBase64(toBase64(bytes))).toEqual(bytes);
      expect(fromBase64(toBase64(bytes).replaceAll("=", ""))).toEqual(bytes);
      const urlSafe = toBase64(bytes).replaceAll("+", "-").replaceAll("/", "_");
      expect(fromBase64(urlSafe)).toEqual(bytes);
    }),
  );
});

test.each(["0", "0g", " 00", "0x00", "00\n"])("fromHex() refuses %j", (text) => {
  expect(fromHex(text)).toBe(undefined);
});

test.each(["A", "AB=", "AA===", "A=A=", "AB==", "AAB=", "+-AA", "AA AA", "AA=A"])(
  "fromBase64() refuses %j, which has no reading or two",
  (text) => expect(fromBase64(text)).toBe(undefined),
);
