// Messages: layouts, numbers, round trips of every type, and what is refused.

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { codeOf, SCALARS, valueOf } from "./values.fixture.ts";
import { array, bool, type Field, f32, f64, list, text, u16, u32, u64, u8 } from "./field.ts";
import { Views } from "./field.ts";
import { type Fields, message, type Message } from "./schema.ts";

const views = (): Views => new Views(new SharedArrayBuffer(4096));
const trip = <Of extends Fields>(type: Message<Of>, value: never, at = 64) => {
  const memory = views();
  memory.u8.fill(0xa5); // Whatever the last message left.
  const bytes = type.write(memory, at, value);
  return { memory, bytes, at, read: type.read(memory, at) };
};
const layoutOf = (fields: Fields): [string, number][] =>
  message(fields).fields.map(({ name, at }) => [name, at]);

describe("Message.write()", () => {
  const scalars = fc.uniqueArray(fc.constantFrom(...SCALARS, bool), { maxLength: 8 });
  const tails = fc.constantFrom(
    ...SCALARS.map(({ scalar }) => list(scalar)),
    ...SCALARS.map(({ scalar }) => array(scalar, 3)),
    text(),
  );

  test("and read() are a round trip of every type, in any order, up to the bytes of bytesOf()", () => {
    const cases = fc
      .tuple(scalars, tails)
      .map(([heads, tail]) => [...heads, tail] as Field[])
      .map((types) => Object.fromEntries(types.map((field, i) => [`f${i}`, field])))
      .chain((fields) => fc.tuple(fc.constant(fields), valueOf(fields)));
    fc.assert(
      fc.property(cases, fc.nat(64), ([fields, value], cell) => {
        const type = message(fields) as Message;
        const { memory, bytes, at, read } = trip(type, value as never, 8 * cell);
        expect(read).toStrictEqual(value);
        expect(bytes).toBe(type.bytesOf(value as never));
        expect({ ...type.view(memory, at), views: 0, at: 0 }).toEqual({ views: 0, at: 0 });
        const view = type.view(memory, at) as Readonly<Record<string, unknown>>;
        for (const name of Object.keys(fields)) expect(view[name]).toEqual(value[name]);
        expect(type.fits(memory, at, bytes)).toBe(true);
        expect(memory.u8[at - 1] ?? 0xa5).toBe(0xa5); // Nothing beside it was touched.
        expect(memory.u8[at + bytes]).toBe(0xa5);
      }),
    );
  });

  test("and read() keep a byte order mark at a text's start", () => {
    const value = { text: "\uFEFFa" };
    expect(trip(message({ text: text() }), value as never).read).toEqual(value);
  });

  test("writes half a pair as U+FFFD, of as many bytes as bytesOf() says", () => {
    const Say = message({ text: text() });
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.nat(0x3ff), (rest, half) => {
        const value = { text: `a${rest}${String.fromCharCode(0xd800 + half)}b` };
        const { bytes, read } = trip(Say, value as never);
        expect(read).toEqual({ text: value.text.toWellFormed() });
        expect(bytes).toBe(Say.bytesOf(value));
      }),
    );
  });

  test("fills a shorter array with zeros, and refuses a longer one", () => {
    const Four = message({ data: array("f32", 4) });
    expect(trip(Four, { data: [1, 2] } as never).read).toEqual({
      data: Float32Array.of(1, 2, 0, 0),
    });
    expect(trip(Four, { data: [] } as never).read).toEqual({ data: new Float32Array(4) });
    expect(() => trip(Four, { data: [1, 2, 3, 4, 5] } as never)).toThrow(
      expect.objectContaining({ code: "MESSAGE_INVALID" }),
    );
  });

  test("fills an array of u64 that has no elements with zeros", () => {
    const Two = message({ data: array("u64", 2) });
    expect(trip(Two, { data: [] } as never).read).toEqual({ data: new BigUint64Array(2) });
  });

  test("throws for what has no such field, so that nothing half is sent", () => {
    expect(() => message({ text: text() }).bytesOf({} as never)).toThrow(TypeError);
    expect(() => message({ data: list("f32") }).bytesOf({} as never)).toThrow(TypeError);
    expect(() => trip(message({ big: u64 }), { big: 1 } as never)).toThrow(TypeError);
  });
});

