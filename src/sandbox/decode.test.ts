import { describe, expect, test } from "vitest";

import { MODULE_LIMITS } from "../base/mod.ts";
import { decode } from "./decode.ts";
import {
  body,
  type Bytes,
  codeOf,
  custom,
  failureOf,
  functionModule,
  moduleOf,
  NOTHING,
  refusal,
  section,
  vectorSection,
  wat,
} from "./wasm.fixture.ts";
import { leb, nameBytes } from "./writer.ts";

const I32 = 0x7f;
const ZERO: Bytes = [0x41, 0, 0x0b]; // i32.const 0, end.

/** Decodes what V8 accepts: a test that assembles nonsense proves nothing. */
function decoded(bytes: Uint8Array<ArrayBuffer>): ReturnType<typeof decode> {
  expect(refusal(bytes)).toBeUndefined();
  return decode(bytes);
}

function features(bytes: Uint8Array<ArrayBuffer>): string[] {
  return [...decoded(bytes).features.keys()].toSorted();
}

describe("decode() reads the frame of a module", () => {
  test("takes the empty module, and no fewer bytes", () => {
    expect(decoded(moduleOf()).sections).toEqual([]);
    for (let length = 0; length < 8; length++)
      expect(codeOf(() => decode(moduleOf().subarray(0, length)))).toBe("MODULE_MALFORMED");
  });

  test("is malformed with other magic bytes or another version", () => {
    for (let at = 0; at < 8; at++) {
      const bytes = moduleOf();
      bytes[at]! ^= 0x20;
      expect(codeOf(() => decode(bytes))).toBe("MODULE_MALFORMED");
    }
  });

  test("takes known sections once and in order, with custom sections anywhere", () => {
    const types = vectorSection(1, [NOTHING]);
    const imports = vectorSection(2, []);
    const note = custom("note", [1, 2, 3]);
    const { sections } = decoded(moduleOf(note, types, note, imports, note));
    expect(sections.map(({ id, name }) => `${id} ${name}`.trim())).toEqual([
      "0 note",
      "1",
      "0 note",
      "2",
      "0 note",
    ]);
    expect(codeOf(() => decode(moduleOf(imports, types)))).toBe("MODULE_MALFORMED");
    expect(codeOf(() => decode(moduleOf(types, types)))).toBe("MODULE_MALFORMED");
  });

  test("puts tags between memories and globals, and the data count before the code", () => {
    const tags = vectorSection(13, []);
    const [memories, globals] = [vectorSection(5, []), vectorSection(6, [])];
    expect(decoded(moduleOf(memories, tags, globals)).sections.length).toBe(3);
    expect(codeOf(() => decode(moduleOf(tags, memories)))).toBe("MODULE_MALFORMED");
    expect(codeOf(() => decode(moduleOf(globals, tags)))).toBe("MODULE_MALFORMED");
    const [count, code] = [section(12, [0]), vectorSection(10, [])];
    expect(decoded(moduleOf(count, code)).sections.length).toBe(2);
    expect(codeOf(() => decode(moduleOf(code, count)))).toBe("MODULE_MALFORMED");
  });

  test("is malformed where a section is longer or shorter than its contents", () => {
    const types = section(1, [1, ...NOTHING, 0]);
    expect(codeOf(() => decode(moduleOf(types)))).toBe("MODULE_MALFORMED");
    expect(codeOf(() => decode(moduleOf([1, 3, 1, 0x60, 0], section(2, [0]))))).toBe(
      "MODULE_MALFORMED",
    );
  });

  test("takes `moduleBytesMax` bytes and refuses one more", () => {
    expect(decode(largeModule(MODULE_LIMITS.moduleBytesMax)).sections.length).toBe(1);
    expect(codeOf(() => decode(largeModule(MODULE_LIMITS.moduleBytesMax + 1)))).toBe(
      "MODULE_REFUSED",
    );
  });

  test("copies bytes that lie in shared memory before it looks at them", () => {
    const shared = new Uint8Array(new SharedArrayBuffer(8));
    shared.set(moduleOf());
    const module = decode(shared);
    shared.fill(0);
    expect([...module.bytes]).toEqual([...moduleOf()]);
  });

  test("keeps a view into a larger buffer apart from its surroundings", () => {
    const inner = functionModule([]);
    const outer = new Uint8Array(inner.length + 20).fill(0xff);
    outer.set(inner, 10);
    expect(decode(outer.subarray(10, 10 + inner.length)).bodies.length).toBe(1);
  });
});

