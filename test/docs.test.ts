// Documents: every block of code that they show is compiled and run here, in order, as a reader would
// follow them. snippets.ts says what an info string means.

import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Preset, PRESETS } from "../src/sandbox.node.ts";
import { annulus } from "../src/cli/command.fixture.ts";
import { Reader } from "./reader.fixture.ts";
import { type Snippet, snippetsOf } from "./snippets.ts";
import { because, withoutClang, withoutRustc, withoutRustTarget } from "./toolchains.fixture.ts";

const root = resolve(import.meta.dirname, "..");

/** What a block may need, and why it is not here. */
const MISSING: ReadonlyMap<string, string | undefined> = new Map([
  ["clang", withoutClang()],
  ["rustc", withoutRustc()],
  ["rust-wasm32", withoutRustTarget()],
]);

/** Every document, and how many of its blocks are not run: a change is a decision, not an accident. */
const GUIDE = "docs/KERNELS.md";
const DOCUMENTS = { [GUIDE]: 1, "docs/ACTORS.md": 0, "docs/MIGRATING.md": 1 } as const;

/** A block may build a kernel, judge it and fuzz it, on a machine that does much else. */
const PATIENCE_MS = 300_000;

const read = (document: string): string => readFileSync(join(root, document), "utf8");

describe.each(Object.entries(DOCUMENTS))("%s", (document, notRun) => {
  const snippets = snippetsOf(read(document)).filter(({ language }) => language !== "text");
  let reader: Reader;
  beforeAll(async () => {
    reader = await Reader.open();
  });
  afterAll(() => reader[Symbol.asyncDispose]());

  test("leaves out as many blocks as is agreed, each with its reason", () => {
    expect(snippets.filter((snippet) => snippet.notRun !== undefined)).toHaveLength(notRun);
  });

  for (const snippet of snippets) {
    const { line, language, file, needs, notRun: reason } = snippet;
    if (reason !== undefined) continue;
    const missing = needs === undefined ? undefined : missingOf(needs);
    const what = `${document}:${line}: ${language} ${file ?? "block"} works`;
    const follow = () => reader.follow(snippet);
    test.skipIf(missing)(`${what}${because(missing)}`, follow, PATIENCE_MS);
  }
});

test("docs/KERNELS.md gives the limits of the presets as they are", () => {
  expect(rowOf("limit")).toEqual(Object.keys(PRESETS).map((name) => `\`${name}\``));
  for (const [row, cell] of Object.entries(LIMITS))
    expect(rowOf(row), row).toEqual(Object.values(PRESETS).map(cell));
});

test("docs/KERNELS.md explains every finding for which the sandbox refuses a module", () => {
  const codes = [...read("src/sandbox/admit.ts").matchAll(/code: "([a-z-]+)"/g)];
  expect(codes.length).toBeGreaterThan(8);
  for (const [, code] of codes) expect(read(GUIDE)).toContain(`\`${code}\``);
});

/** Lines of README.md's shell blocks that call `annulus`, without their comments. */
const commands = snippetsOf(read("README.md"))
  .filter(({ language }) => language === "sh")
  .flatMap(({ text }) => text.split("\n"))
  .filter((line) => line.startsWith("annulus "))
  .map((line) => line.replace(/\s+#.*/, ""));

/** Commands that have verbs of their own. */
const GROUPS: ReadonlySet<string> = new Set(["init", "module", "pack"]);

test.each(commands)("README.md shows `%s`, a command with these options", async (line) => {
  const words = line.split(" ").slice(1);
  const verb = words.slice(0, GROUPS.has(words[0]!) ? 2 : 1);
  const { exit, out } = await annulus(root, ...verb, "--help");
  expect(exit).toBe(0);
  for (const option of words.filter((word) => word.startsWith("--"))) expect(out).toContain(option);
});

test.each(["README.md", ...Object.keys(DOCUMENTS)])(
  "%s shows TypeScript that a strict project accepts",
  async (document) => {
    const given = "declare const activations: Float32Array, weights: Float32Array;\n"; // By README.md.
    const shown = snippetsOf(read(document)).filter(isTypeScript);
    expect(shown.length).toBeGreaterThan(0);
    const whole = shown.map((snippet) => ({ ...snippet, text: given + snippet.text }));
    expect(await typeErrors(document === "README.md" ? whole : shown)).toEqual([]);
  },
  PATIENCE_MS,
);

function isTypeScript({ language, flags, notRun }: Snippet): boolean {
  return language === "ts" && notRun === undefined && !flags.has("assemblyscript");
}

/** The rows of the guide's table of limits. */
const LIMITS: Readonly<Record<string, (preset: Preset) => string>> = {
  "memory of a kernel": ({ memoryBytesMax }) => bytes(memoryBytesMax.value),
  "stack of recursion": ({ stackBytes }) => bytes(stackBytes.value),
  "elements of all tables": ({ tableElementsMax }) => String(tableElementsMax.value),
  "a tick": ({ epochTickMs }) => `${epochTickMs.value} ms`,
  "ticks of a call that asks for none": ({ budgetTicksDefault }) =>
    String(budgetTicksDefault.value),
  "ticks of a call at most": ({ budgetTicksMax }) => String(budgetTicksMax.value),
  SIMD: ({ simd }) => (simd.value ? "yes" : "no"),
  atomics: ({ threads }) => (threads.value ? "yes" : "no"),
};

function bytes(count: number): string {
  const power = Math.floor(Math.log2(count) / 10);
  return `${count / 2 ** (10 * power)} ${["B", "KiB", "MiB", "GiB"][power]}`;
}

/** The cells of the guide's table row that begins with `first`. */
function rowOf(first: string): readonly string[] {
  const rows = read(GUIDE).split("\n");
  const row = rows.find((line) => line.startsWith(`| ${first} |`)) ?? "";
  return row
    .split("|")
    .slice(2, -1)
    .map((cell) => cell.trim());
}

function missingOf(needs: string): string | undefined {
  if (!MISSING.has(needs)) throw new Error(`nobody knows how to look for ${needs}`);
  return MISSING.get(needs);
}

/** What the compiler says of these blocks, each in a file of its own, and of nothing else. */
async function typeErrors(snippets: readonly Snippet[]): Promise<readonly string[]> {
  const folder = await mkdtemp(join(tmpdir(), "annulus-types-"));
  try {
    await symlink(join(root, "node_modules"), join(folder, "node_modules"));
    for (const { line, file, text } of snippets)
      await writeFile(join(folder, file ?? `snippet-${line}.ts`), text);
    await writeFile(join(folder, "package.json"), '{ "type": "module" }');
    const base = JSON.parse(await readFile(join(root, "tsconfig.json"), "utf8")) as {
      compilerOptions: object;
    };
    const paths = {
      annulus: [join(root, "src/index.node.ts")],
      "annulus/*": [join(root, "src/*.node.ts"), join(root, "src/*.ts")],
    };
    const compilerOptions = { ...base.compilerOptions, paths, noUnusedLocals: false };
    const config = JSON.stringify({ compilerOptions, include: ["*.ts"] });
    await writeFile(join(folder, "tsconfig.json"), config);
    const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
    const { stdout } = await promisify(execFile)(process.execPath, [compiler, "-p", "."], {
      cwd: folder,
    }).catch((error: { stdout: string }) => error);
    return stdout.split("\n").filter((line) => line !== "" && !line.startsWith(".."));
  } finally {
    await rm(folder, { recursive: true });
  }
}
