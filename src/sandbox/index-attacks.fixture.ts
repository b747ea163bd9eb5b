// Index attacks: every place in a module where an index can stand, so that each can be tried with an
// index one too high. Such an index would name what the rewriter appends: the epoch's memory, the
// deadline, an armed entry, a type of ours.

import { body, type Bytes, moduleOf, NOTHING, section, vectorSection } from "./wasm.fixture.ts";
import { leb, nameBytes } from "./writer.ts";

export interface IndexPlace {
  readonly space: keyof typeof COUNTS;
  readonly place: string;
  /** An index that V8 accepts there. */
  readonly good: number;
  /** The module with `index` in that place. */
  readonly module: (index: number) => Uint8Array<ArrayBuffer>;
}

/** How many of each the module below has; labels are the function's own and one block. */
export const COUNTS = {
  type: 3,
  function: 3,
  table: 2,
  memory: 2,
  global: 3,
  tag: 1,
  data: 1,
  element: 1,
  local: 3,
  label: 2,
} as const;

const FUNC = 0;
const STRUCT = 1;
const ARRAY = 2;
const I32 = 0x7f;
const ZERO: Bytes = [0x41, 0];
const END = 0x0b;
const names = [...nameBytes("a"), ...nameBytes("b")];

/** The sections of a module with something in every index space. */
const SECTIONS: Readonly<Record<number, readonly Bytes[]>> = {
  1: [NOTHING, [0x5f, 1, I32, 1], [0x5e, 0x78, 1]],
  2: [
    [...names, 0, FUNC],
    [...names, 3, I32, 0],
    [...names, 2, 0, 1],
  ],
  3: [[FUNC], [FUNC]],
  4: [
    [0x70, 0, 1],
    [0x70, 0, 1],
  ],
  5: [[0, 1]],
  13: [[0, FUNC]],
  6: [
    [I32, 1, ...ZERO, END],
    [I32, 0, ...ZERO, END],
  ],
  9: [[3, 0, 1, 0]],
  11: [[1, 0]],
};

function build(changes: Readonly<Record<number, readonly Bytes[]>>): Uint8Array<ArrayBuffer> {
  const all: Readonly<Record<number, readonly Bytes[]>> = { ...SECTIONS, ...changes };
  const bodies = changes[10] ?? [leaf];
  const order = [1, 2, 3, 4, 5, 13, 6, 7, 8, 9];
  return moduleOf(
    ...order.filter((id) => all[id] !== undefined).map((id) => spell(id, all[id]!)),
    section(12, [all[11]!.length]),
    vectorSection(10, [leaf, ...bodies]),
    vectorSection(11, all[11]!),
  );
}

function spell(id: number, items: readonly Bytes[]): Bytes {
  return id === 8 ? section(id, ...items) : vectorSection(id, items);
}

const leaf = body([END]);

/** Adds `item` behind what section `id` has. */
function withItem(id: number, item: Bytes): Uint8Array<ArrayBuffer> {
  return build({ [id]: [...(SECTIONS[id] ?? []), item] });
}

/** A function of three locals whose code stands in one block, behind `unreachable`. */
function inBlock(code: Bytes, result: Bytes = [0x40]): Uint8Array<ArrayBuffer> {
  const locals = [2, 2, I32, 1, 0x7e];
  return build({ 10: [body([0x02, ...result, 0x00, ...code, 0x00, END, 0x00, END], locals)] });
}

type Spell = (index: Bytes) => Bytes;
type Places = readonly (readonly [place: string, spell: Spell, good?: number])[];

