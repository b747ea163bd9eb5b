// What vocabularyOf() must give.

import { expect, test } from "vitest";
import { array, f32, list, message, text, u32 } from "../message/mod.ts";
import type { MessageDescription } from "./kernel-spec.ts";
import { vocabularyOf } from "./vocabulary.ts";

const fields = { a: f32, words: array("i32", 4), rest: list("u32") };
const described = (name: string | undefined, id: number, of: object): MessageDescription => ({
  ...{ id, name },
  fields: message(of as typeof fields).fields.map(
    ({ name: field, field: { kind, scalar, count } }) => ({
      ...{ name: field, kind, scalar, count },
    }),
  ),
});

const given = (...gives: MessageDescription[]) => [
  ...vocabularyOf({ takes: [], gives }).gives.values(),
];

test("vocabularyOf() gives messages of the same numbers, names and layouts, and the same ones again", () => {
  const original = message(fields, { name: "Sheet" });
  const description = described("Sheet", original.id, fields);
  const [made] = given(description);
  expect([made!.id, String(made), made!.layout]).toEqual([original.id, "Sheet", original.layout]);
  expect(given(structuredClone(description))[0]).toBe(made);
});

test("vocabularyOf() names what is taken and what is given, and nothing else", () => {
  const takes = [described("Ask", 5, { a: u32 }), described(undefined, 6, { a: u32 })];
  const { nameOf, gives } = vocabularyOf({ takes, gives: [described("Told", 7, { b: f32 })] });
  expect([5, 6, 7, 8].map(nameOf)).toEqual(["Ask", "{ a u32 }", "Told", undefined]);
  expect([...gives.keys()]).toEqual([7]);
});

test("vocabularyOf() tells messages apart by number, by name and by layout", () => {
  const all = [
    described("One", 7, { a: u32 }),
    described("One", 8, { a: u32 }),
    described("Two", 7, { a: u32 }),
    described(undefined, 7, { a: u32 }),
    described("One", 7, { a: f32 }),
    described("One", 7, { b: u32 }),
    described("One", 7, { a: text() }),
  ].map((one) => given(one)[0]!);
  expect(new Set(all).size).toBe(7);
  expect(all.map(({ id }) => id)).toEqual([7, 8, 7, 7, 7, 7, 7]);
});

test("vocabularyOf() forgets when it knows a thousand, and makes them again", () => {
  const first = described("First", 1, { a: u32 });
  const [made] = given(first);
  for (let i = 0; i < 1024; i++) given(described(`Message ${i}`, 2 + i, { a: u32 }));
  expect(given(first)[0]).not.toBe(made);
  expect(given(first)[0]!.layout).toBe(made!.layout);
});
