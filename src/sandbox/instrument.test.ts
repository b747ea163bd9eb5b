import { describe, expect, test } from "vitest";

import { type InstrumentOptions, instrument } from "./instrument.ts";
import { COUNTS, INDEX_PLACES, MEMORYLESS } from "./index-attacks.fixture.ts";
import { decode } from "./decode.ts";
import { functionNames } from "./names.ts";
import { offsetsOf, outcomeOf, rewritten } from "./rewritten.fixture.ts";
import {
  body,
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

const MODES: readonly InstrumentOptions[] = (["epoch", "fuel", "none"] as const).flatMap(
  (interrupt) =>
    (["host", "keep"] as const).flatMap((memory) =>
      [undefined, 65_536].map((stackBytes) => ({
        interrupt,
        memory,
        ...(stackBytes === undefined ? {} : { stackBytes }),
      })),
    ),
);
const named = MODES.map((options) => ({
  options,
  mode: `${options.interrupt}, ${options.memory}, stack ${options.stackBytes ?? "of the engine"}`,
}));
const EPOCH: InstrumentOptions = { interrupt: "epoch", memory: "keep" };

const WAIT = "(func (drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const 0))))";

const SAMPLE = `(module (import "env" "log" (func $log (param i32)))
  (memory (export "memory") 1 3) (global (export "g") (mut i32) (i32.const 7))
  (func (export "count") (param i32) (result i32)
    (loop $again (global.set 0 (i32.add (global.get 0) (i32.const 1)))
      (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
    (call $log (global.get 0)) (i32.store (i32.const 8) (global.get 0)) (global.get 0))
  (func $down (export "down") (param i32) (result i32)
    (if (result i32) (local.get 0)
      (then (i32.add (i32.const 1) (call $down (i32.sub (local.get 0) (i32.const 1)))))
      (else (i32.const 0)))))`;

describe.each(named)("instrument() with $mode", ({ options }) => {
  const source = wat(SAMPLE);
  const result = instrument(source, { ...options, entries: ["count", "down"] });
  const after = new WebAssembly.Module(result.bytes);
  const before = new WebAssembly.Module(source);

  test("lists exactly the imports that it added", () => {
    const theirs = WebAssembly.Module.imports(before);
    const added = WebAssembly.Module.imports(after).slice(theirs.length);
    expect(WebAssembly.Module.imports(after).slice(0, theirs.length)).toEqual(theirs);
    expect(added).toEqual(result.imports.map(({ module, name, kind }) => ({ module, name, kind })));
  });

  test("lists exactly the exports that it added, behind the author's", () => {
    const theirs = WebAssembly.Module.exports(before);
    const added = WebAssembly.Module.exports(after).slice(theirs.length);
    expect(WebAssembly.Module.exports(after).slice(0, theirs.length)).toEqual(theirs);
    expect(added).toEqual(result.exports.map(({ name, kind }) => ({ name, kind })));
    expect(result.exports.map(({ entry, name }) => [entry, name])).toEqual([
      ["count", "annulus:count"],
      ["down", "annulus:down"],
    ]);
  });

  test("instantiates over what `imports` describes, and computes what the author wrote", () => {
    const logged: number[] = [];
    const env = { log: (value: number) => logged.push(value) };
    const { call, exports } = rewritten(
      source,
      { ...options, entries: ["count", "down"] },
      { imports: { env } },
    );
    expect([call["count"]!(3), call["down"]!(20), logged]).toEqual([10, 20, [10]]);
    const arm = { epoch: [2 ** 31 - 1], fuel: [10_000n], none: [] }[options.interrupt];
    expect([call["annulus:count"]!(...arm, 5), call["annulus:down"]!(...arm, 9)]).toEqual([15, 9]);
    const { buffer } = exports["memory"] as WebAssembly.Memory;
    expect(new Int32Array(buffer)[2]).toBe(15);
    expect(buffer instanceof SharedArrayBuffer).toBe(options.memory === "host");
  });

  test("maps each byte of a function to one of the same function", () => {
    const [theirs, ours] = [decode(source).bodies, decode(result.bytes).bodies];
    theirs.forEach(({ start, end }, index) => {
      const { start: from, end: to } = ours[index]!;
      for (let offset = from; offset < to; offset++) {
        expect(result.offsets.toOriginal(offset)).toBeGreaterThanOrEqual(start);
        expect(result.offsets.toOriginal(offset)).toBeLessThanOrEqual(end);
      }
    });
  });

  test("gives the same bytes for the same input, and leaves its input alone", () => {
    expect(source).toEqual(wat(SAMPLE));
    const again = instrument(source, { ...options, entries: ["count", "down"] });
    expect(again.bytes).toEqual(result.bytes);
  });

  test("is malformed with an index one too high, wherever an index stands", () => {
    for (const { space, place, module } of INDEX_PLACES) {
      const beyond = place.includes("initialiser") ? 1 : COUNTS[space];
      for (let index = beyond; index < beyond + 6; index++) {
        const code = codeOf(() => instrument(module(index), options));
        expect({ space, place, index, code }).toEqual({
          space,
          place,
          index,
          code: "MODULE_MALFORMED",
        });
      }
    }
    for (const [, bytes] of MEMORYLESS)
      expect(codeOf(() => instrument(bytes, options))).toBe("MODULE_MALFORMED");
  });
});

describe("instrument() refuses names that are the host's", () => {
  test.each(["memory", "epoch", "deadline", "interrupted", "", "anything"])(
    "as imports from annulus: %s",
    (name) => {
      const failure = failureOf(() =>
        instrument(wat(`(module (import "annulus" "${name}" (global (mut i32))))`), EPOCH),
      );
      expect([failure.code, failure.at]).toEqual(["MODULE_REFUSED", "byte 0xb"]);
    },
  );

  test.each(["annulus:f", "annulus:", "annulus:annulus:f"])("as exports: %s", (name) => {
    const bytes = wat(`(module (func (export "${name}")))`);
    expect(codeOf(() => instrument(bytes, { interrupt: "none", memory: "keep" }))).toBe(
      "MODULE_REFUSED",
    );
  });

  test("and takes those that only look alike", () => {
    const bytes =
      wat(`(module (import "annulus " "epoch" (global i32)) (import "Annulus" "a" (global i32))
      (import "env" "annulus" (global i32)) (func (export "annulus") (export "xannulus:f")))`);
    expect(codeOf(() => instrument(bytes, EPOCH))).toBeUndefined();
  });
});

describe("instrument() hoists the memory", () => {
  const HOST: InstrumentOptions = { interrupt: "epoch", memory: "host", memoryPagesMax: 10 };

  test.each([
    ["a memory without maximum", "(memory 2)", { initial: 2, maximum: 10 }],
    ["one below the bound", "(memory 2 4)", { initial: 2, maximum: 4 }],
    ["one above the bound", "(memory 2 400)", { initial: 2, maximum: 10 }],
    ["one at the bound", "(memory 10 10)", { initial: 10, maximum: 10 }],
    ["an imported one", '(import "env" "memory" (memory 1))', { initial: 1, maximum: 10 }],
    ["a shared one", "(memory 1 5 shared)", { initial: 1, maximum: 5 }],
  ])("%s", (_, text, type) => {
    const source = wat(
      `(module (import "env" "f" (func)) ${text} (data (i32.const 3) "abc") (export "m" (memory 0)))`,
    );
    const { result, exports, host } = rewritten(source, HOST, { imports: { env: { f() {} } } });
    expect(result.imports[0]).toMatchObject({ name: "memory", type: { ...type, shared: true } });
    expect(exports["m"]).toBe(host.imports["memory"]);
    expect(new Uint8Array((exports["m"] as WebAssembly.Memory).buffer, 3, 3)).toEqual(
      Uint8Array.of(97, 98, 99),
    );
  });

  test("and lets it grow to the bound, not beyond", () => {
    const grow =
      '(module (memory 1) (func (export "grow") (param i32) (result i32) local.get 0 memory.grow))';
    const { call } = rewritten(grow, HOST);
    expect([call["grow"]!(9), call["grow"]!(1), call["grow"]!(65_535)]).toEqual([1, -1, -1]);
  });

  test("but none where there is none", () => {
    const { result } = rewritten('(module (func (export "f")))', HOST);
    expect(result.imports.map(({ name }) => name)).toEqual(["epoch", "deadline", "interrupted"]);
  });

  test("that is shared and waited on", () => {
    const bytes = wat(`(module (memory 1 2 shared) ${WAIT})`);
    expect(codeOf(() => instrument(bytes, HOST))).toBeUndefined();
  });

  test.each([
    ["(memory 11)", "MODULE_REFUSED"],
    ["(memory 65536)", "MODULE_REFUSED"],
    ["(memory 1) (memory 1)", "MODULE_UNSUPPORTED"],
    ["(memory i64 1)", "MODULE_UNSUPPORTED"],
    [`(memory 1) ${WAIT}`, "MODULE_UNSUPPORTED"], // It traps on a memory that is not shared.
  ])("and refuses %s with %s", (text, code) => {
    expect(codeOf(() => instrument(wat(`(module ${text})`), HOST))).toBe(code);
    expect(
      codeOf(() => instrument(wat(`(module ${text})`), { ...HOST, memory: "keep" })),
    ).toBeUndefined();
  });
});

describe("instrument() bounds tables", () => {
  test.each([
    ["(table 1 funcref)", 19],
    ["(table 1 100 funcref)", 19],
    ["(table 1 5 funcref)", 4],
    ["(table 20 20 funcref)", 0],
  ])("%s grows by %d at most", (text, most) => {
    const { bytes, ...options } = bounded(text);
    const { call } = rewritten(bytes, options);
    expect(call["grow"]!(most + 1)).toBe(-1);
    expect(call["grow"]!(most)).not.toBe(-1);
  });

  test("refuses one that begins above the bound", () => {
    const { bytes, ...options } = bounded("(table 21 funcref)");
    expect(codeOf(() => instrument(bytes, options))).toBe("MODULE_REFUSED");
  });

  test("of 64 bits, and with an initial element", () => {
    const text = moduleOf(
      vectorSection(4, [
        [0x70, 4, 1],
        [0x40, 0, 0x70, 0, 2, 0xd0, 0x70, 0x0b],
      ]),
    );
    const { bytes } = instrument(text, { interrupt: "epoch", memory: "keep", tableElementsMax: 9 });
    expect(decode(bytes).tables.map(({ min, max, wide }) => [min, max, wide])).toEqual([
      [1, 9, true],
      [2, 9, false],
    ]);
    expect(refusal(bytes)).toBeUndefined();
  });
});

describe("instrument() makes entries", () => {
  test("once each, also for a function that is exported twice or imported", () => {
    const source = wat(`(module (import "env" "f" (func $f (param f64) (result f64)))
      (export "a" (func $f)) (export "b" (func $f)))`);
    const imports = { env: { f: (x: number) => x * 2 } };
    const options: InstrumentOptions = { ...EPOCH, entries: ["a", "b", "a"] };
    const { call, result } = rewritten(source, options, { imports });
    expect(result.exports.map(({ entry }) => entry)).toEqual(["a", "b"]);
    expect(call["annulus:b"]!(9, 2.5)).toBe(5);
  });

  test("with parameters and results of every kind", () => {
    const source =
      wat(`(module (func (export "f") (param i64 f32 externref) (result externref f32 i64)
      local.get 2 local.get 1 local.get 0))`);
    const { call } = rewritten(source, { ...EPOCH, entries: ["f"] });
    const thing = {};
    expect(call["annulus:f"]!(1, 5n, 2.5, thing)).toEqual([thing, 2.5, 5n]);
  });

  test("that grant the stack anew", () => {
    const { call, host } = rewritten(
      SAMPLE,
      { interrupt: "none", memory: "keep", stackBytes: 4096, entries: ["down"] },
      {
        imports: { env: { log() {} } },
        stack: 0,
      },
    );
    expect(outcomeOf(() => call["down"]!(3))).toBe("trap: unreachable");
    expect(host.reason).toBe("stack");
    expect(call["annulus:down"]!(3)).toBe(3);
    expect(host.get("stack")).toBe(4096);
  });

  test.each(["missing", "memory", "toString", "__proto__"])("but none for %s", (name) => {
    expect(codeOf(() => instrument(wat(SAMPLE), { ...EPOCH, entries: [name] }))).toBe(
      "MODULE_REFUSED",
    );
  });

  test("of 999 parameters, and refuses one more, since the engine bounds them to 1,000", () => {
    const options: InstrumentOptions = { ...EPOCH, entries: ["f"] };
    expect(refusal(instrument(withParameters(999), options).bytes)).toBeUndefined();
    expect(codeOf(() => instrument(withParameters(1000), options))).toBe("MODULE_REFUSED");
    expect(refusal(instrument(withParameters(1000), EPOCH).bytes)).toBeUndefined();
  });
});

describe("instrument() refuses what its additions would take beyond the engine's limits", () => {
  test("locals", () => {
    const fuel: InstrumentOptions = { interrupt: "fuel", memory: "keep" };
    expect(refusal(instrument(withLocals(49_996), fuel).bytes)).toBeUndefined();
    expect(codeOf(() => instrument(withLocals(49_997), fuel))).toBe("MODULE_REFUSED");
    expect(refusal(instrument(withLocals(50_000), EPOCH).bytes)).toBeUndefined();
  });

  test("bytes of a body", () => {
    const perLoop =
      (instrument(withLoops(101), EPOCH).bytes.length -
        instrument(withLoops(1), EPOCH).bytes.length) /
      100;
    const most = Math.floor((7_654_321 - 2) / perLoop);
    expect(refusal(instrument(withLoops(most), EPOCH).bytes)).toBeUndefined();
    expect(codeOf(() => instrument(withLoops(most + 1), EPOCH))).toBe("MODULE_REFUSED");
  });
});

describe("instrument() keeps custom sections", () => {
  const text = `(module (memory $m 1) (global $one (mut i32) (i32.const 1))
    (func $alpha (export "f") (result i32) (local $x i32) (loop) global.get $one unreachable))`;

  test("in their places, byte for byte", () => {
    const [type, code] = [vectorSection(1, [NOTHING]), vectorSection(10, [body([0x0b])])];
    const note = custom("note", [1, 2, 3]);
    const source = moduleOf(note, type, custom("", []), vectorSection(3, [[0]]), code, note);
    const sections = decode(instrument(source, EPOCH).bytes).sections;
    expect(sections.map(({ id, name }) => `${id}${name}`)).toEqual([
      "0note",
      "1",
      "0",
      "2",
      "3",
      "10",
      "0note",
    ]);
  });

  test("and names of functions, which do not move, but not of globals and memories, which do", () => {
    const names = section(
      0,
      nameBytes("name"),
      section(1, [1, 0, ...nameBytes("alpha")]),
      section(6, [1, 0, ...nameBytes("m")]),
      section(7, [1, 0, ...nameBytes("one")]),
      section(9, [0]),
    );
    const source = Uint8Array.from([...wat(text), ...names]);
    const after = decode(instrument(source, EPOCH).bytes);
    expect([...functionNames(after)]).toEqual([[0, "alpha"]]);
    const { start, end } = after.sections.at(-1)!;
    expect([...after.bytes.subarray(start, end)]).toEqual([
      ...section(1, [1, 0, ...nameBytes("alpha")]),
      ...section(9, [0]),
    ]);
    const kept = instrument(source, { interrupt: "none", memory: "keep" }).bytes;
    expect(kept.subarray(-names.length)).toEqual(Uint8Array.from(names));
  });

  test("but no hints at offsets in code, which move", () => {
    const source = moduleOf(custom("metadata.code.branch_hint", [0]), custom("metadata", []));
    const { bytes } = instrument(source, EPOCH);
    const kept = decode(bytes).sections.filter(({ id }) => id === 0);
    expect(kept.map(({ name }) => name)).toEqual(["metadata"]);
  });
});

describe("instrument().offsets maps a trap to the author's instruction", () => {
  test.each(named)("with $mode", ({ options }) => {
    const source = wat(`(module (memory 1) (func $inner (param i32) (result i32)
        (loop $l (br_if $l (i32.lt_s (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 5))))
        (i32.div_u (i32.load (i32.const 0)) (i32.const 0)))
      (func $outer (export "f") (param i32) (result i32)
        (loop (drop (call $inner (local.get 0)))) (i32.const 1))
      (func $deep (export "g") (param i32) (result i32)
        (if (local.get 0) (then (return (call $deep (i32.sub (local.get 0) (i32.const 1))))))
        (i32.load (i32.const -1))))`);
    const plain = new WebAssembly.Instance(new WebAssembly.Module(source)).exports;
    const { call, result } = rewritten(source, options);
    for (const name of ["f", "g"]) {
      const theirs = offsetsOf(() => (plain[name] as (n: number) => void)(3));
      const ours = offsetsOf(() => call[name]!(3));
      expect(ours.map((offset) => result.offsets.toOriginal(offset))).toEqual(theirs);
    }
  });

  test("where a check stopped it, to the loop or call that it guards", () => {
    const source = wat('(module (func (export "f") (loop (br 0))))');
    const { call, result } = rewritten(source, EPOCH, { deadline: 0 });
    const [at] = offsetsOf(() => call["f"]!());
    expect(source[result.offsets.toOriginal(at!)]).toBe(0x0c); // The first instruction of the loop.
  });
});

test("instrument() of a module that V8 refuses is refused too, or fails", () => {
  const broken = [
    functionModule([0x41, 0]), // A value too many.
    functionModule([0x1a]), // A value too few.
    functionModule([0x42, 0, 0x04, 0x40, 0x0b]), // An i64 for a condition.
    functionModule([0x0f, 0x1a, 0x0b]),
    functionModule([0x0c, 0x00, 0x0b, 0x41, 0]),
  ];
  for (const { options } of named)
    for (const bytes of broken) {
      expect(refusal(bytes)).toBeDefined();
      const code = codeOf(() => instrument(bytes, options));
      if (code === undefined) expect(refusal(instrument(bytes, options).bytes)).toBeDefined();
    }
});

function bounded(text: string): InstrumentOptions & { readonly bytes: Uint8Array } {
  const bytes = wat(`(module ${text} (func (export "grow") (param i32) (result i32)
    (table.grow 0 (ref.null func) (local.get 0))))`);
  return { bytes, interrupt: "none", memory: "keep", tableElementsMax: 20 };
}

function withParameters(count: number): Uint8Array<ArrayBuffer> {
  const params = Array.from({ length: count }, () => 0x7f);
  return functionModule([], {
    sections: {
      1: vectorSection(1, [[0x60, ...leb(count), ...params, 0]]),
      7: vectorSection(7, [[...nameBytes("f"), 0, 0]]),
    },
  });
}

function withLocals(count: number): Uint8Array<ArrayBuffer> {
  return functionModule([], { locals: [1, ...leb(count), 0x7f] });
}

/** One function with `count` empty loops, one after the other. */
function withLoops(count: number): Uint8Array<ArrayBuffer> {
  const code = new Uint8Array(2 + count * 3);
  for (let i = 0; i < count; i++) code.set([0x03, 0x40, 0x0b], 1 + i * 3);
  code[1 + count * 3] = 0x0b;
  const size = leb(code.length);
  const head = moduleOf(vectorSection(1, [NOTHING]), vectorSection(3, [[0]]));
  return Uint8Array.from([...head, 10, ...leb(1 + size.length + code.length), 1, ...size, ...code]);
}
