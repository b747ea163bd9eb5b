import { expect, test } from "vitest";
import { failureOf } from "../pack/failure-of.fixture.ts";
import { inspect } from "./inspect.ts";
import { assembleText, kernelModule } from "./kernel.fixture.ts";

const EVERYTHING = `(module
  (type $f (func (param i32) (result i32)))
  (import "env" "log" (func $log (param i32)))
  (import "env" "memory" (memory 1 4 shared))
  (import "env" "base" (global i32))
  (table 2 5 funcref) (table $refs 1 externref)
  (global $g (mut f32) (f32.const 0)) (global (export "__heap_base") i32 (i32.const 1024))
  (tag $e)
  (func $deep (type $f) (call $deep (local.get 0)))
  (func $even (call $odd)) (func $odd (call $even))
  (func $plain (export "plain") (call $log (i32.const 0)) (drop (i32.atomic.load (i32.const 0))))
  (func $start (drop (v128.const i64x2 0 0)))
  (start $start)
  (elem (i32.const 0) $deep) (elem $passive func $plain)
  (data (i32.const 0) "four") (data $later "nine bytes"))`;

test("inspect() reports what a module is and wants", async () => {
  const bytes = await assembleText(EVERYTHING);
  const report = inspect(bytes);
  expect(report).toMatchObject({
    bytes: bytes.length,
    imports: [
      { module: "env", name: "log", kind: "function" },
      { module: "env", name: "memory", kind: "memory" },
      { module: "env", name: "base", kind: "global" },
    ],
    exports: [
      { name: "__heap_base", kind: "global", index: 2 },
      { name: "plain", kind: "function", index: 4 },
    ],
    memories: [{ minPages: 1, maxPages: 4, shared: true, is64: false, imported: true }],
    tables: [
      { minElements: 2, maxElements: 5, imported: false },
      { minElements: 1, maxElements: undefined, imported: false },
    ],
    // What it imports could call `plain` back, for all that the module tells.
    functions: { imported: 1, defined: 5, recursive: 4 },
    globals: { imported: 1, defined: 2 },
    tags: 1,
    data: { segments: 2, bytes: 14 },
    elementSegments: 2,
    start: 5,
    waitsAt: undefined,
    customSections: [{ name: "name" }],
  });
  expect(report.functionNames.get(1)).toBe("deep");
  expect(report.features.map(({ feature }) => feature)).toEqual(
    expect.arrayContaining(["threads", "simd", "exceptions", "reference-types"]),
  );
});

test("inspect() tells each feature's first use", async () => {
  const bytes = await kernelModule({
    forward: "(drop (v128.const i64x2 0 0)) (drop (v128.const i64x2 0 0)) (i32.const 0)",
  });
  const [simd] = inspect(bytes).features;
  expect(simd?.feature).toBe("simd");
  expect([...bytes.subarray(simd!.offset, simd!.offset + 2)]).toEqual([0xfd, 0x0c]); // v128.const
});

test("inspect() tells where a module would block its thread", async () => {
  const wait = "(memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1))";
  const bytes = await kernelModule({ memory: "(memory 1 1 shared)", forward: wait });
  const at = inspect(bytes).waitsAt!;
  expect([...bytes.subarray(at, at + 2)]).toEqual([0xfe, 0x01]);
});

test("inspect() runs and compiles nothing: a start function that traps is only reported", async () => {
  const bytes = await assembleText("(module (func $s unreachable) (start $s))");
  expect(inspect(bytes)).toMatchObject({ start: 0, functions: { defined: 1 } });
});

test("inspect() of the empty module finds nothing", () => {
  const report = inspect(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
  const { bytes, start, functionNames, ...rest } = report;
  expect([bytes, start, functionNames.size]).toEqual([8, undefined, 0]);
  expect(JSON.stringify(rest)).not.toMatch(/[1-9]|true/);
});

test.each([
  ["no bytes", []],
  ["another file", [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]],
  ["a component, which is no module", [0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0]],
  ["a module cut short", [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 5, 1]],
])("inspect() fails with a typed error on %s", (_, bytes) => {
  const { code, at } = failureOf(() => inspect(Uint8Array.from(bytes)));
  expect(["MODULE_MALFORMED", "MODULE_UNSUPPORTED"]).toContain(code);
  expect(at).toMatch(/byte 0x/);
});

test("inspect() is not confused by a name that objects inherit", async () => {
  const bytes = await assembleText('(module (func $toString (export "__proto__")))');
  expect(inspect(bytes).exports).toEqual([{ name: "__proto__", kind: "function", index: 0 }]);
});
