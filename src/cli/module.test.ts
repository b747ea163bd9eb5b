import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import wabtInit from "wabt";
import { MODULE_LIMITS } from "../base/mod.ts";
import { annulus } from "./command.fixture.ts";

const wabt = await wabtInit();
let cwd = "";
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), "annulus-module-"));
  const text = `(module
    (import "env" "log" (func $log (param i32)))
    (memory (export "memory") 1 4)
    (table 2 funcref)
    (global (mut i32) (i32.const 0))
    (data (i32.const 8) "abc")
    (func $begin (call $log (i32.const 1)))
    (start $begin)
    (func $spin (export "spin") (param $n i32) (result i32)
      (loop $l (local.set $n (i32.sub (local.get $n) (i32.const 1))) (br_if $l (local.get $n)))
      (drop (i8x16.splat (local.get $n)))
      (local.get $n)))`;
  const binary = wabt.parseWat("m.wat", text, { simd: true }).toBinary({ write_debug_names: true });
  await writeFile(join(cwd, "m.wasm"), binary.buffer);
});
afterEach(() => rm(cwd, { recursive: true }));

interface Told {
  readonly exit: number | null;
  readonly error?: { readonly code: string };
  readonly [fact: string]: unknown;
}

async function json(...argv: string[]): Promise<Told> {
  const { exit, out } = await annulus(cwd, "module", ...argv, "--json");
  return { ...(JSON.parse(out) as object), exit };
}

test("annulus module inspect tells what a module holds and uses", async () => {
  const told = await json("inspect", "m.wasm");
  expect(told).toMatchObject({
    exit: 0,
    imports: [{ module: "env", name: "log", kind: "function" }],
    exports: [
      { name: "memory", kind: "memory" },
      { name: "spin", kind: "function", index: 2 },
    ],
    memories: [{ minPages: 1, maxPages: 4, shared: false }],
    features: [{ feature: "simd", offset: expect.any(Number) }],
    start: 1,
    data: { segments: 1, bytes: 3 },
    functionNames: expect.arrayContaining([{ index: 2, name: "spin" }]),
  });
  const { exit, out } = await annulus(cwd, "module", "inspect", "m.wasm");
  expect(exit).toBe(0);
  expect(out).toMatch(/^functions {2}2, 1 imported, 0 can recurse$/m);
  expect(out).toMatch(/^start {6}function 1, begin$/m);
  expect(out).toMatch(/^memory {5}1 to 4 pages$/m);
  expect(out).toMatch(/^table {6}2 to any number of elements$/m);
  expect(out).toMatch(/^feature {4}simd, first at byte 0x[0-9a-f]+$/m);
  expect(out).toMatch(/^import {5}function env\.log$/m);
});

test("annulus module instrument writes a module that its new imports stop", async () => {
  const told = await json(
    "instrument",
    "m.wasm",
    "out.wasm",
    "--interrupt",
    "fuel",
    "--entry",
    "spin",
  );
  const { imports, exports } = told as unknown as {
    readonly imports: readonly { readonly name: string }[];
    readonly exports: readonly { readonly name: string }[];
  };
  expect(imports.map(({ name }) => name)).toEqual(["fuel", "interrupted"]);
  expect(exports).toEqual([{ name: "annulus:spin", kind: "function", entry: "spin" }]);
  const fuel = new WebAssembly.Global({ value: "i64", mutable: true }, 100n);
  const interrupted = new WebAssembly.Global({ value: "i32", mutable: true }, 0);
  const module = new WebAssembly.Module(await readFile(join(cwd, "out.wasm")));
  const imported = { env: { log: () => {} }, annulus: { fuel, interrupted } };
  const instance = new WebAssembly.Instance(module, imported);
  const spin = instance.exports["annulus:spin"] as (fuel: bigint, n: number) => number;
  expect(spin(10_000n, 3)).toBe(0);
  expect(() => spin(100n, -1)).toThrow(WebAssembly.RuntimeError);
  expect(interrupted.value).not.toBe(0);
});

test("annulus module instrument says what the rewritten module needs", async () => {
  const { exit, out } = await annulus(
    cwd,
    "module",
    "instrument",
    "m.wasm",
    "out.wasm",
    "--memory",
    "host",
  );
  expect(exit).toBe(0);
  expect(out).toMatch(/^wrote out\.wasm, \d+ bytes, before \d+$/m);
  expect(out).toMatch(/^import {2}memory annulus\.memory, shared, 1 to 4 pages$/m);
  expect(out).toMatch(/^import {2}memory annulus\.epoch, shared, 1 to 1 pages$/m);
  expect(out).toMatch(/^import {2}global annulus\.deadline, mutable i32$/m);
});

test("annulus module instrument leaves a module that it need not change as it was", async () => {
  expect(
    (await json("instrument", "m.wasm", "out.wasm", "--interrupt", "none"))["imports"],
  ).toEqual([]);
  const bytes = await readFile(join(cwd, "out.wasm"));
  expect(WebAssembly.validate(bytes)).toBe(true);
});

test.each([
  ["inspect none.wasm", 2, "INPUT_UNREADABLE"],
  ["inspect .", 2, "INPUT_UNREADABLE"],
  ["inspect bad.wasm", 3, "MODULE_MALFORMED"],
  ["inspect large.wasm", 3, "MODULE_UNSUPPORTED"],
  ["inspect", 2, "USAGE"],
  ["instrument m.wasm", 2, "USAGE"],
  ["instrument m.wasm out.wasm --interrupt never", 2, "USAGE"],
  ["instrument m.wasm out.wasm --memory mine", 2, "USAGE"],
  ["instrument m.wasm out.wasm --entry none", 3, "MODULE_REFUSED"],
  ["instrument m.wasm none/out.wasm", 1, "OUTPUT_UNWRITABLE"],
])("annulus module %s ends with %i and %s", async (line, exit, code) => {
  await writeFile(join(cwd, "bad.wasm"), "no module");
  await writeFile(join(cwd, "large.wasm"), new Uint8Array(MODULE_LIMITS.moduleBytesMax + 1));
  const outcome = await json(...line.split(" "));
  expect([outcome.exit, outcome.error?.code]).toEqual([exit, code]);
  expect(await readdir(cwd)).not.toContain("out.wasm");
});
