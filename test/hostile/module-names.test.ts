// Modules whose names attack: they pose as the host, lie about functions, or are names of objects.

import { describe, expect, test } from "vitest";

import { decode } from "../../src/sandbox/decode.ts";
import { inspect, instrument, type InstrumentOptions } from "../../src/sandbox/mod.ts";
import { functionNames } from "../../src/sandbox/names.ts";
import { outcomeOf, rewritten } from "../../src/sandbox/rewritten.fixture.ts";
import {
  body,
  type Bytes,
  codeOf,
  custom,
  moduleOf,
  NOTHING,
  refusal,
  section,
  vectorSection,
  wat,
} from "../../src/sandbox/wasm.fixture.ts";
import { leb, nameBytes } from "../../src/sandbox/writer.ts";

const EPOCH: InstrumentOptions = { interrupt: "epoch", memory: "keep" };

describe("A module that imports what the host supplies to itself", () => {
  const smuggled = {
    epoch: "(memory 1 1 shared)",
    memory: "(memory 1 1 shared)",
    deadline: "(global (mut i32))",
    interrupted: "(global (mut i32))",
    fuel: "(global (mut i64))",
    stack: "(global (mut i32))",
  };

  test.each(Object.entries(smuggled))("annulus.%s is refused in every mode", (name, type) => {
    const bytes = wat(`(module (import "annulus" "${name}" ${type}) (func (loop)))`);
    for (const interrupt of ["epoch", "fuel", "none"] as const)
      for (const memory of ["host", "keep"] as const) {
        const options = { interrupt, memory, stackBytes: 1000 };
        expect(codeOf(() => instrument(bytes, options))).toBe("MODULE_REFUSED");
      }
  });

  test("cannot hide it behind an empty or odd name, or a second import", () => {
    for (const name of ["", "\\00", "epoch\\00", "\\ef\\bb\\bfepoch"])
      expect(
        codeOf(() => instrument(wat(`(module (import "annulus" "${name}" (func)))`), EPOCH)),
      ).toBe("MODULE_REFUSED");
    const second = wat('(module (import "a" "b" (func)) (import "annulus" "epoch" (func)))');
    expect(codeOf(() => instrument(second, EPOCH))).toBe("MODULE_REFUSED");
  });
});

test("An export named as an armed entry is refused, so that none can pose as one", () => {
  for (const name of ["annulus:run", "annulus:", "annulus:\\00"])
    for (const what of ["func $f", "memory 0", "global 0", "table 0"]) {
      const bytes = wat(`(module (memory 1) (table 1 funcref) (global i32 (i32.const 0)) (func $f)
        (export "${name}" (${what})))`);
      expect(codeOf(() => instrument(bytes, { ...EPOCH, entries: [] }))).toBe("MODULE_REFUSED");
    }
});

describe("Names that are properties of every object", () => {
  const NAMES = ["__proto__", "constructor", "prototype", "toString", "valueOf", "then", ""];

  test.each(NAMES)("an entry %j", (name) => {
    const source = `(module (func (export "${name}") (result i32) (i32.const 7)))`;
    const { call, result } = rewritten(source, { ...EPOCH, entries: [name] });
    expect(result.exports).toEqual([{ name: `annulus:${name}`, kind: "function", entry: name }]);
    expect(call[`annulus:${name}`]!(1)).toBe(7);
    expect(codeOf(() => inspect(wat(source)))).toBeUndefined();
  });

  test.each(NAMES)("an entry %j that the module does not have", (name) => {
    const bytes = wat('(module (func (export "f")))');
    expect(codeOf(() => instrument(bytes, { ...EPOCH, entries: [name] }))).toBe("MODULE_REFUSED");
  });

  test("imports, which stay the author's", () => {
    const imports = NAMES.map((name) => `(import "${name}" "${name}" (global i32))`).join(" ");
    const { bytes } = instrument(wat(`(module ${imports} (func (loop)))`), EPOCH);
    const found = WebAssembly.Module.imports(new WebAssembly.Module(bytes));
    expect(found.slice(0, NAMES.length).map(({ module }) => module)).toEqual(NAMES);
    expect(found.slice(NAMES.length).map(({ module }) => module)).toEqual([
      "annulus",
      "annulus",
      "annulus",
    ]);
  });
});

