import { mkdtempSync, rmSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { afterEach, expect, test } from "vitest";

import { driftOf, generateAll } from "./generate.ts";

const folders: string[] = [];
afterEach(() => folders.splice(0).forEach((folder) => rmSync(folder, { recursive: true })));

/** A folder with these files in it, gone after the test. */
async function tree(files: Readonly<Record<string, string>>): Promise<string> {
  const root = mkdtempSync(join(tmpdir(), "annulus-generate-"));
  folders.push(root);
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
  }
  return root;
}

const printing = (files: Readonly<Record<string, string>>): string =>
  `export const generate = async () => (${JSON.stringify(files)});`;

test("generateAll() merges what every generator prints and leaves tests and other files alone", async () => {
  const folder = await tree({
    "one.ts": printing({ "generated/a.txt": "a" }),
    "two.ts": printing({ "docs/b.txt": "b" }),
    "two.test.ts": "throw new Error('not a generator');",
    "notes.md": "",
  });
  const printed = await generateAll(folder);
  expect([...printed.keys()]).toEqual(["generated/a.txt", "docs/b.txt"]);
  expect(new TextDecoder().decode(printed.get("docs/b.txt"))).toBe("b");
});

test("generateAll() fails when two generators print one file", async () => {
  const folder = await tree({
    "one.ts": printing({ "a.txt": "a" }),
    "two.ts": printing({ "a.txt": "a" }),
  });
  await expect(generateAll(folder)).rejects.toThrow("a.txt is printed by two generators");
});

test("driftOf() finds nothing when every file is what its generator prints", async () => {
  const root = await tree({ "generated/a.txt": "a", "docs/b.txt": "b", "docs/by-hand.txt": "" });
  const printed = new Map([
    ["generated/a.txt", new TextEncoder().encode("a")],
    ["docs/b.txt", new TextEncoder().encode("b")],
  ]);
  expect(await driftOf(root, printed)).toEqual({ stale: [], orphaned: [] });
});

test("driftOf() names a file that was edited, one that is missing and one that nothing prints", async () => {
  const root = await tree({ "generated/a.txt": "edited", "generated/deep/old.txt": "" });
  const printed = new Map([
    ["generated/a.txt", new TextEncoder().encode("a")],
    ["docs/missing.txt", new TextEncoder().encode("b")],
  ]);
  expect(await driftOf(root, printed)).toEqual({
    stale: ["generated/a.txt", "docs/missing.txt"],
    orphaned: ["generated/deep/old.txt"],
  });
});
