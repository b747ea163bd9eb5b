// Binaryen's command-line tool, run within this process: its random modules are the widest that can be
// had, and starting a process for each would take longer than everything that is done with them.
//
// The tool is a script for Node with its WebAssembly inside. It is compiled once and called with a
// `process` and `Module` of ours, so that one compiled module serves every run.

import fs, { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { compileFunction } from "node:vm";

import { random } from "../../tools/fuzz/random.ts";

const require = createRequire(import.meta.url);
const SCRIPT = join(dirname(require.resolve("binaryen")), "bin", "wasm-opt");

interface ToolModule {
  /** The tool's own WebAssembly. */
  wasm?: Uint8Array<ArrayBuffer>;
  print(line: string): void;
  printErr(line: string): void;
  instantiateWasm(
    imports: WebAssembly.Imports,
    receive: (instance: WebAssembly.Instance) => void,
  ): object;
}

type Tool = (
  module: ToolModule,
  need: (name: string) => unknown,
  process: object,
  ...paths: string[]
) => void;

let tool: Tool | undefined;
let compiled: { readonly wasm: Uint8Array<ArrayBuffer>; readonly module: WebAssembly.Module };

/** Runs wasm-opt with `args`; throws what it prints if it fails. */
async function wasmOpt(args: readonly string[]): Promise<void> {
  tool ??= compileFunction(
    `Module.wasm ??= findWasmBinary();\n${readFileSync(SCRIPT, "utf8").replace(/^#!.*/, "")}`,
    ["Module", "require", "process", "__filename", "__dirname"],
  ) as Tool;
  const said: string[] = [];
  const module: ToolModule = {
    ...(compiled === undefined ? {} : { wasm: compiled.wasm }),
    print: (line) => void said.push(line),
    printErr: (line) => void said.push(line),
    instantiateWasm(imports, receive) {
      compiled ??= { wasm: module.wasm!, module: new WebAssembly.Module(module.wasm!) };
      receive(new WebAssembly.Instance(compiled.module, imports));
      return {};
    },
  };
  const status = Object.create(process, {
    argv: { value: ["node", SCRIPT, ...args] },
    on: { value: () => {} }, // It would listen for failures of the whole process.
    exitCode: { value: 0, writable: true },
  }) as { exitCode: number };
  tool(
    module,
    (name) => (name === "node:fs" ? quiet : require(name)),
    status,
    SCRIPT,
    dirname(SCRIPT),
  );
  await new Promise((resolve) => void setImmediate(resolve)); // `main` runs in a later turn.
  if (status.exitCode !== 0) throw new Error(said.join("\n"));
}

/** The file system, but for what the tool would write to the terminal. */
const quiet = {
  ...fs,
  writeSync: (fd: number, buffer: Uint8Array, ...rest: number[]): number =>
    fd === 1 || fd === 2 ? rest[1]! : fs.writeSync(fd, buffer, ...rest),
};

/** Features that V8 lacks by default; all others are in play. */
const WITHOUT = [
  "strings",
  "stack-switching",
  "shared-everything",
  "fp16",
  "custom-descriptors",
  "custom-page-sizes",
  "wide-arithmetic",
  "compact-imports",
  "relaxed-atomics",
  "multibyte",
  "acquire-release-atomics",
];

/**
 * The module that binaryen makes of random `input`, `without` some features. NaNs are computed away, since their bits are an
 * engine's choice, and differ between two correct runs.
 */
export async function randomModule(
  input: Uint8Array,
  without: readonly string[] = [],
): Promise<Uint8Array<ArrayBuffer>> {
  const features = [
    "--all-features",
    ...[...WITHOUT, ...without].map((each) => `--disable-${each}`),
  ];
  const folder = mkdtempSync(join(tmpdir(), "annulus-"));
  try {
    const [from, to] = [join(folder, "input"), join(folder, "output.wasm")];
    writeFileSync(from, input);
    await wasmOpt(["-ttf", from, "-o", to, "--denan", ...features, "-q"]);
    return Uint8Array.from(readFileSync(to));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Bytes that a seed decides, and how many. */
export function seededBytes(seed: number, count: number): Uint8Array {
  const next = random(seed);
  return Uint8Array.from({ length: count }, () => next() >>> 24);
}