describe("decode() reads types", () => {
  test("functions, with where each value type is spelled", () => {
    const bytes = moduleOf(vectorSection(1, [[0x60, 2, I32, 0x7b, 2, 0x63, 0x70, 0x6f]]));
    const [type] = decoded(bytes).types;
    expect(type).toMatchObject({ kind: "function" });
    const { params, results } = type as Extract<typeof type, { kind: "function" }>;
    const spelled = [...params, ...results].map(({ at, end }) => [...bytes.subarray(at, end)]);
    expect(spelled).toEqual([[I32], [0x7b], [0x63, 0x70], [0x6f]]);
  });

  test("groups, subtypes, structs and arrays", () => {
    const module = decoded(
      moduleOf(
        vectorSection(1, [
          [0x4e, 2, 0x50, 0, 0x5f, 2, I32, 0, 0x63, 1, 1, 0x5e, 0x78, 1], // A struct that names the array.
          [0x4f, 1, 0, 0x5f, 3, I32, 0, 0x63, 1, 1, 0x77, 1], // Final, below type 0.
          [0x4e, 0],
          NOTHING,
        ]),
      ),
    );
    expect(module.types.map(({ kind }) => kind)).toEqual(["struct", "array", "struct", "function"]);
    expect(module.typeEntries).toBe(4);
    expect([...module.features.keys()]).toContain("gc");
  });

  test.each([
    { what: "abstract heap types", types: [0x6e, 0x6d, 0x6c, 0x6b, 0x6a, 0x71, 0x72, 0x73] },
    { what: "exception references", types: [0x69, 0x74] },
    { what: "func and extern", types: [0x70, 0x6f] },
    { what: "numbers and vectors", types: [0x7f, 0x7e, 0x7d, 0x7c, 0x7b] },
  ])("$what as value types", ({ types }) => {
    for (const type of types) {
      expect(decoded(moduleOf(vectorSection(1, [[0x60, 1, type, 0]]))).types.length).toBe(1);
      if (type > 0x74) continue;
      for (const nullable of [0x63, 0x64])
        decoded(moduleOf(vectorSection(1, [[0x60, 1, nullable, type, 0]])));
    }
  });

  test("every byte as a value type as V8 does, or refuses what it does not know", () => {
    for (let type = 0; type < 256; type++) {
      const bytes = moduleOf(vectorSection(1, [[0x60, 1, type, 0]]));
      const theirs = refusal(bytes) === undefined;
      expect({ type, ours: codeOf(() => decode(bytes)) === undefined }).toEqual({
        type,
        ours: theirs,
      });
    }
  });

  test("every byte as a type's form as V8 does", () => {
    for (let form = 0; form < 256; form++) {
      const bytes = moduleOf(vectorSection(1, [[form, 0, 0]]));
      const theirs = refusal(bytes) === undefined;
      expect({ form, ours: codeOf(() => decode(bytes)) === undefined }).toEqual({
        form,
        ours: theirs,
      });
    }
  });

  test("heap types in more bytes than they need", () => {
    decoded(functionModule([0xd0, 0xf0, 0x7f, 0x1a])); // ref.null func
    decoded(functionModule([0xd0, 0x80, 0x00, 0x1a])); // ref.null 0
    decoded(functionModule([], { locals: [1, 1, 0x63, 0xf0, 0x7f] }));
    expect(codeOf(() => decode(functionModule([0xd0, 0xbf, 0x7f, 0x1a])))).toBe("MODULE_MALFORMED");
  });
});

