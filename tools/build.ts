// Build: compiles `src` into a clean `dist`, joins its modules, and checks that everything package.json names is there.

import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import { bundle } from "./bundle.ts";

interface PackageJson {
  readonly bin: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly sideEffects: readonly string[];
}

/** The files that package.json promises, relative to the package. */
export function promisedFiles({ bin, exports, sideEffects }: PackageJson): string[] {
  const entries = Object.values(exports).flatMap((target) =>
    typeof target === "string" ? [target] : Object.values(target),
  );
  return [...new Set([...Object.values(bin), ...entries, ...sideEffects])];
}

/** Declarations with `.js` for `.ts` in relative imports: tsc rewrites those of code only. */
export function builtSpecifiers(declarations: string): string {
  return declarations.replaceAll(
    /(\bfrom |\bimport\(|^import )"(\.{1,2}\/[^"]+)\.ts"/gm,
    '$1"$2.js"',
  );
}

/** Compiles the package at `root`. Fails when tsc does, or when a promised file is missing. */
export async function build(root: string): Promise<void> {
  rmSync(join(root, "dist"), { recursive: true, force: true });
  const compiler = createRequire(join(root, "package.json")).resolve("typescript/package.json");
  const tsc = join(dirname(compiler), "bin", "tsc");
  const arguments_ = [tsc, "-p", join(root, "tsconfig.build.json")];
  execFileSync(process.execPath, arguments_, { cwd: root, stdio: "inherit" });
  for (const file of readdirSync(join(root, "dist"), { recursive: true, encoding: "utf8" })) {
    if (!file.endsWith(".d.ts")) continue;
    const path = join(root, "dist", file);
    writeFileSync(path, builtSpecifiers(readFileSync(path, "utf8")));
  }

  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as PackageJson;
  const promised = promisedFiles(manifest);
  const modules = promised.filter((path) => path.endsWith(".js"));
  await bundle(
    join(root, "dist"),
    modules.map((path) => relative("dist", path)),
  );
  const missing = promised.filter((path) => !existsSync(join(root, path)));
  if (missing.length > 0) {
    throw new Error(`package.json names files that were not built: ${missing.join(", ")}`);
  }
  for (const path of Object.values(manifest.bin)) chmodSync(join(root, path), 0o755);
}

if (import.meta.main) {
  await build(resolve(import.meta.dirname, ".."));
  console.log("build: dist is complete");
}
