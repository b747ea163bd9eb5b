import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { failureIn } from "./pack/failure-of.fixture.ts";
import { keyOf, signedPack } from "./pack/signed-pack.fixture.ts";
import {
  isVerifiedPack,
  loadPack,
  memoryFiles,
  trustKeys,
  VERSION,
  writeTar,
} from "./pack.node.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "annulus-load-"));
});
afterEach(() => rm(folder, { recursive: true }));

test("VERSION is the package's version", async () => {
  const text = await readFile(new URL("../package.json", import.meta.url), "utf8");
  expect(VERSION).toBe((JSON.parse(text) as { version: string }).version);
});

test("loadPack() loads a folder, a tar, a URL, bytes and files, with Node's own defaults", async () => {
  const window = { min_runtime_version: VERSION, max_runtime_version: VERSION };
  const node = { min_version: process.versions.node, features: ["simd"] };
  const files = await signedPack({ manifest: window, kernel: { platforms: { node } } });
  const pack = join(folder, "pack");
  for (const [path, bytes] of files) {
    await mkdir(dirname(join(pack, path)), { recursive: true });
    await writeFile(join(pack, path), bytes);
  }
  const tar = join(folder, "pack.tar");
  await writeFile(tar, writeTar(files));
  const trust = await trustKeys((await keyOf(1)).publicKey);
  for (const source of [pack, tar, pathToFileURL(pack), writeTar(files), memoryFiles(files)]) {
    expect(isVerifiedPack(await loadPack(source, { trust }))).toBe(true);
  }
});

test("loadPack() holds the window against this runtime unless told another version", async () => {
  const trust = await trustKeys((await keyOf(1)).publicKey);
  const files = memoryFiles(await signedPack());
  expect((await failureIn(loadPack(files, { trust }))).code).toBe("RUNTIME_TOO_OLD");
  expect(await loadPack(files, { trust, runtimeVersion: "0.5.0" })).toBeDefined();
});