/** Places in code, by space. `good` is the highest index unless it is given. */
const IN_CODE: Readonly<Partial<Record<keyof typeof COUNTS, Places>>> = {
  local: [
    ["local.get", (i) => [0x20, ...i]],
    ["local.set", (i) => [0x21, ...i]],
    ["local.tee", (i) => [0x22, ...i]],
  ],
  global: [
    ["global.get", (i) => [0x23, ...i]],
    ["global.set", (i) => [0x24, ...i], 1],
  ],
  function: [
    ["call", (i) => [0x10, ...i]],
    ["return_call", (i) => [0x12, ...i]],
    ["ref.func", (i) => [0xd2, ...i], 0],
  ],
  table: [
    ["table.get", (i) => [0x25, ...i]],
    ["table.set", (i) => [0x26, ...i]],
    ["call_indirect", (i) => [0x11, FUNC, ...i]],
    ["return_call_indirect", (i) => [0x13, FUNC, ...i]],
    ["table.init", (i) => [0xfc, 12, 0, ...i]],
    ["table.copy to", (i) => [0xfc, 14, ...i, 0]],
    ["table.copy from", (i) => [0xfc, 14, 0, ...i]],
    ["table.grow", (i) => [0xfc, 15, ...i]],
    ["table.size", (i) => [0xfc, 16, ...i]],
    ["table.fill", (i) => [0xfc, 17, ...i]],
  ],
  memory: [
    ["i32.load", (i) => [0x28, 0x42, ...i, 0]],
    ["i64.store8", (i) => [0x3c, 0x40, ...i, 0]],
    ["memory.size", (i) => [0x3f, ...i]],
    ["memory.grow", (i) => [0x40, ...i]],
    ["memory.init", (i) => [0xfc, 8, 0, ...i]],
    ["memory.copy to", (i) => [0xfc, 10, ...i, 0]],
    ["memory.copy from", (i) => [0xfc, 10, 0, ...i]],
    ["memory.fill", (i) => [0xfc, 11, ...i]],
    ["v128.load", (i) => [0xfd, 0, 0x40, ...i, 0]],
    ["v128.load8_lane", (i) => [0xfd, 0x54, 0x40, ...i, 0, 0]],
    ["v128.load32_zero", (i) => [0xfd, 0x5c, 0x40, ...i, 0]],
    ["i32.atomic.load", (i) => [0xfe, 0x10, 0x42, ...i, 0]],
    ["memory.atomic.notify", (i) => [0xfe, 0x00, 0x42, ...i, 0]],
    ["i64.atomic.rmw.cmpxchg", (i) => [0xfe, 0x49, 0x43, ...i, 0]],
  ],
  tag: [
    ["throw", (i) => [0x08, ...i]],
    ["catch", (i) => [0x06, 0x40, 0x07, ...i, END]],
    ["try_table catch", (i) => [0x1f, 0x40, 1, 0, ...i, 0, END]],
    ["try_table catch_ref", (i) => [0x02, 0x69, 0x1f, 0x40, 1, 1, ...i, 0, END, 0x00, END, 0x1a]],
  ],
  data: [
    ["memory.init", (i) => [0xfc, 8, ...i, 0]],
    ["data.drop", (i) => [0xfc, 9, ...i]],
    ["array.new_data", (i) => [0xfb, 9, ARRAY, ...i]],
    ["array.init_data", (i) => [0xfb, 18, ARRAY, ...i]],
  ],
  element: [
    ["table.init", (i) => [0xfc, 12, ...i, 0]],
    ["elem.drop", (i) => [0xfc, 13, ...i]],
  ],
  label: [
    ["br", (i) => [0x0c, ...i]],
    ["br_if", (i) => [0x0d, ...i]],
    ["br_table", (i) => [0x0e, 1, ...i, 0]],
    ["br_table default", (i) => [0x0e, 1, 0, ...i]],
    ["br_on_null", (i) => [0xd5, ...i]],
    ["try_table catch_all", (i) => [0x1f, 0x40, 1, 2, ...i, END]],
    ["delegate", (i) => [0x06, 0x40, 0x18, ...i]],
  ],
  type: [
    ["block", (i) => [0x02, ...i, END], FUNC],
    ["loop", (i) => [0x03, ...i, END], FUNC],
    ["if", (i) => [0x04, ...i, END], FUNC],
    ["try", (i) => [0x06, ...i, END], FUNC],
    ["try_table", (i) => [0x1f, ...i, 0, END], FUNC],
    ["block (result)", (i) => [0x02, 0x63, ...i, 0x00, END]],
    ["call_indirect", (i) => [0x11, ...i, 0], FUNC],
    ["return_call_indirect", (i) => [0x13, ...i, 0], FUNC],
    ["call_ref", (i) => [0x14, ...i], FUNC],
    ["return_call_ref", (i) => [0x15, ...i], FUNC],
    ["select", (i) => [0x1c, 1, 0x63, ...i]],
    ["ref.null", (i) => [0xd0, ...i]],
    ["ref.test", (i) => [0xfb, 20, ...i]],
    ["ref.cast null", (i) => [0xfb, 23, ...i]],
    ["br_on_cast from", (i) => [0xfb, 24, 3, 0, ...i, 0x71], STRUCT],
    ["br_on_cast to", (i) => [0xfb, 25, 3, 0, 0x6e, ...i], STRUCT],
    ["struct.new", (i) => [0xfb, 0, ...i], STRUCT],
    ["struct.new_default", (i) => [0xfb, 1, ...i], STRUCT],
    ["struct.get", (i) => [0xfb, 2, ...i, 0], STRUCT],
    ["struct.set", (i) => [0xfb, 5, ...i, 0], STRUCT],
    ["array.new", (i) => [0xfb, 6, ...i], ARRAY],
    ["array.new_default", (i) => [0xfb, 7, ...i], ARRAY],
    ["array.new_fixed", (i) => [0xfb, 8, ...i, 1], ARRAY],
    ["array.new_data", (i) => [0xfb, 9, ...i, 0], ARRAY],
    ["array.get_s", (i) => [0xfb, 12, ...i], ARRAY],
    ["array.set", (i) => [0xfb, 14, ...i], ARRAY],
    ["array.fill", (i) => [0xfb, 16, ...i], ARRAY],
    ["array.copy to", (i) => [0xfb, 17, ...i, ARRAY], ARRAY],
    ["array.copy from", (i) => [0xfb, 17, ARRAY, ...i], ARRAY],
    ["array.init_data", (i) => [0xfb, 18, ...i, 0], ARRAY],
  ],
};

/** Blocks whose branches carry something. */
const RESULTS: Readonly<Record<string, Bytes>> = {
  "br_on_cast from": [0x6e],
  "br_on_cast to": [0x6e],
};

