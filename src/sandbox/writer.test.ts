import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { Reader } from "./reader.ts";
import { leb, nameBytes, signedLeb, Writer } from "./writer.ts";

/** What a rewriter does: copies on, skips some of the source, or adds bytes in front of what comes. */
const steps = fc.array(
  fc.oneof(
    fc.record({ do: fc.constantFrom("copy" as const, "skip" as const), count: fc.nat(50) }),
    fc.record({ do: fc.constant("add" as const), bytes: fc.array(fc.nat(255), { maxLength: 40 }) }),
  ),
);

describe("Writer", () => {
  test("maps every copied byte to itself and every added one to what it stands before", () => {
    fc.assert(
      fc.property(steps, (each) => {
        const source = Uint8Array.from({ length: 4000 }, (_, i) => i * 7);
        const writer = new Writer(source);
        const expected: { byte: number; from: number }[] = [];
        let at = 0;
        for (const step of each) {
          if (step.do === "add") {
            writer.add(step.bytes, at);
            expected.push(...step.bytes.map((byte) => ({ byte, from: at })));
            continue;
          }
          const end = Math.min(at + step.count, source.length);
          if (step.do === "copy") {
            writer.copy(at, end);
            for (let from = at; from < end; from++) expected.push({ byte: source[from]!, from });
          }
          at = end;
        }
        expect([...writer.bytes()]).toEqual(expected.map(({ byte }) => byte));
        expect(expected.map((_, offset) => writer.toOriginal(offset))).toEqual(
          expected.map(({ from }) => from),
        );
      }),
    );
  });

  test("fills in sizes of parts, one in another, in five bytes", () => {
    const writer = new Writer(new Uint8Array(0));
    const outer = writer.open(0);
    writer.add([1, 2], 0);
    const inner = writer.open(0);
    writer.add(
      Array.from({ length: 300 }, () => 9),
      0,
    );
    writer.fill(inner);
    writer.fill(outer);
    const reader = new Reader(writer.bytes());
    expect([reader.u32(), reader.at]).toEqual([307, 5]);
    reader.skip(2);
    expect([reader.u32(), reader.at]).toEqual([300, 12]);
  });

  test("grows beyond its first guess, in small steps and in one large one", () => {
    const source = Uint8Array.from({ length: 100 }, (_, i) => i);
    const writer = new Writer(source);
    for (let i = 0; i < 200; i++) writer.copy(0, 100);
    writer.add(new Uint8Array(100_000).fill(5), 7);
    expect(writer.length).toBe(120_000);
    expect(writer.bytes().subarray(19_900, 20_000)).toEqual(source);
    expect(writer.toOriginal(119_999)).toBe(7);
  });

  test("maps offsets before and behind what was written to the nearest that has a place", () => {
    const writer = new Writer(Uint8Array.of(1, 2, 3));
    expect(writer.toOriginal(0)).toBe(0);
    writer.copy(1, 3);
    expect([writer.toOriginal(0), writer.toOriginal(1)]).toEqual([1, 2]);
  });

  test("patches up to 2^32 - 1", () => {
    const writer = new Writer(new Uint8Array(0));
    const at = writer.open(0) - 5;
    for (const value of [0, 127, 128, 2 ** 31, 2 ** 32 - 1]) {
      writer.patch(at, value);
      expect(new Reader(writer.bytes()).u32()).toBe(value);
    }
  });
});

test("leb() and signedLeb() write as few bytes as go", () => {
  expect([leb(0), leb(127), leb(128), leb(2 ** 32 - 1).length]).toEqual([[0], [127], [128, 1], 5]);
  expect([signedLeb(63), signedLeb(64), signedLeb(-64), signedLeb(-65)]).toEqual([
    [63],
    [0xc0, 0],
    [0x40],
    [0xbf, 0x7f],
  ]);
  expect(signedLeb(-(2 ** 31))).toEqual([0x80, 0x80, 0x80, 0x80, 0x78]);
});

test("nameBytes() counts bytes, not characters", () => {
  expect(nameBytes("é")).toEqual([2, 0xc3, 0xa9]);
});
