import { expect, test } from "vitest";
import { LineReader } from "./lines.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const all = (reader: LineReader, ...chunks: Uint8Array[]): string[] =>
  chunks.flatMap((chunk) => [...reader.push(chunk)]);

test("LineReader.push() gives the same lines however the bytes are cut", () => {
  const text = bytes(`one\n\nthree, ä and 😀\n${"x".repeat(999)}\nrest`);
  const whole = all(new LineReader(1000), text);
  expect(whole).toEqual(["one", "", "three, ä and 😀", "x".repeat(999)]);
  for (const size of [1, 2, 3, 7, 500]) {
    const chunks = Array.from({ length: Math.ceil(text.length / size) }, (_, i) =>
      text.subarray(i * size, (i + 1) * size),
    );
    expect(all(new LineReader(1000), ...chunks)).toEqual(whole);
  }
});

test("LineReader.push() takes a line of the bound and refuses one of a byte more, before its end comes", () => {
  expect(all(new LineReader(300), bytes("x".repeat(300)), bytes("\n"))).toEqual(["x".repeat(300)]);
  const reader = new LineReader(300);
  expect(all(reader, bytes("x".repeat(300)))).toEqual([]);
  expect(() => all(reader, bytes("y"))).toThrow(
    expect.objectContaining({ code: "MONITOR_PROTOCOL", found: "a line of 301 bytes or more" }),
  );
});

test("LineReader.push() refuses what is no UTF-8", () => {
  expect(() => all(new LineReader(10), Uint8Array.of(0xff, 10))).toThrow(
    expect.objectContaining({ code: "MONITOR_PROTOCOL", found: "bytes that are no UTF-8" }),
  );
});
