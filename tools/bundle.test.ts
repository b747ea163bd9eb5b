// What bundle() must leave of a folder of modules.

import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";

import { afterEach, expect, test } from "vitest";
import { bundle } from "./bundle.ts";

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

/** The two modules that bundle() keeps for their addresses, and these. */
async function folderOf(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "annulus-bundle-"));
  folders.push(folder);
  const always = { "runtime/broker-kernel.js": "export {};", "cli/doctor-kernel.js": "export {};" };
  for (const [path, text] of Object.entries({ ...always, ...files })) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  return folder;
}

const load = async (folder: string, path: string): Promise<Record<string, unknown>> =>
  (await import(pathToFileURL(join(folder, path)).href)) as Record<string, unknown>;

test("bundle() keeps entries in their places, one copy of what they share, and addresses as they were", async () => {
  const folder = await folderOf({
    "one.js":
      'export { here, Shared } from "./deep/shared.js"; export const own = import.meta.url;',
    "two/two.js":
      'export { here, Shared } from "../deep/shared.js"; export const own = import.meta.url;',
    "deep/shared.js":
      'export class Shared {} export const here = import.meta.url + ": import.meta.url";',
    "deep/unused.js": "throw new Error();",
  });
  await bundle(folder, ["one.js", "two/two.js"]);
  const [one, two] = [await load(folder, "one.js"), await load(folder, "two/two.js")];
  const address = (path: string): string => pathToFileURL(join(folder, path)).href;
  expect([one["own"], two["own"]]).toEqual([address("one.js"), address("two/two.js")]);
  expect([one["here"], two["here"]]).toEqual(
    Array(2).fill(`${address("deep/shared.js")}: import.meta.url`),
  );
  expect(one["Shared"]).toBe(two["Shared"]);
  const files = (await readdir(folder, { recursive: true })).filter((path) => path.endsWith(".js"));
  expect(files.toSorted()).toEqual([
    ...[
      "chunks/shared.js",
      "cli/doctor-kernel.js",
      "one.js",
      "runtime/broker-kernel.js",
      "two/two.js",
    ],
  ]);
});

test("bundle() fails for a module that asks import.meta for what it cannot tell", async () => {
  const folder = await folderOf({ "one.js": "export const here = import.meta.dirname;" });
  await expect(bundle(folder, ["one.js"])).rejects.toThrow("one.js asks for import.meta.dirname");
});
