import * as fc from "fast-check";
import { expect, test } from "vitest";
import { Failure, PACK_LIMITS } from "../base/mod.ts";
import { failureOf } from "./failure-of.fixture.ts";
import { type Json, parseJson, printJson } from "./json.ts";

const BOUNDS = { bytesMax: 1000, depthMax: 4, valuesMax: 10 };

const syntaxOf = (text: string | Uint8Array) => failureOf(() => parseJson(text)).detail;

test("parseJson() reads every kind of value", () => {
  expect(parseJson(' {"a": [1, -2.5e3, true, false, null, "x\\u00e9\\n"], "b": {}} ')).toEqual({
    a: [1, -2500, true, false, null, "xé\n"],
    b: {},
  });
});

test("parseJson() reads every escape", () => {
  expect(parseJson(String.raw`"\"\\\/\b\f\n\r\t\u0041\ud83d\ude00"`)).toBe('"\\/\b\f\n\r\tA😀');
});

test("parseJson() keeps integers beyond 2^53 as bigints and others as numbers", () => {
  expect(parseJson("[9007199254740991, 9007199254740992, -18446744073709551615]")).toEqual([
    9007199254740991,
    9007199254740992n,
    -18446744073709551615n,
  ]);
});

test("parseJson() makes __proto__ and constructor keys like any other", () => {
  const value = parseJson('{"__proto__": {"polluted": true}, "constructor": 1}') as object;
  expect(Object.keys(value)).toEqual(["__proto__", "constructor"]);
  expect(Object.getPrototypeOf(value)).toBe(null);
  expect(({} as Record<string, unknown>)["polluted"]).toBe(undefined);
});

test("parseJson() says line, column, byte and pointer of an error", () => {
  expect(syntaxOf('{\n  "é": [1, 2,]\n}')).toEqual({
    syntax: "UNEXPECTED",
    line: 2,
    column: 14,
    byte: 16,
    pointer: "/é/2",
  });
});

test("parseJson() refuses a key that stands twice, in every nesting", () => {
  expect(syntaxOf('{"a": {"b": 1, "b": 1}}')).toMatchObject({
    syntax: "DUPLICATE_KEY",
    pointer: "/a/b",
  });
  // Two spellings of one key are one key.
  expect(syntaxOf(String.raw`{"a": 1, "\u0061": 1}`)).toMatchObject({ syntax: "DUPLICATE_KEY" });
});

test.each([
  ["", "UNEXPECTED"],
  ["01", "TRAILING_TEXT"],
  ["1 2", "TRAILING_TEXT"],
  ["+1", "UNEXPECTED"],
  [".5", "UNEXPECTED"],
  ["1.", "TRAILING_TEXT"],
  ["-", "UNEXPECTED"],
  ["NaN", "UNEXPECTED"],
  ["Infinity", "UNEXPECTED"],
  ["1e999", "NUMBER_TOO_LARGE"],
  ["tru", "UNEXPECTED"],
  ["'a'", "UNEXPECTED"],
  ['"a', "UNEXPECTED"],
  ['"a\nb"', "UNEXPECTED"],
  [String.raw`"\x41"`, "BAD_ESCAPE"],
  [String.raw`"\u12"`, "BAD_ESCAPE"],
  [String.raw`"\ud800"`, "LONE_SURROGATE"],
  ["{a: 1}", "UNEXPECTED"],
  ['{"a" 1}', "UNEXPECTED"],
  ['{"a": 1,}', "UNEXPECTED"],
  ["[1,]", "UNEXPECTED"],
  ["[1 2]", "UNEXPECTED"],
  ["[1", "UNEXPECTED"],
  ["// note\n1", "UNEXPECTED"],
  ["\ufeff1", "UNEXPECTED"],
  ["\u00a01", "UNEXPECTED"],
])("parseJson() refuses %j with %s", (text, syntax) => {
  expect(failureOf(() => parseJson(text)).code).toBe("MANIFEST_SYNTAX");
  expect(syntaxOf(text)).toMatchObject({ syntax });
});

