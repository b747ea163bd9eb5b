import * as fc from "fast-check";
import { expect, test } from "vitest";

import { crc32c } from "./crc32c.ts";

const whole = (bytes: Uint8Array): number => crc32c(bytes, 0, bytes.length);

/** The judge: a bit at a time, as the polynomial is defined. */
function bitwise(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f6_3b78 : 0);
  }
  return ~crc >>> 0;
}

test.each([
  ["nothing", new Uint8Array(0), 0],
  ["the digits", new TextEncoder().encode("123456789"), 0xe306_9283],
  ["32 zeros", new Uint8Array(32), 0x8a91_36aa],
  ["32 times 0xff", new Uint8Array(32).fill(0xff), 0x62a8_ab43],
  ["0 to 31", Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd_794e],
  ["31 to 0", Uint8Array.from({ length: 32 }, (_, i) => 31 - i), 0x113f_db5c],
])("crc32c() of %s is the published one", (_, bytes, expected) => {
  expect(whole(bytes)).toBe(expected);
});

test("crc32c() agrees with a bit at a time, wherever the range lies", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(200), fc.nat(200), (bytes, a, b) => {
      const [start, end] = [Math.min(a, b, bytes.length), Math.min(Math.max(a, b), bytes.length)];
      expect(crc32c(bytes, start, end)).toBe(bitwise(bytes.subarray(start, end)));
    }),
    { numRuns: 2000 },
  );
});

test("crc32c() goes on from a seed as if there had been no cut", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(100), (bytes, at) => {
      const cut = Math.min(at, bytes.length);
      expect(crc32c(bytes, cut, bytes.length, crc32c(bytes, 0, cut))).toBe(whole(bytes));
    }),
  );
});

test("crc32c() stops on a range outside its bytes, rather than count what is not there", () => {
  const bytes = new Uint8Array(4);
  for (const [start, end] of [
    [-1, 2],
    [3, 2],
    [0, 5],
    [0, NaN],
  ] as const)
    expect(() => crc32c(bytes, start, end)).toThrow("range lies in its bytes");
});