describe("Message.fields", () => {
  test("are aligned to their own size, in order", () => {
    expect(layoutOf({ a: u8, b: u16, c: u8, d: f32, e: u8, f: u64 })).toEqual([
      ...[["a", 0] as const, ["b", 2] as const, ["c", 4] as const],
      ...[["d", 8] as const, ["e", 12] as const, ["f", 16] as const],
    ]);
    expect(layoutOf({ a: bool, b: array("u8", 3), c: array("f64", 2), d: text() })).toEqual([
      ...[["a", 0] as const, ["b", 1] as const, ["c", 8] as const, ["d", 24] as const],
    ]);
    expect(message({}).bytes).toBe(0);
  });

  test("end with a list whose elements are aligned to their size, behind their length", () => {
    const type = message({ data: list("f64") });
    const { memory, bytes, at } = trip(type, { data: [7] } as never, 8);
    expect([type.bytes, bytes]).toEqual([4, 16]);
    expect([memory.u32[at / 4], memory.f64[at / 8 + 1]]).toEqual([1, 7]);
    expect(type.bytesOf({ data: [] })).toBe(8);
  });
});

describe("Message.id", () => {
  test("is that of the layout: a name or another layout is another", () => {
    const ids = [
      message({ a: f32, b: f32 }),
      message({ a: f32, b: f64 }),
      message({ b: f32, a: f32 }),
      message({ a: f32, b: f32 }, { name: "Named" }),
      message({ a: array("f32", 1), b: f32 }),
      message({ a: f32 }),
    ].map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(message({ a: f32, b: f32 }).id).toBe(ids[0]);
    expect(message({ a: f32, b: f32 }, { name: "Named" }).id).toBe(ids[3]);
    for (const id of ids) expect(id).toBeGreaterThanOrEqual(2 ** 31);
  });

  test("may be given from 1 to 2^31 - 1", () => {
    for (const id of [1, 2 ** 31 - 1]) expect(message({}, { id }).id).toBe(id);
    for (const id of [0, -1, 2 ** 31, 1.5, NaN])
      expect(codeOf(() => message({}, { id }))).toBe("MESSAGE_INVALID");
  });
});

describe("message()", () => {
  test("refuses names that are no identifiers, or a view's own", () => {
    for (const name of ["", "a b", "1a", "a-b", "at", "views", "ä", "a;b"])
      expect(codeOf(() => message({ [name]: u32 }))).toBe("MESSAGE_INVALID");
    expect(codeOf(() => message({ ["__proto__"]: u32 }))).toBe("MESSAGE_INVALID");
    for (const name of ["constructor", "toString", "class", "_", "A1", "value", "end", "put"])
      expect(trip(message({ [name]: u32 }), { [name]: 5 } as never).read).toEqual({ [name]: 5 });
  });

  test("refuses a field behind a list or text, and arrays of no elements", () => {
    expect(codeOf(() => message({ a: text(), b: u32 }))).toBe("MESSAGE_INVALID");
    expect(codeOf(() => message({ a: list("u8"), b: list("u8") }))).toBe("MESSAGE_INVALID");
    for (const count of [0, -1, 1.5, NaN])
      expect(codeOf(() => array("f32", count))).toBe("MESSAGE_INVALID");
    expect(array("f32", 1).count).toBe(1);
  });
});

describe("Message.fits()", () => {
  test("says no to every length but the message's own, of a fixed layout", () => {
    const type = message({ a: f64, b: u8 });
    const memory = views();
    for (let bytes = 0; bytes < 32; bytes++) expect(type.fits(memory, 8, bytes)).toBe(bytes === 9);
    expect(type.fits(memory, 4096 - 16, 9)).toBe(true);
    expect(type.fits(memory, 4096 - 8, 9)).toBe(false);
  });

  test("says yes to an open layout only where its length agrees, whatever that is", () => {
    const types = [...SCALARS.map(({ scalar }) => message({ a: u8, data: list(scalar) })), SAY];
    const length = fc.oneof(fc.nat(40), fc.integer({ min: 0, max: 2 ** 32 - 1 }));
    const cases = fc.record({ type: fc.constantFrom(...types), length, bytes: fc.nat(5000) });
    fc.assert(
      fc.property(cases, ({ type, length, bytes }) => {
        const memory = views();
        const { at: offset, field } = type.fields.at(-1)!;
        memory.u32[(64 + offset) / 4] = length;
        const size = field.kind === "text" ? 1 : memory[field.scalar].BYTES_PER_ELEMENT;
        const whole = Math.ceil(type.bytes / size) * size + length * size;
        expect(type.fits(memory, 64, bytes)).toBe(bytes === whole && 64 + bytes <= 4096);
        if (64 + whole <= 4096) expect(type.fits(memory, 64, whole)).toBe(true);
      }),
    );
  });
});

const SAY = message({ a: u8, text: text() }) as unknown as Message<{
  a: Field<number>;
  data: Field;
}>;

test("Message.view() shows no memory to whoever prints, spreads or copies it", () => {
  const one = message({ a: f32 });
  const views = new Views(new ArrayBuffer(64));
  one.write(views, 8, { a: 2 });
  const view = one.view(views, 8);
  expect([Object.keys(view), { ...view }, JSON.stringify(view)]).toEqual([[], {}, "{}"]);
  expect(view.a).toBe(2);
});
