// Build: the native baselines, compiled by the machine's own C compiler.
//
// clang is preferred, else gcc. A machine without either is an ordinary answer: the benchmark then
// prints "not measured" and why.

import { execFile } from "node:child_process";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

export type NativeBuild =
  | { readonly built: true; readonly program: string; readonly compiler: string }
  | { readonly built: false; readonly why: string };

/** As fast as plain C gets: every instruction of this processor, and no care for the last bit. */
const FLAGS = ["-std=c11", "-O3", "-march=native", "-ffast-math"];

/** clang has to be told of the vectorised cosines and exponentials that gcc finds by itself. */
const COMPILERS: readonly { readonly name: string; readonly flags: readonly string[] }[] = [
  ...(process.platform === "linux" && process.arch === "x64"
    ? [{ name: "clang", flags: ["-fveclib=libmvec"] }]
    : []),
  { name: "clang", flags: [] },
  { name: "gcc", flags: [] },
];

/** Builds the program into `folder`, which the caller owns. */
export async function buildNative(folder: string): Promise<NativeBuild> {
  const program = join(folder, "kernels");
  const files = await readdir(import.meta.dirname);
  const sources = files.filter((file) => file.endsWith(".c"));
  const refusals: string[] = [];
  for (const { name, flags } of COMPILERS) {
    try {
      const words = [...FLAGS, ...flags, ...sources, "-o", program, "-lm"];
      await run(name, words, { cwd: import.meta.dirname });
      const { stdout } = await run(name, ["--version"]);
      const compiler = [stdout.split("\n")[0], ...FLAGS.slice(1), ...flags].join(" ");
      return { built: true, program, compiler };
    } catch (error) {
      refusals.push(`${name}: ${reasonOf(error)}`);
    }
  }
  return { built: false, why: refusals.join("; ") };
}

function reasonOf(error: unknown): string {
  const { code, stderr } = error as { code?: unknown; stderr?: string };
  if (code === "ENOENT") return "not installed";
  return stderr?.split("\n").find((line) => line.trim() !== "") ?? String(error);
}