describe("decode() reads imports and exports", () => {
  const imported: readonly [kind: string, type: Bytes][] = [
    ["function", [0, 0]],
    ["table", [1, 0x70, 0, 1]],
    ["memory", [2, 0, 1]],
    ["global", [3, I32, 1]],
    ["tag", [4, 0, 0]],
  ];
  const names = [...nameBytes("env"), ...nameBytes("it")];

  test.each(imported)("a %s", (kind, type) => {
    const module = decoded(
      moduleOf(
        vectorSection(1, [NOTHING]),
        vectorSection(2, [[...names, ...type]]),
        vectorSection(7, [[...nameBytes("out"), type[0]!, 0]]),
      ),
    );
    expect(module.imports).toMatchObject([{ module: "env", name: "it", kind }]);
    expect(module.exports).toMatchObject([{ name: "out", kind, index: 0 }]);
    const { at, end } = module.imports[0]!;
    expect([...module.bytes.subarray(at, end)]).toEqual([...names, ...type]);
  });

  test("counts imported things first in every index space", () => {
    const module = decoded(
      wat(`(module (import "a" "f" (func)) (import "a" "m" (memory 1)) (import "a" "g" (global i32))
        (func (param i32)) (global (mut i64) (i64.const 1)) (global i32 (i32.const -70000)))`),
    );
    expect([module.importedFunctions, module.importedMemories, module.importedGlobals]).toEqual([
      1, 1, 1,
    ]);
    expect(module.functions).toEqual([0, 1]);
    expect(module.globals.map(({ mutable, imported, i32 }) => [mutable, imported, i32])).toEqual([
      [false, true, undefined],
      [true, false, undefined],
      [false, false, -70_000],
    ]);
  });

  test("names that are also properties of every object", () => {
    const names = ["__proto__", "constructor", "toString", "", "\u0000", "hasOwnProperty"];
    const module = decoded(
      moduleOf(
        vectorSection(1, [NOTHING]),
        vectorSection(
          2,
          names.map((name) => [...nameBytes(name), ...nameBytes(name), 0, 0]),
        ),
        vectorSection(
          7,
          names.map((name) => [...nameBytes(name), 0, 0]),
        ),
      ),
    );
    expect(module.imports.map(({ name }) => name)).toEqual(names);
    expect(module.exports.map(({ name }) => name)).toEqual(names);
  });

  test("refuses a name above `nameBytesMax`, which some engines would take", () => {
    decoded(exportNamed(MODULE_LIMITS.nameBytesMax));
    const tooLong = exportNamed(MODULE_LIMITS.nameBytesMax + 1);
    expect(codeOf(() => decode(tooLong))).toBe("MODULE_REFUSED");
  });
});

describe("decode() reads tables and memories", () => {
  test("limits of every form", () => {
    expect(memoryOf(0, 1)).toMatchObject({ min: 1, max: undefined, shared: false, wide: false });
    expect(memoryOf(1, 1, 2)).toMatchObject({ min: 1, max: 2, shared: false, wide: false });
    expect(memoryOf(3, 1, 2)).toMatchObject({ min: 1, max: 2, shared: true, wide: false });
    expect(memoryOf(4, 1)).toMatchObject({ min: 1, max: undefined, shared: false, wide: true });
    expect(memoryOf(5, 1, 0x82, 0)).toMatchObject({ max: 2, wide: true });
    expect(memoryOf(7, 1, 2)).toMatchObject({ shared: true, wide: true });
  });

  test.each([
    { what: "a shared memory without a maximum", limits: [2, 1] },
    { what: "a maximum below the minimum", limits: [1, 2, 1] },
    { what: "flags above 15", limits: [0x10, 1] },
    { what: "more pages than 32 bits address", limits: [0, ...leb(65_537)] },
    { what: "a maximum of more pages than 32 bits address", limits: [1, 0, ...leb(65_537)] },
    { what: "a 64-bit memory beyond 2^48 pages", limits: [4, ...leb(2 ** 48 + 1)] },
  ])("$what is malformed", ({ limits }) => {
    const bytes = moduleOf(vectorSection(5, [limits]));
    expect(refusal(bytes)).toBeDefined();
    expect(codeOf(() => decode(bytes))).toBe("MODULE_MALFORMED");
  });

  test("takes 65,536 pages", () => {
    expect(decoded(moduleOf(vectorSection(5, [[0, ...leb(65_536)]]))).memories[0]!.min).toBe(
      65_536,
    );
  });

  test("tables, with and without an initial element, of 32 and 64 bits", () => {
    const module = decoded(
      moduleOf(
        vectorSection(1, [NOTHING]),
        vectorSection(4, [
          [0x70, 1, 0, 9],
          [0x40, 0, 0x63, 0, 0, 2, 0xd0, 0, 0x0b],
          [0x6f, 4, 3],
        ]),
      ),
    );
    expect(module.tables.map(({ min, max, wide }) => [min, max, wide])).toEqual([
      [0, 9, false],
      [2, undefined, false],
      [3, undefined, true],
    ]);
    const limits = module.tables.map((t) => [...module.bytes.subarray(t.limitsAt, t.limitsEnd)]);
    expect(limits).toEqual([
      [1, 0, 9],
      [0, 2],
      [4, 3],
    ]);
  });
});

