// What rebuilt() must give.

import { expect, test } from "vitest";
import { array, f32, list, message, text, u32 } from "../message/mod.ts";
import type { MessageDescription } from "./kernel-spec.ts";
import { rebuilt } from "./rebuilt.ts";

const fields = { a: f32, words: array("i32", 4), rest: list("u32") };
const described = (name: string | undefined, id: number, of: object): MessageDescription => ({
  ...{ id, name },
  fields: message(of as typeof fields).fields.map(
    ({ name: field, field: { kind, scalar, count } }) => ({
      ...{ name: field, kind, scalar, count },
    }),
  ),
});

test("rebuilt() gives a message of the same number, name and layout, and the same one again", () => {
  const original = message(fields, { name: "Sheet" });
  const description = described("Sheet", original.id, fields);
  const made = rebuilt(description);
  expect([made.id, String(made), made.layout]).toEqual([original.id, "Sheet", original.layout]);
  expect(rebuilt(structuredClone(description))).toBe(made);
});

test("rebuilt() tells messages apart by number, by name and by layout", () => {
  const one = rebuilt(described("One", 7, { a: u32 }));
  const others = [
    rebuilt(described("One", 8, { a: u32 })),
    rebuilt(described("Two", 7, { a: u32 })),
    rebuilt(described(undefined, 7, { a: u32 })),
    rebuilt(described("One", 7, { a: f32 })),
    rebuilt(described("One", 7, { b: u32 })),
    rebuilt(described("One", 7, { a: text() })),
  ];
  expect(new Set([one, ...others]).size).toBe(7);
  expect([one, ...others].map(({ id }) => id)).toEqual([7, 8, 7, 7, 7, 7, 7]);
});

test("rebuilt() forgets messages when it knows a thousand, and makes them again", () => {
  const first = described("First", 1, { a: u32 });
  const made = rebuilt(first);
  for (let i = 0; i < 1024; i++) rebuilt(described(`Message ${i}`, 2 + i, { a: u32 }));
  expect(rebuilt(first)).not.toBe(made);
  expect(rebuilt(first).layout).toBe(made.layout);
});
