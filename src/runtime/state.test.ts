// The state of kernels as bytes, by both files that know them.

import * as fc from "fast-check";
import { expect, test } from "vitest";
import { CHECKPOINT_LIMITS, Failure } from "../base/mod.ts";
import { decodeState } from "./state-reader.ts";
import { encodeState } from "./state-writer.ts";

const again = (value: unknown): unknown => decodeState(encodeState(value));
const codeOf = (work: () => unknown): unknown => {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return error.code;
  }
};

/** Arrays inside each other. */
function nested(depth: number): unknown {
  let value: unknown = 0;
  for (let i = 0; i < depth; i++) value = [value];
  return value;
}

test("decodeState() gives what encodeState() was given, of every kind", () => {
  const views = [new Uint8Array([1, 2]), new Float32Array([0.5]), new BigInt64Array([-3n])];
  const view = new DataView(new ArrayBuffer(3));
  const values = [
    undefined,
    null,
    true,
    false,
    -0,
    NaN,
    1.5,
    2n ** 200n,
    -7n,
    0n,
    "ä\ud800",
    "日本",
  ];
  const state = {
    ...{ values, views, view, buffer: new Uint8Array([9]).buffer, when: new Date(5) },
    ...{ map: new Map<unknown, unknown>([[{ key: 1 }, [2]]]), set: new Set(["a", 1]) },
    bare: Object.assign(Object.create(null) as object, { a: 1 }),
  };
  const back = again(state) as typeof state;
  expect(back).toEqual(state);
  expect(Object.getPrototypeOf(back.bare)).toBe(null);
  expect([back.views[0]!.constructor, back.view.constructor]).toEqual([Uint8Array, DataView]);
  expect(Object.is(back.values[4], -0)).toBe(true);
  expect(Number.isNaN((again(new Date(NaN)) as Date).getTime())).toBe(true);
});

test("What is written where the buffer grows is whole, for every kind and every place", () => {
  for (let length = 200; length < 300; length++) {
    const state = ["x".repeat(length), null, 1, [new Date(1), {}], 2n, new Uint8Array(3)];
    expect(again(state), String(length)).toEqual(state);
  }
});

test("Cycles and sharing stay, and `__proto__` is a name like any other", () => {
  const shared = { n: 1 };
  const state: { self?: unknown; two: unknown[] } = { two: [shared, shared] };
  state.self = state;
  const back = again(state) as typeof state;
  expect(back.self).toBe(back);
  expect(back.two[0]).toBe(back.two[1]);
  const named = again(JSON.parse('{"__proto__": {"evil": 1}}')) as { evil?: number };
  expect([Object.keys(named), named.evil]).toEqual([["__proto__"], undefined]);
});

test("A view is kept with its own bytes, a Buffer as bytes", () => {
  const view = new Uint8Array(new ArrayBuffer(64), 8, 4).fill(7);
  const back = again({ view, buffer: Buffer.from("ab") }) as {
    view: Uint8Array;
    buffer: Uint8Array;
  };
  expect([...back.view, back.view.buffer.byteLength]).toEqual([7, 7, 7, 7, 4]);
  expect([...back.buffer]).toEqual([97, 98]);
});

test("What would come back as something else is STATE_UNSAVABLE, and says where it is", () => {
  class Account extends Map {}
  const holes = [1, 2];
  delete holes[0];
  const wrong = [
    () => 1,
    Symbol("s"),
    new Account(),
    holes,
    Object.assign([1, 2], { length: 3, name: 1 }), // As many names as an array without holes has.
    /x/,
    new Error("e"),
    { [Symbol.iterator]: 1 },
  ];
  for (const value of [...wrong, new SharedArrayBuffer(1), new WeakMap(), Promise.resolve()])
    expect(codeOf(() => encodeState({ value }))).toBe("STATE_UNSAVABLE");
  expect(() => encodeState({ a: [{ b: new Account() }] })).toThrow(
    expect.objectContaining({ at: "state.a[0].b", found: "an object of class Account" }),
  );
  const bare = Object.create(null) as object; // It has no text.
  const at =
    (key: unknown): unknown =>
    () =>
      encodeState(new Map([[key, new Account()]]));
  expect(at(bare)).toThrow(expect.objectContaining({ at: "state.get(an object)" }));
  expect(at(7)).toThrow(expect.objectContaining({ at: "state.get(7)" }));
  expect(again(new Map([[bare, 1]]))).toEqual(new Map([[bare, 1]]));
});

test("A state is bounded in bytes and in depth, on both sides of each limit", () => {
  expect(codeOf(() => encodeState(nested(CHECKPOINT_LIMITS.valueDepthMax + 1)))).toBe(
    "STATE_UNSAVABLE",
  );
  const deepest = nested(CHECKPOINT_LIMITS.valueDepthMax);
  expect(again(deepest)).toEqual(deepest);
  const bytes = new Uint8Array(1000);
  const { length } = encodeState(bytes);
  expect(encodeState(bytes, length).length).toBe(length);
  expect(codeOf(() => encodeState(bytes, length - 1))).toBe("STATE_UNSAVABLE");
  const digits = 16n ** BigInt(CHECKPOINT_LIMITS.bigintDigitsMax - 1);
  expect(again(digits)).toBe(digits);
  expect(codeOf(() => encodeState(16n * digits))).toBe("STATE_UNSAVABLE");
});

test("Bytes that lie about lengths, kinds or names are CHECKPOINT_INVALID before anything is made", () => {
  const huge = [0xff, 0xff, 0xff, 0xff];
  const lies: Record<string, number[]> = {
    nothing: [],
    "no such tag": [99],
    "an array of 2^32 values": [9, ...huge],
    "an object of 2^32 names": [10, ...huge],
    "a map of 2^32 entries": [12, ...huge],
    "a text of 4 GiB": [6, ...huge],
    "a buffer of 4 GiB": [14, ...huge],
    "an object that never came": [16, 0, 0, 0, 0],
    "a view of no kind": [15, 77, 0, 0, 0, 0],
    "half an i16": [15, 4, 1, 0, 0, 0, 1],
    "a text that is not UTF-8": [6, 1, 0, 0, 0, 0xff],
    "a bigint of other digits": [5, 1, 0, 0, 0, 0x20],
    "an empty bigint": [5, 0, 0, 0, 0],
    "two of one name": [10, 2, 0, 0, 0, 6, 1, 0, 0, 0, 97, 1, 6, 1, 0, 0, 0, 97, 1],
    "bytes behind the value": [1, 1],
    "arrays 300 deep": Array.from({ length: 300 }, () => [9, 1, 0, 0, 0]).flat(),
  };
  for (const [name, bytes] of Object.entries(lies))
    expect(
      codeOf(() => decodeState(Uint8Array.from(bytes))),
      name,
    ).toBe("CHECKPOINT_INVALID");
});

test("Any state that JSON knows comes back, and any bytes at all are a state or CHECKPOINT_INVALID", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(again(value)).toEqual(value);
    }),
  );
  const sample = encodeState({ a: [1, "b", new Map([[1, { c: new Uint8Array(9) }]])], d: 5n });
  const change = fc.record({ at: fc.nat(sample.length - 1), to: fc.nat(255) });
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), (changes) => {
      const bytes = sample.slice();
      for (const { at, to } of changes) bytes[at] = to;
      const found = codeOf(() => void decodeState(bytes));
      expect([undefined, "CHECKPOINT_INVALID"]).toContain(found);
    }),
    { numRuns: 5000 },
  );
});