describe("decode() reads segments", () => {
  const around = [
    vectorSection(1, [NOTHING]),
    vectorSection(3, [[0]]),
    vectorSection(4, [[0x70, 0, 1]]),
  ];
  const code = vectorSection(10, [body([0x0b])]);
  const refFunc: Bytes = [0xd2, 0, 0x0b];

  test.each([
    { flags: 0, segment: [0, ...ZERO, 1, 0] },
    { flags: 1, segment: [1, 0, 1, 0] },
    { flags: 2, segment: [2, 0, ...ZERO, 0, 1, 0] },
    { flags: 3, segment: [3, 0, 1, 0] },
    { flags: 4, segment: [4, ...ZERO, 1, ...refFunc] },
    { flags: 5, segment: [5, 0x70, 1, ...refFunc] },
    { flags: 6, segment: [6, 0, ...ZERO, 0x70, 1, ...refFunc] },
    { flags: 7, segment: [7, 0x63, 0x70, 1, ...refFunc] },
  ])("element segments with flags $flags", ({ segment }) => {
    const module = decoded(moduleOf(...around, vectorSection(9, [segment, segment]), code));
    expect(module.elementSegments).toBe(2);
    expect([...module.addressTaken]).toEqual([0]);
  });

  test.each([
    { what: "flags 8", segment: [8, ...ZERO, 1, 0] },
    { what: "an element kind other than 0", segment: [1, 1, 1, 0] },
  ])("an element segment with $what is malformed", ({ segment }) => {
    const bytes = moduleOf(...around, vectorSection(9, [segment]), code);
    expect(refusal(bytes)).toBeDefined();
    expect(codeOf(() => decode(bytes))).toBe("MODULE_MALFORMED");
  });

  test("data segments of every form", () => {
    const { data, bytes } = decoded(
      moduleOf(
        vectorSection(5, [
          [0, 1],
          [0, 1],
        ]),
        section(12, [3]),
        vectorSection(11, [
          [0, ...ZERO, 2, 7, 7],
          [1, 0],
          [2, 1, ...ZERO, 1, 7],
        ]),
      ),
    );
    expect(data.map(({ memory, bytes }) => [memory, bytes])).toEqual([
      [0, 2],
      [undefined, 0],
      [1, 1],
    ]);
    expect(bytes[data[2]!.at]).toBe(2);
  });

  test.each([
    { what: "flags 3", sections: [vectorSection(11, [[3, ...ZERO, 0]])] },
    { what: "more bytes than there are", sections: [section(11, [1, 1, 2, 0])] },
    { what: "a count that is too high", sections: [section(12, [2]), vectorSection(11, [[1, 0]])] },
    { what: "a count that is too low", sections: [section(12, [0]), vectorSection(11, [[1, 0]])] },
    { what: "a count and no section", sections: [section(12, [1])] },
  ])("data with $what is malformed", ({ sections }) => {
    const bytes = moduleOf(vectorSection(5, [[0, 1]]), ...sections);
    expect(refusal(bytes)).toBeDefined();
    expect(codeOf(() => decode(bytes))).toBe("MODULE_MALFORMED");
  });
});

