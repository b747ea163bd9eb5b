import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { Reader } from "./reader.ts";
import { codeOf, failureOf, functionModule, refusal, vectorSection } from "./wasm.fixture.ts";
import { leb, nameBytes, signedLeb } from "./writer.ts";

const reader = (...bytes: number[]): Reader => new Reader(Uint8Array.from(bytes));

describe("Reader.u32()", () => {
  test("reads every value that `leb` writes, and stops behind it", () => {
    fc.assert(
      fc.property(fc.nat(2 ** 32 - 1), (value) => {
        const source = reader(...leb(value), 0xff);
        expect(source.u32()).toBe(value);
        expect(source.at).toBe(leb(value).length);
      }),
    );
  });

  test("takes encodings that are longer than need be, up to five bytes", () => {
    expect(reader(0x80, 0x00).u32()).toBe(0);
    expect(reader(0x81, 0x80, 0x80, 0x80, 0x00).u32()).toBe(1);
  });

  test("ends at 2^32 - 1: one bit more in the fifth byte is malformed", () => {
    expect(reader(0xff, 0xff, 0xff, 0xff, 0x0f).u32()).toBe(2 ** 32 - 1);
    for (const last of [0x10, 0x1f, 0x40, 0x7f, 0x8f, 0x80])
      expect(codeOf(() => reader(0xff, 0xff, 0xff, 0xff, last, 0).u32())).toBe("MODULE_MALFORMED");
  });

  test("is malformed where the bytes end first, at the offset of the missing byte", () => {
    for (const bytes of [[], [0x80], [0xff, 0xff, 0xff, 0xff]]) {
      const failure = failureOf(() => reader(...bytes).u32());
      expect(failure.code).toBe("MODULE_MALFORMED");
      expect(failure.detail["offset"]).toBe(bytes.length);
    }
  });
});

describe("Reader.u64()", () => {
  test("reads every value, as `skipU64` steps over it", () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 2n ** 64n - 1n), (value) => {
        const bytes = bigLeb(value);
        const [read, skipped] = [reader(...bytes, 1), reader(...bytes, 1)];
        expect(read.u64()).toBe(value);
        skipped.skipU64();
        expect([read.at, skipped.at]).toEqual([bytes.length, bytes.length]);
      }),
    );
  });

  test("ends at 2^64 - 1: a tenth byte above 1 is malformed, and so is an eleventh", () => {
    const nine = Array.from({ length: 9 }, () => 0xff);
    expect(reader(...nine, 0x01).u64()).toBe(2n ** 64n - 1n);
    expect(reader(...nine.fill(0x80), 0x00).u64()).toBe(0n);
    for (const last of [0x02, 0x7f, 0x80, 0x81]) {
      expect(codeOf(() => reader(...nine, last, 0).u64())).toBe("MODULE_MALFORMED");
      expect(codeOf(() => reader(...nine, last, 0).skipU64())).toBe("MODULE_MALFORMED");
    }
    expect(codeOf(() => reader(...nine).u64())).toBe("MODULE_MALFORMED");
    expect(codeOf(() => reader(...nine).skipU64())).toBe("MODULE_MALFORMED");
  });
});

describe("Reader.skipSigned()", () => {
  test("steps over every i32 that `signedLeb` writes", () => {
    fc.assert(
      fc.property(fc.integer(), (value) => {
        const source = reader(...signedLeb(value), 0xff);
        source.skipSigned(32);
        expect(source.at).toBe(signedLeb(value).length);
      }),
    );
  });

  test.each([
    { bits: 32 as const, opcode: 0x41, padding: 4, good: [0x00, 0x07, 0x78, 0x7f] },
    { bits: 64 as const, opcode: 0x42, padding: 9, good: [0x00, 0x7f] },
  ])("agrees with the engine about every last byte of an s$bits", (row) => {
    for (let last = 0; last < 256; last++) {
      const bytes = [...Array.from({ length: row.padding }, () => 0x80), last];
      const ours = codeOf(() => reader(...bytes, 0).skipSigned(row.bits)) === undefined;
      const theirs = refusal(functionModule([row.opcode, ...bytes, 0x1a])) === undefined;
      expect({ last, ours }).toEqual({ last, ours: theirs });
      if (row.good.includes(last)) expect(ours).toBe(true);
    }
  });
});

