import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Failure } from "../../base/mod.ts";
import { inspect } from "../../sandbox/mod.ts";
import { assemblyScriptFlags, compileAssemblyScript } from "./assemblyscript.ts";

let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "annulus-asc-"));
});

afterAll(() => rm(folder, { recursive: true }));

async function source(name: string, text: string): Promise<string> {
  const file = join(folder, name);
  await mkdir(join(file, ".."), { recursive: true });
  await writeFile(file, text);
  return file;
}

function failureOf(promise: Promise<unknown>): Promise<Failure> {
  return promise.then(
    () => expect.unreachable("compiled"),
    (error: Failure) => error,
  );
}

test("compileAssemblyScript() gives a module that runs, without imports, start function or names", async () => {
  const file = await source("twice.ts", "export function twice(x: i32): i32 { return x * 2; }\n");
  const module = new WebAssembly.Module(await compileAssemblyScript(file));
  const { twice } = new WebAssembly.Instance(module).exports as { twice: (x: number) => number };
  expect(twice(21)).toBe(42);
  expect(WebAssembly.Module.imports(module)).toEqual([]);
  expect(WebAssembly.Module.exports(module).map(({ name }) => name)).toEqual(["twice", "memory"]);
  for (const section of ["name", "sourceMappingURL", "producers"])
    expect(WebAssembly.Module.customSections(module, section)).toEqual([]);
});

test("compileAssemblyScript() gives the same bytes in every folder, also for a pack's kernel", async () => {
  const root = join(import.meta.dirname, "../../..");
  const copy = join(folder, "deeper", "copy");
  for (const part of ["kernels", "generated"])
    await cp(join(root, part), join(copy, part), { recursive: true });
  const kernel = "kernels/rmsnorm_f32/kernel.ts";
  const here = await compileAssemblyScript(join(root, kernel));
  const there = await compileAssemblyScript(join(copy, kernel));
  expect(there).toEqual(here);
  expect(Buffer.from(here).includes("annulus-asc-")).toBe(false);
});

test("compileAssemblyScript() lets a source anywhere import what Annulus shares by name", async () => {
  const text = `
    import { f32Bytes2 } from "annulus/kernels/std/region";
    import { OK } from "annulus/generated/abi.as";
    export function bytes(rows: u32): u64 { return OK + f32Bytes2(rows, 3); }
  `;
  const bytes = await compileAssemblyScript(await source("elsewhere/kernel.ts", text));
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes));
  expect((exports as { bytes: (rows: number) => bigint }).bytes(5)).toBe(60n);
});

test("compileAssemblyScript() refuses a source with errors and names each place", async () => {
  const file = await source("wrong.ts", "export function f(): i32 {\n  return nothing;\n}\n");
  const failure = await failureOf(compileAssemblyScript(file));
  expect(failure.code).toBe("KERNEL_BUILD_FAILED");
  expect(failure.at).toBe(file);
  expect(failure.found).toBe("Cannot find name 'nothing'. (wrong.ts:2:10)");
  expect(failure.issues.map(({ code, at }) => `${code} ${at}`)).toEqual(["AS2304 wrong.ts:2:10"]);
});

test("compileAssemblyScript() refuses a source that is not there, or that imports one", async () => {
  const missing = await failureOf(compileAssemblyScript(join(folder, "missing.ts")));
  expect(missing.code).toBe("KERNEL_BUILD_FAILED");
  expect(missing.found).toContain("missing.ts");
  const text = 'import { a } from "./nowhere";\nexport function f(): i32 { return a; }\n';
  const failure = await failureOf(compileAssemblyScript(await source("imports.ts", text)));
  expect(failure.issues[0]!.at).toBe("imports.ts:1:19");
});

test("compileAssemblyScript() refuses unknown flags' modules by name, and reads no asconfig.json", async () => {
  await source(
    "asconfig.json",
    '{ "options": { "runtime": "incremental", "exportRuntime": true } }',
  );
  const file = await source("plain.ts", "export const one: i32 = 1;\n");
  const module = new WebAssembly.Module(await compileAssemblyScript(file));
  expect(WebAssembly.Module.exports(module).map(({ name }) => name)).toEqual(["one", "memory"]);
  const failure = await failureOf(compileAssemblyScript(file, ["--enable", "telepathy"]));
  expect(failure.found).toContain("telepathy");
});

test("assemblyScriptFlags() gives a source the features of a variant, and no other", async () => {
  const text = `
    export function sum(at: usize): f32 {
      if (!ASC_FEATURE_SIMD) return <f32><i32>(load<f32>(at) + <f32>(<i8>at));
      const x = v128.load(at);
      if (!ASC_FEATURE_RELAXED_SIMD) return f32x4.extract_lane(f32x4.add(x, x), 0);
      return f32x4.extract_lane(f32x4.relaxed_madd(x, x, x), 0);
    }
  `;
  const file = await source("variants.ts", text);
  const used = async (features?: readonly string[]) => {
    const module = await compileAssemblyScript(file, assemblyScriptFlags(features));
    return inspect(module).features.map(({ feature }) => feature);
  };
  expect(await used()).toEqual(["simd"]);
  expect(await used([])).toEqual([]);
  expect((await used(["simd", "relaxed-simd"])).toSorted()).toEqual(["relaxed-simd", "simd"]);
  expect(await used(["sign-ext"])).toEqual(["sign-ext"]);
});