describe("decode() reads function bodies", () => {
  test("and tells loops, calls and catches from those without", () => {
    const module = decoded(
      wat(`(module (type $t (func)) (table 1 funcref) (tag $e) (func $leaf)
        (func (loop)) (func call $leaf call $leaf) (func i32.const 0 call_indirect (type $t))
        (func return_call $leaf) (func try catch_all end) (func try catch $e end)
        (func try delegate 0) (func throw $e) (func ref.func $leaf drop) (elem declare func $leaf))`),
    );
    const facts = module.bodies.map(({ hasLoop, calls, callsIndirectly, catches, callees }) =>
      [
        hasLoop && "loop",
        calls && "calls",
        callsIndirectly && "indirectly",
        catches && "catches",
        ...callees,
      ]
        .filter((fact) => fact !== false)
        .join(" "),
    );
    expect(facts).toEqual([
      "",
      "loop",
      "calls 0",
      "calls indirectly",
      "calls 0",
      "catches",
      "catches",
      "",
      "",
      "",
    ]);
    expect([...module.addressTaken]).toEqual([0]);
  });

  test("and sums locals, sixteen bytes for a vector and eight for all else", () => {
    const [body] = decoded(
      wat("(module (func (param i32 v128) (local f64 f64 v128 externref)))"),
    ).bodies;
    expect(body).toMatchObject({ locals: 6, localBytes: 8 + 16 + 8 + 8 + 16 + 8 });
  });

  test("takes 50,000 locals, parameters among them, and refuses one more", () => {
    const locals = (count: number): Uint8Array<ArrayBuffer> =>
      functionModule([], {
        sections: { 1: vectorSection(1, [[0x60, 1, I32, 0]]) },
        locals: [1, ...leb(count - 1), I32],
      });
    expect(decoded(locals(MODULE_LIMITS.localsMax)).bodies[0]!.locals).toBe(50_000);
    expect(refusal(locals(MODULE_LIMITS.localsMax + 1))).toMatch(/local count too large/);
    expect(codeOf(() => decode(locals(MODULE_LIMITS.localsMax + 1)))).toBe("MODULE_REFUSED");
    const huge = functionModule([], { locals: [2, ...leb(2 ** 32 - 1), I32, 1, I32] });
    expect(codeOf(() => decode(huge))).toBe("MODULE_REFUSED");
  });

  test("takes as many empty groups of locals as V8", () => {
    const groups = Array.from({ length: 60_000 }, () => [0, I32]).flat();
    decoded(functionModule([], { locals: [...leb(60_000), ...groups] }));
  });

  test("is malformed where a body ends too early, too late or not at all", () => {
    for (const code of [[], [0x02, 0x40, 0x0b], [0x0b, 0x0b], [0x0b, 0x01], [0x41]]) {
      const bytes = functionModule([], { sections: { 10: vectorSection(10, [body(code)]) } });
      expect(refusal(bytes)).toBeDefined();
      expect(codeOf(() => decode(bytes))).toBe("MODULE_MALFORMED");
    }
  });

  test("is malformed where bodies and functions differ in number", () => {
    const [types, functions] = [vectorSection(1, [NOTHING]), vectorSection(3, [[0], [0]])];
    const one = vectorSection(10, [body([0x0b])]);
    for (const sections of [
      [types, functions, one],
      [types, functions],
      [types, one],
    ])
      expect(codeOf(() => decode(moduleOf(...sections)))).toBe("MODULE_MALFORMED");
  });

  test("notes where a thread would wait", () => {
    const bytes = wat(`(module (memory 1 1 shared) (func nop
      (drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const 0)))))`);
    const { waitAt } = decoded(bytes);
    expect([...bytes.subarray(waitAt, waitAt! + 2)]).toEqual([0xfe, 0x01]);
    expect(decode(functionModule([])).waitAt).toBeUndefined();
  });
});

describe("decode() reports features, each with the offset of its first use", () => {
  test.each([
    ["(func)", []],
    ["(func (result i32 i32) i32.const 1 i32.const 2)", ["multi-value"]],
    ["(func (param i32) (block (param) nop))", []],
    ['(global (export "g") (mut i32) (i32.const 0))', ["mutable-globals"]],
    ["(func (drop (i32.extend8_s (i32.const 0))))", ["sign-ext"]],
    ["(func (drop (i32.trunc_sat_f32_s (f32.const 0))))", ["nontrapping-fptoint"]],
    ["(memory 1) (func (memory.fill (i32.const 0) (i32.const 0) (i32.const 0)))", ["bulk-memory"]],
    ['(memory 1) (data "a")', ["bulk-memory"]],
    ["(table 1 externref)", ["reference-types"]],
    ["(table 1 funcref) (table 1 funcref)", ["reference-types"]],
    ["(table 1 funcref)", []],
    ["(func (local v128))", ["simd"]],
    ["(memory 1 1 shared)", ["threads"]],
    ["(func return_call 0)", ["tail-call"]],
    ["(global i32 (i32.add (i32.const 1) (i32.const 2)))", ["extended-const"]],
    ["(memory 1) (memory 1)", ["multi-memory"]],
    ["(memory i64 1)", ["memory64"]],
    ["(tag)", ["exceptions"]],
    ["(func try end)", ["legacy-exceptions"]],
    ["(func try_table end)", ["exceptions"]],
  ])("%s", (text, expected) => {
    expect(features(wat(`(module ${text})`))).toEqual(expected);
  });

  test("relaxed SIMD, typed references and garbage collection", () => {
    expect(features(functionModule([0x00, 0xfd, 0x80, 0x02, 0x1a]))).toEqual(["relaxed-simd"]);
    expect(features(functionModule([0xd0, 0x00, 0xd4, 0x1a]))).toContain("function-references");
    expect(features(functionModule([0x41, 0, 0xfb, 0x1c, 0x1a]))).toEqual(["gc"]);
  });

  test("at the first of several", () => {
    const bytes = functionModule([0x41, 0, 0xc0, 0xc0, 0x1a]);
    expect(bytes[decode(bytes).features.get("sign-ext")!]).toBe(0xc0);
    expect(bytes[decode(bytes).features.get("sign-ext")! + 1]).toBe(0xc0);
  });
});