test("parseJson() refuses bytes that are not UTF-8 and says where they begin", () => {
  const bytes = new Uint8Array([0x22, 0xc3, 0xa9, 0xff, 0x22]);
  expect(syntaxOf(bytes)).toMatchObject({ syntax: "NOT_UTF8", byte: 3 });
  expect(syntaxOf(bytes.subarray(0, 2))).toMatchObject({ syntax: "NOT_UTF8" });
});

test("parseJson() holds each bound on both sides", () => {
  expect(parseJson(deep(4), BOUNDS)).toEqual([[[[]]]]);
  expect(failureOf(() => parseJson(deep(5), BOUNDS)).detail).toMatchObject({ syntax: "TOO_DEEP" });
  expect(parseJson(list(9), BOUNDS)).toHaveLength(9);
  expect(failureOf(() => parseJson(list(10), BOUNDS)).detail).toMatchObject({
    syntax: "TOO_MANY_VALUES",
  });
  expect(parseJson(text(1000), BOUNDS)).toHaveLength(998);
  expect(failureOf(() => parseJson(text(1001), BOUNDS)).code).toBe("PACK_TOO_LARGE");
  expect(failureOf(() => parseJson(`"${"é".repeat(500)}"`, BOUNDS)).code).toBe("PACK_TOO_LARGE");
  expect(parseJson(digits(PACK_LIMITS.numberCharactersMax))).toBeTypeOf("bigint");
  expect(syntaxOf(digits(PACK_LIMITS.numberCharactersMax + 1))).toMatchObject({
    syntax: "NUMBER_TOO_LONG",
  });
});

test("parseJson() fails with the code that its caller names", () => {
  const bounds = { ...BOUNDS, failure: "KEYRING_INVALID" } as const;
  expect(failureOf(() => parseJson("{", bounds)).code).toBe("KEYRING_INVALID");
});

const json: fc.Memo<Json> = fc.memo((depth) =>
  depth <= 1 ? leaf : fc.oneof(leaf, fc.array(json(depth - 1)), object(depth - 1)),
);
const leaf: fc.Arbitrary<Json> = fc.oneof(
  fc.constantFrom(null, true, false),
  fc.string({ unit: "grapheme" }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
  fc
    .bigInt({ min: -(2n ** 64n), max: 2n ** 64n })
    .map((value) => (Number.isSafeInteger(Number(value)) ? Number(value) : value)),
);
const object = (depth: number): fc.Arbitrary<Json> =>
  fc.dictionary(fc.oneof(fc.string(), fc.constant("__proto__")), json(depth), {
    noNullPrototype: false,
  });

test("parse, print, parse is the identity", () => {
  fc.assert(
    fc.property(json(4), (value) => {
      const once = parseJson(printJson(value));
      expect(parseJson(printJson(once))).toEqual(once);
      expect(printJson(once)).toBe(printJson(parseJson(printJson(once))));
    }),
  );
});

test("parseJson() agrees with JSON.parse() wherever a double is exact", () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      expect(JSON.stringify(parseJson(text), bigintAsNumber)).toBe(
        JSON.stringify(JSON.parse(text)),
      );
    }),
  );
});

test("parseJson() throws only Failures, whatever the bytes", () => {
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array(), fc.string(), fc.json().map(truncated)), (source) => {
      try {
        parseJson(source);
      } catch (error) {
        expect(error).toBeInstanceOf(Failure);
      }
    }),
  );
});

test("printJson() prints as JSON.stringify() does, and bigints as plain integers", () => {
  const value = { a: [1, "x", null, []], b: {}, c: undefined };
  expect(printJson(value)).toBe(`${JSON.stringify(value, null, 2)}\n`);
  expect(printJson([2n ** 64n, 1e300, -0])).toBe(
    "[\n  18446744073709551616,\n  1e+300,\n  -0\n]\n",
  );
});

const truncated = (text: string): string => text.slice(0, -1);
const bigintAsNumber = (_key: string, value: unknown): unknown =>
  typeof value === "bigint" ? Number(value) : value;
const deep = (levels: number) => "[".repeat(levels) + "]".repeat(levels);
const list = (count: number) => `[${Array.from({ length: count }, () => 1).join()}]`;
const text = (bytes: number) => `"${"a".repeat(bytes - 2)}"`;
const digits = (count: number) => "1".repeat(count);