describe("A name section that lies", () => {
  test.each<[string, Bytes[], Record<number, string>]>([
    ["about functions that there are not", [functionNameMap([5, 1, 97])], { 0: "f" }],
    ["about their number", [section(1, [0xff, 0xff, 0xff, 0xff, 0x0f])], { 0: "f" }],
    ["about the length of a name", [section(1, [1, 0, 50, 97])], { 0: "f" }],
    ["about its own length", [[1, 50, 1, 0, 1, 97]], { 0: "f" }],
    ["in bytes that are no text", [functionNameMap([0, 1, 0xff])], { 0: "f" }],
    [
      "in a name of 1,001 bytes",
      [functionNameMap([0, ...nameBytes("a".repeat(1001))])],
      { 0: "f" },
    ],
    ["twice", [functionNameMap([0, 1, 97]), functionNameMap([0, 1, 98])], { 0: "b" }],
    ["in its last part", [functionNameMap([0, 1, 97]), [7, 99]], { 0: "a" }],
    ["with parts of unknown kinds", [section(99, [1, 2]), functionNameMap([0, 1, 97])], { 0: "a" }],
  ])("%s is read as far as it is true, and the module is rewritten", (_, parts, names) => {
    const bytes = named(...parts);
    expect(refusal(bytes)).toBeUndefined();
    expect(Object.fromEntries(functionNames(decode(bytes)))).toEqual(names);
    const { call, host } = rewritten(bytes, EPOCH, { deadline: 0 });
    expect(outcomeOf(() => call["f"]!())).toBe("trap: unreachable");
    expect(host.reason).toBe("deadline");
  });

  test("that names a section of code after the host's is only a name", () => {
    const bytes = named(functionNameMap([0, ...nameBytes("annulus:f")]));
    expect(functionNames(decode(bytes)).get(0)).toBe("annulus:f");
    expect(instrument(bytes, EPOCH).exports).toEqual([]);
  });
});

describe("Custom sections", () => {
  test("whose name is longer than they are, are malformed", () => {
    for (const payload of [[5, 97], [0x80], [], [0xff, 0xff, 0xff, 0xff, 0x0f]]) {
      const bytes = moduleOf(section(0, payload));
      expect(refusal(bytes)).toBeDefined();
      expect(codeOf(() => decode(bytes))).toBe("MODULE_MALFORMED");
    }
  });

  test("that claim the sections behind them are read as one, as V8 reads them", () => {
    const code = [...vectorSection(3, [[0]]), ...vectorSection(10, [body([0x0b])])];
    const bytes = moduleOf(vectorSection(1, [NOTHING]), custom("hidden", code));
    expect(refusal(bytes)).toBeUndefined();
    expect(decode(bytes).bodies).toEqual([]);
    expect(WebAssembly.Module.customSections(new WebAssembly.Module(bytes), "hidden").length).toBe(
      1,
    );
    const after = instrument(bytes, EPOCH).bytes;
    expect(decode(after).bodies).toEqual([]);
  });

  test("between all others do not hide one that stands twice", () => {
    const types = vectorSection(1, [NOTHING]);
    const bytes = moduleOf(types, custom("a", []), types);
    expect(codeOf(() => decode(bytes))).toBe("MODULE_MALFORMED");
  });
});

function functionNameMap(...entries: Bytes[]): Bytes {
  return section(1, leb(entries.length), entries.flat());
}

/** A module of one endless function, exported as "f", with a name section of these parts. */
function named(...parts: Bytes[]): Uint8Array<ArrayBuffer> {
  return moduleOf(
    vectorSection(1, [NOTHING]),
    vectorSection(3, [[0]]),
    vectorSection(6, [[0x7f, 1, 0x41, 0, 0x0b]]),
    vectorSection(7, [[...nameBytes("f"), 0, 0]]),
    vectorSection(10, [body([0x03, 0x40, 0x0c, 0, 0x0b, 0x0b])]),
    custom("name", parts.flat()),
  );
}