describe("decode() refuses proposals that it cannot read, with feature and offset", () => {
  const names = [...nameBytes("a"), ...nameBytes("b")];
  test.each([
    { feature: "custom page sizes", bytes: moduleOf(vectorSection(5, [[8, 1, 0]])), at: 11 },
    { feature: "custom page sizes", bytes: moduleOf(vectorSection(5, [[9, 1, 1, 0]])), at: 11 },
    { feature: "stack switching", bytes: typeModule(0x5d, 0), at: 11 },
    { feature: "stack switching", bytes: typeModule(0x60, 1, 0x68, 0), at: 13 },
    { feature: "string references", bytes: typeModule(0x60, 1, 0x67, 0), at: 13 },
    { feature: "string references", bytes: moduleOf(section(14, [0, 0])), at: 8 },
    { feature: "shared-everything threads", bytes: typeModule(0x65, 0x5f, 0), at: 11 },
    {
      feature: "shared-everything threads",
      bytes: typeModule(0x60, 1, 0x63, 0x65, 0x6e, 0),
      at: 14,
    },
    {
      feature: "shared-everything threads",
      bytes: moduleOf(vectorSection(4, [[0x70, 3, 0, 1]])),
      at: 12,
    },
    {
      feature: "shared-everything threads",
      bytes: moduleOf(vectorSection(6, [[0x7f, 2, ...ZERO]])),
      at: 12,
    },
    { feature: "custom descriptors", bytes: typeModule(0x4d, 0, 0x5f, 0), at: 11 },
    { feature: "custom descriptors", bytes: typeModule(0x60, 1, 0x64, 0x62, 0, 0), at: 14 },
    {
      feature: "custom descriptors",
      bytes: moduleOf(vectorSection(2, [[...names, 0x20, 0]])),
      at: 15,
    },
    {
      feature: "compact imports",
      bytes: moduleOf(vectorSection(2, [[...names, 0x7f, 0]])),
      at: 15,
    },
    {
      feature: "an element segment of numbers", // Which V8 takes; found by the fuzzer, seed 2027.
      bytes: moduleOf(vectorSection(9, [[5, 0x7d, 0]])),
      at: 12,
    },
    { feature: "an unknown section", bytes: moduleOf(section(15, [])), at: 8 },
    {
      feature: "the component model",
      bytes: Uint8Array.of(0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0),
      at: 4,
    },
  ])("$feature at $at", ({ feature, bytes, at }) => {
    const failure = failureOf(() => decode(bytes));
    expect([failure.code, failure.detail]).toEqual(["MODULE_UNSUPPORTED", { feature, offset: at }]);
  });
});

/** A module of `total` bytes, nearly all of them in a custom section. */
function largeModule(total: number): Uint8Array {
  const bytes = new Uint8Array(total);
  const payload = total - 8 - 1 - 5;
  const size = [0, 7, 14, 21].map((shift) => ((payload >> shift) & 0x7f) | 0x80);
  bytes.set([...moduleOf(), 0, ...size, payload >> 28]);
  return bytes;
}

function exportNamed(bytes: number): Uint8Array<ArrayBuffer> {
  const exported = [...nameBytes("n".repeat(bytes)), 0, 0];
  return functionModule([], { sections: { 7: vectorSection(7, [exported]) } });
}

function memoryOf(...limits: number[]): unknown {
  return decoded(moduleOf(vectorSection(5, [limits]))).memories[0];
}

function typeModule(...type: number[]): Uint8Array {
  return moduleOf(vectorSection(1, [type]));
}