describe("Reader.s33()", () => {
  test("reads every value of 33 bits", () => {
    fc.assert(
      fc.property(fc.bigInt(-(2n ** 32n), 2n ** 32n - 1n), (value) => {
        const bytes = bigSignedLeb(value);
        const source = reader(...bytes, 0xff);
        expect(source.s33()).toBe(Number(value));
        expect(source.at).toBe(bytes.length);
      }),
    );
  });

  test("takes -64 in two bytes, as engines do", () => {
    expect(reader(0x40).s33()).toBe(-64);
    expect(reader(0xc0, 0x7f).s33()).toBe(-64);
  });

  test("ends at 33 bits on both sides", () => {
    expect(reader(0xff, 0xff, 0xff, 0xff, 0x0f).s33()).toBe(2 ** 32 - 1);
    expect(reader(0x80, 0x80, 0x80, 0x80, 0x70).s33()).toBe(-(2 ** 32));
    for (const last of [0x10, 0x60, 0x6f, 0x80])
      expect(codeOf(() => reader(0x80, 0x80, 0x80, 0x80, last).s33())).toBe("MODULE_MALFORMED");
  });
});

describe("Reader.count()", () => {
  test("takes as many as there are bytes left, and not one more", () => {
    expect(reader(2, 0, 0).count("things", 9)).toBe(2);
    expect(codeOf(() => reader(3, 0, 0).count("things", 9))).toBe("MODULE_MALFORMED");
  });

  test("takes `max`, and refuses one more as too large, not as malformed", () => {
    expect(reader(2, 0, 0).count("things", 2)).toBe(2);
    expect(codeOf(() => reader(2, 0, 0).count("things", 1))).toBe("MODULE_REFUSED");
  });
});

describe("Reader.name()", () => {
  test("takes `bytesMax` bytes and refuses one more", () => {
    expect(reader(...nameBytes("añb")).name(4)).toBe("añb");
    expect(codeOf(() => reader(...nameBytes("añb")).name(3))).toBe("MODULE_REFUSED");
  });

  test("keeps a byte order mark, since it is a character of the name", () => {
    expect(reader(3, 0xef, 0xbb, 0xbf).name(9)).toBe("\ufeff");
  });

  test("agrees with the engine about what is UTF-8", () => {
    const cases = [
      [0xff],
      [0xc0, 0x80],
      [0xed, 0xa0, 0x80],
      [0xf4, 0x90, 0x80, 0x80],
      [0xe2, 0x82],
      [0xf0, 0x9f, 0x92, 0xa9],
      [0x00],
    ];
    for (const bytes of cases) {
      const name = [bytes.length, ...bytes];
      const ours = codeOf(() => reader(...name).name(9)) === undefined;
      const imports = vectorSection(2, [[...name, 1, 0x61, 3, 0x7f, 0]]);
      expect({ bytes, ours }).toEqual({
        bytes,
        ours: refusal(functionModule([], { sections: { 2: imports } })) === undefined,
      });
    }
  });

  test("is malformed where the bytes end first", () => {
    expect(codeOf(() => reader(3, 0x61, 0x62).name(9))).toBe("MODULE_MALFORMED");
  });
});

test("Reader never reads behind `end`, also where the bytes go on", () => {
  const source = new Reader(Uint8Array.of(1, 2, 3, 4), 0, 2);
  expect([source.u8(), source.u8()]).toEqual([1, 2]);
  expect(codeOf(() => source.u8())).toBe("MODULE_MALFORMED");
  expect(codeOf(() => source.skip(1))).toBe("MODULE_MALFORMED");
  expect(source.skip(0)).toBe(2);
});

function bigLeb(value: bigint): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return [...bytes, Number(rest)];
}

function bigSignedLeb(value: bigint): number[] {
  const bytes: number[] = [];
  for (let rest = value; ;) {
    const byte = Number(rest & 0x7fn);
    rest >>= 7n;
    if ((rest === 0n && !(byte & 0x40)) || (rest === -1n && byte & 0x40)) return [...bytes, byte];
    bytes.push(byte | 0x80);
  }
}
