import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { annulus } from "./command.fixture.ts";
import { PACK_SOURCE, writeSource } from "./kernel-source.fixture.ts";

let cwd = "";
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), "annulus-accessors-"));
  await writeSource(join(cwd, "source"));
});
afterEach(() => rm(cwd, { recursive: true }));

const print = (lang: string, out = "out") =>
  annulus(cwd, "pack", "accessors", "source", "--lang", lang, "--out", out);

async function codeOf(...argv: string[]): Promise<readonly [number | null, string]> {
  const { exit, out } = await annulus(cwd, "pack", "accessors", ...argv, "--json");
  return [exit, (JSON.parse(out) as { error: { code: string } }).error.code];
}

test("annulus pack accessors writes the ABI and a file per kernel, and says which", async () => {
  for (const [lang, extension] of [
    ["assemblyscript", ".as.ts"],
    ["c", ".h"],
    ["rust", ".rs"],
  ] as const) {
    const { exit, out } = await print(lang, join("deep", lang));
    const files = [`abi${extension}`, `twice${extension}`];
    expect(exit).toBe(0);
    expect(out).toBe(files.map((file) => `wrote ${join("deep", lang, file)}\n`).join(""));
    expect((await readdir(join(cwd, "deep", lang))).toSorted()).toEqual(files);
  }
});

test("annulus pack accessors replaces what it printed before the manifest changed", async () => {
  await print("c");
  const [kernel] = PACK_SOURCE.kernels;
  const params = { gain: { type: "f64", default: 1 } };
  await writeSource(join(cwd, "source"), { ...PACK_SOURCE, kernels: [{ ...kernel, params }] });
  expect((await print("c")).exit).toBe(0);
  expect(await readFile(join(cwd, "out", "twice.h"), "utf8")).toContain("double gain;");
});

test("annulus pack accessors writes over nothing that it did not print, nor beside it", async () => {
  await print("c");
  await rm(join(cwd, "out", "abi.h"));
  await writeFile(join(cwd, "out", "twice.h"), "mine");
  expect(await codeOf("source", "--lang", "c", "--out", "out")).toEqual([1, "OUTPUT_UNWRITABLE"]);
  expect(await readdir(join(cwd, "out"))).toEqual(["twice.h"]);
  expect(await codeOf("source", "--lang", "c", "--out", "out/twice.h")).toEqual([
    1,
    "OUTPUT_UNWRITABLE",
  ]);
});

test("annulus pack accessors refuses a language, a folder or a source that it does not know", async () => {
  expect(await codeOf("source", "--lang", "zig", "--out", "out")).toEqual([2, "USAGE"]);
  expect(await codeOf("source", "--lang", "c")).toEqual([2, "USAGE"]);
  expect(await codeOf("away", "--lang", "c", "--out", "o")).toEqual([2, "PACK_SOURCE_INVALID"]);
  await writeSource(join(cwd, "source"), { ...PACK_SOURCE, version: "one" });
  expect(await codeOf("source", "--lang", "c", "--out", "o")).toEqual([2, "PACK_SOURCE_INVALID"]);
  expect(await readdir(cwd)).toEqual(["source"]);
});
