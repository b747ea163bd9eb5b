// Write: output that is there whole or not at all.
//
// Everything is written under a temporary name beside its target and then given its own name in one
// step, so that a crash, a full disk or a failure midway leaves what was there before. Devices and named
// pipes are written into: a name that was theirs must stay theirs.

import { randomUUID } from "node:crypto";
import { link, mkdir, readdir, realpath, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { Failure } from "../base/mod.ts";
import { MANIFEST_PATH, SIGNATURE_PATH } from "../pack/mod.ts";

interface WriteOptions {
  /** Permissions of the new file; those of the process by default. */
  readonly mode?: number;
  /** Fails when the file exists. */
  readonly fresh?: boolean;
}

/**
 * Writes one file, or what a link to one leads to. Fails with OUTPUT_UNWRITABLE and then leaves no trace.
 */
export async function writeWhole(
  file: string,
  content: Uint8Array | string,
  { mode = 0o666, fresh = false }: WriteOptions = {},
): Promise<void> {
  await attempt(file, async () => {
    const target = (await realpath(file).catch(ignoringMissing)) ?? file;
    if (!fresh && (await isStream(target))) return writeFile(target, content);
    const draft = draftOf(target);
    try {
      await writeFile(draft, content, { mode, flag: "wx", flush: true });
      if (fresh) await link(draft, file); // Fails when the name is taken; renaming would not.
      else await rename(draft, target);
    } finally {
      await rm(draft, { force: true });
    }
  });
}

/** Whether `file` is there and neither a file nor a folder. */
async function isStream(file: string): Promise<boolean> {
  const found = await stat(file).catch(ignoringMissing);
  return found !== undefined && !found.isFile() && !found.isDirectory();
}

/** Writes a folder of files, in place of an older pack if one is there and of nothing else. */
export async function writeFolder(
  folder: string,
  files: ReadonlyMap<string, Uint8Array>,
): Promise<void> {
  const [draft, old] = [draftOf(folder), draftOf(folder)];
  await attempt(folder, async () => {
    try {
      await writeDraft(draft, files);
      const replaced = await isReplaceable(folder);
      if (replaced) await rename(folder, old);
      await rename(draft, folder).catch(async (error: unknown) => {
        if (replaced) await rename(old, folder); // What was there before is there again.
        throw error;
      });
      await rm(old, { recursive: true, force: true });
    } finally {
      await rm(draft, { recursive: true, force: true });
    }
  });
}

/** Writes a folder of files where nothing is, or into an empty folder, which stays the same one. */
export async function writeNewFolder(
  folder: string,
  files: ReadonlyMap<string, Uint8Array>,
): Promise<void> {
  const draft = draftOf(folder);
  await attempt(folder, async () => {
    try {
      await writeDraft(draft, files);
      if (!(await isEmptyFolder(folder))) await rename(draft, folder);
      else
        for (const name of await readdir(draft))
          await rename(join(draft, name), join(folder, name));
    } finally {
      await rm(draft, { recursive: true, force: true });
    }
  });
}

async function writeDraft(draft: string, files: ReadonlyMap<string, Uint8Array>): Promise<void> {
  for (const [path, content] of files) {
    await mkdir(dirname(join(draft, path)), { recursive: true });
    await writeFile(join(draft, path), content, { flag: "wx" });
  }
}

/** False when there is nothing; fails when there is something. */
async function isEmptyFolder(folder: string): Promise<boolean> {
  const names = await readdir(folder).catch(ignoringMissing);
  if (names === undefined || names.length === 0) return names !== undefined;
  throw new Failure("OUTPUT_UNWRITABLE", {
    at: folder,
    found: `a folder with ${names[0]} in it`,
    expected: "no folder, or an empty one",
    fix: "Name another folder.",
  });
}

/** False when there is nothing; fails when there is something that no pack build wrote. */
async function isReplaceable(folder: string): Promise<boolean> {
  const found = await stat(folder).catch(ignoringMissing);
  if (found === undefined) return false;
  const files = await readdir(folder, { recursive: true, withFileTypes: true });
  const foreign = files.find((entry) => !entry.isDirectory() && !isOurs(entry.name));
  if (foreign === undefined) return true;
  throw new Failure("OUTPUT_UNWRITABLE", {
    at: folder,
    found: `a folder with ${foreign.name} in it`,
    expected: "no folder, an empty one, or an older pack",
    fix: "Name another folder, or remove this one.",
  });
}

function isOurs(name: string): boolean {
  return name === MANIFEST_PATH || name === SIGNATURE_PATH || name.endsWith(".wasm");
}

function draftOf(target: string): string {
  return join(dirname(target), `.${basename(target)}.${randomUUID()}`);
}

function ignoringMissing(error: unknown): undefined {
  if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
  throw error;
}

async function attempt(target: string, write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (cause) {
    if (cause instanceof Failure) throw cause;
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
    const found = code === "EEXIST" ? "a file of this name" : String(cause);
    const fix = FIXES[code] ?? "Check the path and its permissions.";
    const facts = { at: target, found, expected: "a place to write to", fix };
    throw new Failure("OUTPUT_UNWRITABLE", facts, { cause });
  }
}

/** What to do, by the system's code. */
const FIXES: Readonly<Record<string, string>> = {
  EEXIST: "Name another file, or remove this one.",
  ENOSPC: "Free some space on the disk, or write elsewhere.",
  EDQUOT: "Free some of your quota, or write elsewhere.",
  EFBIG: "Raise the limit on file sizes, or write elsewhere.",
  EROFS: "Write to a file system that is not read-only.",
};
