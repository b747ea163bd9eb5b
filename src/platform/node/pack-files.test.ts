import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { PACK_LIMITS } from "../../base/mod.ts";
import { writeTar } from "../../pack/mod.ts";
import { failureIn } from "../../pack/failure-of.fixture.ts";
import { directoryFiles, openPackFiles, readFileWithin } from "./pack-files.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "annulus-pack-"));
  await mkdir(join(folder, "rope"));
  await writeFile(join(folder, "kernels.json"), "{}");
  await writeFile(join(folder, "rope/rope.wasm"), "module");
});
afterEach(() => rm(folder, { recursive: true }));

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

test("directoryFiles() lists every file of a folder and reads it", async () => {
  const files = await directoryFiles(folder);
  expect(await files.list()).toEqual(["kernels.json", "rope/rope.wasm"]);
  expect(text(await files.read("rope/rope.wasm", 6))).toBe("module");
});

test("directoryFiles() holds the size of a file on both sides", async () => {
  const files = await directoryFiles(folder);
  expect(await files.read("rope/rope.wasm", 6)).toHaveLength(6);
  expect((await failureIn(files.read("rope/rope.wasm", 5))).code).toBe("PACK_TOO_LARGE");
});

test("directoryFiles() names what is not there", async () => {
  const files = await directoryFiles(folder);
  for (const path of ["none.wasm", "none/x.wasm", "kernels.json/x"]) {
    const failure = await failureIn(files.read(path, 10));
    expect(failure.code).toBe("PACK_UNREADABLE");
    expect(failure.at).toBe(path);
  }
  expect((await failureIn(directoryFiles(join(folder, "none")))).code).toBe("PACK_UNREADABLE");
});

test("directoryFiles() refuses folders and FIFOs in place of files, without waiting", async () => {
  execFileSync("mkfifo", [join(folder, "fifo")]);
  const files = await directoryFiles(folder);
  expect((await failureIn(files.read("fifo", 10))).code).toBe("PACK_PATH_UNSAFE");
  expect((await failureIn(files.read("rope", 10))).code).toBe("PACK_PATH_UNSAFE");
});

test("directoryFiles() may itself be reached through a link, which the host chose", async () => {
  await symlink(folder, `${folder}-link`);
  try {
    const files = await directoryFiles(`${folder}-link`);
    expect(text(await files.read("kernels.json", 10))).toBe("{}");
  } finally {
    await rm(`${folder}-link`);
  }
});

test("directoryFiles() holds the number of files on both sides", async () => {
  const max = PACK_LIMITS.archiveEntriesMax;
  const files = await directoryFiles(folder);
  const names = Array.from({ length: max - 2 }, (_, index) => join(folder, `f${index}`));
  await Promise.all(names.map((name) => writeFile(name, "")));
  expect(await files.list()).toHaveLength(max);
  await writeFile(join(folder, "last"), "");
  expect((await failureIn(files.list())).code).toBe("PACK_TOO_LARGE");
});

test("openPackFiles() opens a folder, a tar, and either by its URL", async () => {
  const tar = join(folder, "pack.tar");
  await writeFile(tar, writeTar(new Map([["kernels.json", new TextEncoder().encode("{}")]])));
  for (const source of [folder, tar, pathToFileURL(folder), pathToFileURL(tar)]) {
    expect(text(await (await openPackFiles(source)).read("kernels.json", 10))).toBe("{}");
  }
  const json = await failureIn(openPackFiles(join(folder, "kernels.json")));
  expect(json.code).toBe("PACK_ARCHIVE_INVALID");
  expect((await failureIn(openPackFiles(join(folder, "none.tar")))).code).toBe("PACK_UNREADABLE");
});

test("readFileWithin() reads up to its bound", async () => {
  const file = join(folder, "kernels.json");
  expect(text(await readFileWithin(file, 2))).toBe("{}");
  expect((await failureIn(readFileWithin(file, 1))).code).toBe("PACK_TOO_LARGE");
});
