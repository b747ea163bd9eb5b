// Toolchains: the compilers outside npm that kernels are written for, and why a test cannot have one.

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

/** Undefined where clang makes WebAssembly here; else what is missing, for the name of a skipped test. */
export function withoutClang(): string | undefined {
  const source = { input: "int one(void) { return 1; }" };
  const compiled = spawnSync("clang", ["--target=wasm32", "-c", "-xc", "-", "-o", "-"], source);
  if (compiled.status !== 0) return "no clang that makes wasm32";
  return runs("wasm-ld") ? undefined : "no wasm-ld";
}

/** Undefined where rustc is there and new enough for the printed accessors. */
export function withoutRustc(): string | undefined {
  const { status, stdout } = spawnSync("rustc", ["--version"], { encoding: "utf8" });
  if (status !== 0) return "no rustc";
  const [, major, minor] = /(\d+)\.(\d+)/.exec(stdout) ?? [];
  return Number(major) > 1 || Number(minor) >= 77 ? undefined : `${stdout.trim()}, older than 1.77`;
}

/** Undefined where rustc also has the library of its WebAssembly target. */
export function withoutRustTarget(): string | undefined {
  const missing = withoutRustc();
  if (missing !== undefined) return missing;
  const words = ["--print", "target-libdir", "--target", "wasm32-unknown-unknown"];
  const { stdout } = spawnSync("rustc", words, { encoding: "utf8" });
  return existsSync(stdout.trim()) ? undefined : "rustc without the target wasm32-unknown-unknown";
}

/** Undefined where Promela models can be checked: spin writes C, which gcc compiles. */
export function withoutSpin(): string | undefined {
  if (spawnSync("spin", ["-V"]).status !== 0) return "no spin";
  return runs("gcc") ? undefined : "no gcc";
}

/** What is put behind the name of a test that is skipped, so that summaries show why. */
export function because(missing: string | undefined): string {
  return missing === undefined ? "" : ` (SKIPPED: ${missing})`;
}

function runs(tool: string): boolean {
  return spawnSync(tool, ["--version"]).status === 0;
}
