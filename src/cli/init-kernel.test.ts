import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { annulus } from "./command.fixture.ts";

let cwd = "";
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), "annulus-init-"));
});
afterEach(() => rm(cwd, { recursive: true }));

async function json(...argv: string[]): Promise<Record<string, unknown>> {
  const { exit, out } = await annulus(cwd, "init", "kernel", ...argv, "--json");
  return { ...(JSON.parse(out) as object), exit };
}

const filesIn = async (folder: string) =>
  (await readdir(join(cwd, folder), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(join(cwd, folder).length + 1))
    .toSorted();

test.each([
  ["assemblyscript", ["assembly/kernel.ts", "assembly/generated/soft_clip.as.ts"]],
  ["c", ["kernel.c", "generated/soft_clip.h"]],
  ["rust", ["kernel.rs", "generated/soft_clip.rs"]],
])("annulus init kernel --lang %s makes a folder with what it lists", async (lang, own) => {
  const made = await json("soft_clip", "--lang", lang);
  expect(made).toMatchObject({ exit: 0, ok: true, kernel: "soft_clip", lang, folder: "soft_clip" });
  const files = await filesIn("soft_clip");
  expect(made["files"]).toEqual(files);
  const common = [".gitignore", "README.md", "kernel.test.ts", "pack.json", "package.json"];
  for (const file of [...common, "reference.ts", ...own]) expect(files).toContain(file);
});

const textOf = (file: string) => readFile(join(cwd, file), "utf8");

const TEMPLATE_WORDS =
  /my_?kernel|MY_KERNEL|MyKernel|ANNULUS_VERSION|NEXT_MAJOR|CREATED_AT|LANGUAGE_|KERNEL_FILE|GENERATED/;

test("annulus init kernel leaves no word of the template's, in names or texts", async () => {
  for (const lang of ["assemblyscript", "c", "rust"]) {
    await json("soft_clip", "--lang", lang, "--dir", lang);
    for (const file of await filesIn(lang)) {
      const text = `${file}\n${await textOf(join(lang, file))}`;
      expect(text, file).not.toMatch(TEMPLATE_WORDS);
    }
  }
});

test("annulus init kernel asks for this runtime and the ones up to the next major", async () => {
  await json("soft_clip", "--lang", "c");
  const pack = JSON.parse(await textOf("soft_clip/pack.json")) as Record<string, string>;
  const { devDependencies } = JSON.parse(await textOf("soft_clip/package.json")) as {
    devDependencies: Record<string, string>;
  };
  expect(devDependencies["annulus"]).toBe(`^${pack["min_runtime_version"]}`);
  const major = Number.parseInt(pack["min_runtime_version"]!, 10);
  expect(pack["max_runtime_version"]).toBe(`${major + 1}.0.0`);
  expect(Math.abs(Date.parse(pack["created_at"]!) - Date.now())).toBeLessThan(3_600_000);
});

test("annulus init kernel fills an empty folder, which stays the same folder", async () => {
  await mkdir(join(cwd, "here"));
  const { ino } = await stat(join(cwd, "here"));
  expect(await json("soft_clip", "--lang", "c", "--dir", "here")).toMatchObject({ exit: 0 });
  expect((await stat(join(cwd, "here"))).ino).toBe(ino);
  expect(await filesIn("here")).toContain("kernel.c");
  expect(await readdir(cwd)).toEqual(["here"]);
});

test("annulus init kernel writes nothing into a folder that is not empty, nor over a file", async () => {
  await mkdir(join(cwd, "full"));
  await writeFile(join(cwd, "full", "kernel.wasm"), "mine");
  await writeFile(join(cwd, "file"), "mine");
  for (const dir of ["full", "file"]) {
    const refused = await json("soft_clip", "--lang", "c", "--dir", dir);
    expect(refused).toMatchObject({ exit: 1, error: { code: "OUTPUT_UNWRITABLE" } });
  }
  expect(await readdir(cwd)).toEqual(["file", "full"]);
  expect(await filesIn("full")).toEqual(["kernel.wasm"]);
});

const LONGEST = "k".repeat(64);

test.each(["a", "rope_f32", "x2_y", "int", "match", "test", LONGEST])(
  "annulus init kernel takes the name %s",
  async (name) => {
    expect(await json(name, "--lang", "c")).toMatchObject({ exit: 0 });
  },
);

test.each([
  "",
  "A",
  "2d",
  "_a",
  "a_",
  "a__b",
  "a-b",
  "a.b",
  "a b",
  "../a",
  "a/b",
  "é",
  "abi",
  `${LONGEST}k`,
])('annulus init kernel refuses the name "%s"', async (name) => {
  expect(await json(name, "--lang", "c")).toMatchObject({ exit: 2, error: { code: "USAGE" } });
  expect(await readdir(cwd)).toEqual([]);
});

test("annulus init kernel refuses other languages, and to choose one", async () => {
  for (const more of [["--lang", "zig"], ["--lang", "C"], []])
    expect(await json("soft_clip", ...more)).toMatchObject({ exit: 2, error: { code: "USAGE" } });
  expect(await readdir(cwd)).toEqual([]);
});

test("annulus init and pack describe the verbs for authors", async () => {
  const { out } = await annulus(cwd, "init", "kernel", "--help");
  for (const word of ["assemblyscript", "rust", "--dir", "--json"]) expect(out).toContain(word);
  expect((await annulus(cwd, "pack", "--help")).out).toContain("accessors");
});
