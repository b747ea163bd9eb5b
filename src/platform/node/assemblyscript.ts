// AssemblyScript: compiles a kernel's source to WebAssembly, in this process.
//
// The compiler is an optional peer that is loaded when first needed. It sees no configuration file and
// no environment, so the same sources and flags give the same bytes in every folder. A source imports
// its neighbours by relative paths and Annulus's own by name, such as "annulus/kernels/std/region",
// whether or not Annulus is installed beside it.

import { readFile } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { Failure, type Feature, type Issue } from "../../base/mod.ts";

/** Fast code, no allocator and no start function; the host adds the arena to one page. */
const COMMON = "-O3 --converge --noAssert --runtime stub --initialMemory 1".split(" ");

/**
 * The flags of a kernel's baseline: with SIMD. Bulk memory is off, since a module with any data would
 * have to declare it: where a kernel wants `memory.copy` as one instruction, pass flags without the
 * last two words.
 */
export const ASSEMBLYSCRIPT_FLAGS: readonly string[] = [
  ...COMMON,
  ...["--enable", "simd", "--disable", "bulk-memory"],
];

/** The compiler's names of features that a variant may declare; it has no switch for the others. */
const SWITCHES: Readonly<Partial<Record<Feature, string>>> = {
  simd: "simd",
  "relaxed-simd": "relaxed-simd",
  "sign-ext": "sign-extension",
  "nontrapping-fptoint": "nontrapping-f2i",
  "bulk-memory": "bulk-memory",
  "multi-value": "multi-value",
  "reference-types": "reference-types",
  "tail-call": "tail-calls",
  threads: "threads",
};

/** The flags of a variant: these features and no other. Those of the baseline where none are said. */
export function assemblyScriptFlags(features?: readonly string[]): readonly string[] {
  if (features === undefined) return ASSEMBLYSCRIPT_FLAGS;
  const switches = Object.entries(SWITCHES).flatMap(([feature, name]) => [
    features.includes(feature) ? "--enable" : "--disable",
    name,
  ]);
  return [...COMMON, ...switches];
}

/**
 * Compiles the module whose entry is `file`. `unwritten` has texts by absolute path that stand for
 * files which are about to be written. Fails with KERNEL_BUILD_FAILED, one issue per error.
 */
export async function compileAssemblyScript(
  file: string,
  flags: readonly string[] = ASSEMBLYSCRIPT_FLAGS,
  unwritten: ReadonlyMap<string, string> = new Map(),
): Promise<Uint8Array<ArrayBuffer>> {
  const { main } = await loadCompiler(file);
  const sources = new Map<string, string>();
  const issues: Issue[] = [];
  let binary: Uint8Array<ArrayBuffer> | undefined;
  const { error, stderr } = await main(
    [basename(file), ...flags, "--noColors", "--baseDir", dirname(file), "--outFile", OUTPUT],
    {
      readFile: async (name, folder) => {
        if (name === "asconfig.json") return null; // The flags say all.
        const path = resolve(folder, name);
        const text = unwritten.get(path) ?? (await readSource(path));
        if (text !== null) sources.set(name, text);
        return text;
      },
      writeFile: (name, content) => {
        if (name === OUTPUT && typeof content !== "string") binary = new Uint8Array(content);
      },
      listFiles: () => [],
      reportDiagnostic: (diagnostic) => {
        if (diagnostic.category === ERROR) issues.push(issueOf(diagnostic, sources));
      },
    },
  );
  if (error === null && binary !== undefined) return binary;
  throw buildFailure(file, issues, error?.message ?? stderr.toString());
}

const OUTPUT = "kernel.wasm";
const ERROR = 3; // The compiler's category of errors; below it lie warnings and notes.
const PACKAGE = /[\\/]node_modules[\\/]annulus[\\/](.*)$/;
const PACKAGE_ROOT = fileURLToPath(new URL("../../..", import.meta.url));

/** The few parts of the compiler's interface that are used. */
interface Compiler {
  main(argv: readonly string[], host: CompilerHost): Promise<CompilerResult>;
}

interface CompilerHost {
  readFile(name: string, folder: string): Promise<string | null>;
  writeFile(name: string, content: Uint8Array | string): void;
  listFiles(): string[];
  reportDiagnostic(diagnostic: Diagnostic): void;
}

interface CompilerResult {
  readonly error: Error | null;
  readonly stderr: { toString(): string };
}

interface Diagnostic {
  readonly code: number;
  readonly category: number;
  readonly message: string;
  readonly range: DiagnosticRange | null;
}

interface DiagnosticRange {
  readonly start: number;
  readonly source: { readonly normalizedPath: string } | null;
}

async function loadCompiler(file: string): Promise<Compiler> {
  try {
    return (await import("assemblyscript/asc")) as unknown as Compiler;
  } catch (cause) {
    throw new Failure(
      "KERNEL_BUILD_FAILED",
      {
        at: file,
        found: "no AssemblyScript compiler",
        expected: 'the package "assemblyscript" to be installed',
        fix: "Run `npm install --save-dev assemblyscript`.",
      },
      { cause },
    );
  }
}

/** Null when there is no such file: the compiler then looks elsewhere, or reports it. */
async function readSource(path: string): Promise<string | null> {
  const text = await readText(path);
  const own = PACKAGE.exec(path)?.[1];
  return text !== null || own === undefined ? text : readText(resolve(PACKAGE_ROOT, own));
}

async function readText(path: string): Promise<string | null> {
  return readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return null;
    throw error;
  });
}

function issueOf(diagnostic: Diagnostic, sources: ReadonlyMap<string, string>): Issue {
  return {
    code: `AS${diagnostic.code}`,
    at: placeOf(diagnostic.range, sources),
    found: diagnostic.message,
    expected: "AssemblyScript that compiles",
    fix: "Correct the source.",
  };
}

/** A diagnostic's place as editors write it: file:line:column, both counted from 1. */
function placeOf(range: DiagnosticRange | null, sources: ReadonlyMap<string, string>): string {
  const path = range?.source?.normalizedPath;
  if (range === null || path === undefined) return "the module";
  const before = sources.get(path)?.slice(0, range.start).split("\n");
  return before === undefined ? path : `${path}:${before.length}:${before.at(-1)!.length + 1}`;
}

function buildFailure(file: string, issues: readonly Issue[], reason: string): Failure {
  const [first] = issues;
  const found = first === undefined ? reason.trim() : `${first.found} (${first.at})`;
  const more = issues.length > 1 ? ` and ${issues.length - 1} more` : "";
  return new Failure(
    "KERNEL_BUILD_FAILED",
    {
      at: file,
      found: `${found}${more}`,
      expected: "AssemblyScript that compiles",
      fix: "Correct the source; every error is listed among the issues.",
    },
    { issues },
  );
}