type Outside = readonly (readonly [place: string, module: IndexPlace["module"], good?: number])[];

/** Places outside code, by space. */
const OUTSIDE: Readonly<Partial<Record<keyof typeof COUNTS, Outside>>> = {
  type: [
    ["import", (i) => withItem(2, [...names, 0, ...leb(i)]), FUNC],
    ["function", (i) => build({ 3: [[FUNC], leb(i)] }), FUNC],
    ["tag", (i) => withItem(13, [0, ...leb(i)]), FUNC],
    ["local", (i) => build({ 10: [body([END], [1, 1, 0x63, ...leb(i)])] })],
    ["global", (i) => withItem(6, [0x63, ...leb(i), 0, 0xd0, 0x71, END])],
    ["table", (i) => withItem(4, [0x63, ...leb(i), 0, 1])],
    ["element segment", (i) => withItem(9, [5, 0x63, ...leb(i), 0])],
    ["ref.null in a constant", (i) => withItem(6, [0x6e, 0, 0xd0, ...leb(i), END]), STRUCT],
    ["struct.new in a constant", (i) => withItem(6, [0x6e, 0, 0xfb, 1, ...leb(i), END]), STRUCT],
    [
      "array.new_fixed in a constant",
      (i) => withItem(6, [0x6e, 0, 0xfb, 8, ...leb(i), 0, END]),
      ARRAY,
    ],
  ],
  function: [
    ["export", (i) => withItem(7, [...nameBytes("e"), 0, ...leb(i)])],
    ["start", (i) => build({ 8: [leb(i)] })],
    ["element segment", (i) => withItem(9, [0, ...ZERO, END, 1, ...leb(i)])],
    ["element expression", (i) => withItem(9, [5, 0x70, 1, 0xd2, ...leb(i), END])],
    ["ref.func in a constant", (i) => withItem(6, [0x70, 0, 0xd2, ...leb(i), END])],
  ],
  table: [
    ["export", (i) => withItem(7, [...nameBytes("e"), 1, ...leb(i)])],
    ["element segment", (i) => withItem(9, [2, ...leb(i), ...ZERO, END, 0, 0])],
  ],
  memory: [
    ["export", (i) => withItem(7, [...nameBytes("e"), 2, ...leb(i)])],
    ["data segment", (i) => withItem(11, [2, ...leb(i), ...ZERO, END, 0])],
  ],
  global: [
    ["export", (i) => withItem(7, [...nameBytes("e"), 3, ...leb(i)])],
    ["global.get in a constant", (i) => withItem(6, [I32, 0, 0x23, ...leb(i), END])],
    ["element segment's offset", (i) => withItem(9, [0, 0x23, ...leb(i), END, 0])],
    ["data segment's offset", (i) => withItem(11, [0, 0x23, ...leb(i), END, 0])],
  ],
  tag: [["export", (i) => withItem(7, [...nameBytes("e"), 4, ...leb(i)])]],
};

/** A table's initialiser is read before the module's own globals: the imported one is the last. */
const TABLE_INITIALISER: IndexPlace = {
  space: "global",
  place: "global.get in a table's initialiser",
  good: 0,
  module: (i) =>
    build({
      2: [
        [...names, 0, FUNC],
        [...names, 3, 0x70, 0],
        [...names, 2, 0, 1],
      ],
      4: [
        [0x40, 0, 0x70, 0, 1, 0x23, ...leb(i), END],
        [0x70, 0, 1],
      ],
    }),
};

export const INDEX_PLACES: readonly IndexPlace[] = [
  ...Object.entries(IN_CODE).flatMap(([space, places]) =>
    places.map(([place, code, good]) =>
      row(space, place, (i) => inBlock(code(leb(i)), RESULTS[place]), good),
    ),
  ),
  ...Object.entries(OUTSIDE).flatMap(([space, places]) =>
    places.map(([place, module, good]) => row(space, place, module, good)),
  ),
  TABLE_INITIALISER,
];

function row(
  space: string,
  place: string,
  module: IndexPlace["module"],
  good: number | undefined,
): IndexPlace {
  const known = space as keyof typeof COUNTS;
  return { space: known, place, good: good ?? COUNTS[known] - 1, module };
}

/** Accesses to memory 0 where the author has none: the only memory would be the epoch's. */
export const MEMORYLESS: readonly (readonly [place: string, module: Uint8Array<ArrayBuffer>])[] = (
  [
    ["i32.load", [0x28, 0, 0]],
    ["i32.store", [0x36, 0, 0]],
    ["memory.size", [0x3f, 0]],
    ["memory.grow", [0x40, 0]],
    ["memory.fill", [0xfc, 11, 0]],
    ["memory.copy", [0xfc, 10, 0, 0]],
    ["v128.store", [0xfd, 11, 0, 0]],
    ["i32.atomic.store", [0xfe, 0x17, 2, 0]],
  ] as const
).map(([place, code]) => [
  place,
  moduleOf(
    vectorSection(1, [NOTHING]),
    vectorSection(3, [[0]]),
    vectorSection(10, [body([0x00, ...code, 0x00, END])]),
  ),
]);
