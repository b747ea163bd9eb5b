// Access: what is compiled does as the loops do, byte for byte.

import * as fc from "fast-check";
import { expect, test, vi } from "vitest";
import { array, bool, list, text, Views } from "./field.ts";
import { loop, readerOf, writerOf } from "./access.ts";
import { message, type Message, openAtOf } from "./schema.ts";
import { SCALARS, valueOf } from "./values.fixture.ts";

const TAILS = [
  ...SCALARS.flatMap(({ scalar }) => [list(scalar), array(scalar, 5)]),
  text(),
] as const;

const types = fc
  .tuple(
    fc.array(fc.constantFrom(...SCALARS, bool, array("u16", 3), array("u64", 2)), { maxLength: 6 }),
    fc.constantFrom(...TAILS),
  )
  .map(([heads, tail]) => message(Object.fromEntries([...heads, tail].map((f, i) => [`f${i}`, f]))))
  .map((type) => type as Message);
const cases = types.chain((type) => {
  const fields = Object.fromEntries(type.fields.map(({ name, field }) => [name, field]));
  return fc.tuple(fc.constant(type), valueOf(fields));
});
const memory = (): Views => {
  const made = new Views(new ArrayBuffer(2048));
  made.u8.fill(0x5a);
  return made;
};
/** As a page whose policy forbids compiling. */
const forbidden = <Made>(make: () => Made): Made => {
  vi.stubGlobal("Function", function () {
    throw new EvalError("the policy forbids it");
  });
  try {
    return make();
  } finally {
    vi.unstubAllGlobals();
  }
};

test("writerOf() writes the bytes that loop() writes, and returns as many", () => {
  fc.assert(
    fc.property(cases, ([type, value]) => {
      const [one, other, third] = [memory(), memory(), memory()];
      const { fields, bytes } = type;
      const written = writerOf(fields, bytes)(one, 64, value as never);
      expect(loop(fields, bytes)(other, 64, value as never)).toBe(written);
      const barred = forbidden(() => writerOf(fields, bytes));
      expect(barred(third, 64, value as never)).toBe(written);
      expect(other.u8).toEqual(one.u8);
      expect(third.u8).toEqual(one.u8);
    }),
  );
});

test("readerOf() reads what the slow reader reads", () => {
  fc.assert(
    fc.property(cases, ([type, value]) => {
      const one = memory();
      type.write(one, 64, value as never);
      const open = type.fields.at(-1)!.field;
      const at = open.count === 0 ? openAtOf(type.bytes, open) : 0;
      const slow = forbidden(() => readerOf(type.fields, at));
      expect(slow(one, 64)).toStrictEqual(readerOf(type.fields, at)(one, 64));
    }),
  );
});

test("writerOf() takes for a bool what loop() takes", () => {
  const { fields, bytes } = message({ is: bool });
  const [one, other] = [memory(), memory()];
  writerOf(fields, bytes)(one, 64, { is: 1 } as never);
  loop(fields, bytes)(other, 64, { is: 1 } as never);
  expect(other.u8[64]).toBe(one.u8[64]);
});

test("Message.read() shares nothing with the memory, and view() everything", () => {
  const type = message({ data: array("f32", 2) });
  const one = memory();
  type.write(one, 0, { data: [1, 2] });
  const [copy, view] = [type.read(one, 0), type.view(one, 0)];
  one.f32[0] = 9;
  expect([copy.data[0], view.data[0]]).toEqual([1, 9]);
});
