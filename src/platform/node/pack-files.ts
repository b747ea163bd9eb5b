// Pack files: a pack that lies in a folder, or in a `.tar`, on this machine.
//
// A folder is read as if its owner were hostile. A path must be plain; no step of it may be a symbolic
// link; the file is opened once, must be a regular file, and its size is taken from the open handle.
// After opening, the path is walked again and must lead to the same file, so that a link swapped in
// meanwhile is noticed. Whatever is read is read once: the verifier hashes and keeps those bytes.

import { constants } from "node:fs";
import { type FileHandle, lstat, open, readdir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Failure, PACK_LIMITS } from "../../base/mod.ts";
import {
  fileMissing,
  fileTooLarge,
  isPlainPath,
  type PackFiles,
  tarFiles,
} from "../../pack/mod.ts";

/** Windows has no such flags; there the walk before and after opening has to do. */
const OPEN_FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0); // No wait on a FIFO.

/** Opens a folder or a `.tar`. Fails with PACK_UNREADABLE, or as reading an archive does. */
export async function openPackFiles(source: string | URL): Promise<PackFiles> {
  const path = source instanceof URL ? fileURLToPath(source) : source;
  const found = await stat(path).catch((cause: unknown) => {
    throw unreadable(path, messageOf(cause), cause);
  });
  if (found.isDirectory()) return directoryFiles(path);
  return tarFiles(await readFileWithin(path, PACK_LIMITS.archiveBytesMax));
}

/** The files under `folder`. The folder itself may be reached through links: the host chose it. */
export async function directoryFiles(folder: string): Promise<PackFiles> {
  const root = await realpath(folder).catch((cause: unknown) => {
    throw unreadable(folder, messageOf(cause), cause);
  });
  return {
    list: () => readably(root, () => listFiles(root)),
    read: (path, bytesMax) =>
      readably(path, async () => {
        if (!isPlainPath(path)) throw unsafe(path, "a path that is not plain");
        await refuseLinks(root, path);
        await using handle = await openFile(join(root, path), path);
        await requireSameFile(handle, root, path);
        return await readOpen(handle, path, bytesMax); // Awaited before the handle closes.
      }),
  };
}

/** Reads a regular file of at most `bytesMax` bytes. The path may lead through links. */
export async function readFileWithin(
  path: string,
  bytesMax: number,
): Promise<Uint8Array<ArrayBuffer>> {
  return readably(path, async () => {
    await using handle = await openFile(await realpath(path).catch(() => path), path);
    return await readOpen(handle, path, bytesMax); // Awaited before the handle closes.
  });
}

/** Whatever else the file system says at any step, such as of a file that just went away, is PACK_UNREADABLE. */
async function readably<Value>(path: string, read: () => Promise<Value>): Promise<Value> {
  try {
    return await read();
  } catch (cause) {
    throw cause instanceof Failure ? cause : unreadable(path, messageOf(cause), cause);
  }
}

/** Every path under `root` that is not a folder. Links are listed and not followed. */
async function listFiles(root: string): Promise<string[]> {
  const files: string[] = [];
  const folders = [""];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const entry of await readdir(join(root, folder), { withFileTypes: true })) {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) folders.push(path);
      else files.push(path);
      if (files.length + folders.length > PACK_LIMITS.archiveEntriesMax) throw tooMany(root);
    }
  }
  return files.toSorted();
}

/** Fails when a step of `path` below `root` is a link, or is missing. */
async function refuseLinks(root: string, path: string): Promise<void> {
  let at = root;
  for (const step of path.split("/")) {
    at = join(at, step);
    const found = await lstat(at).catch((cause: unknown) => {
      throw isMissing(cause) ? fileMissing(path) : unreadable(path, messageOf(cause), cause);
    });
    if (found.isSymbolicLink()) throw unsafe(path, "a symbolic link on the way");
  }
}

async function openFile(file: string, path: string): Promise<FileHandle> {
  return open(file, OPEN_FLAGS).catch((cause: unknown) => {
    if (isMissing(cause)) throw fileMissing(path);
    if (codeOf(cause) === "ELOOP") throw unsafe(path, "a symbolic link");
    throw unreadable(path, messageOf(cause), cause);
  });
}

/** The path, walked again without links, must lead to what was opened. */
async function requireSameFile(handle: FileHandle, root: string, path: string): Promise<void> {
  await refuseLinks(root, path);
  const opened = await handle.stat({ bigint: true });
  const named = await lstat(join(root, path), { bigint: true });
  if (opened.dev !== named.dev || opened.ino !== named.ino) {
    throw unreadable(path, "another file than was opened");
  }
}

async function readOpen(
  handle: FileHandle,
  path: string,
  bytesMax: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const found = await handle.stat();
  if (!found.isFile()) throw unsafe(path, "something that is no regular file");
  if (found.size > bytesMax) throw fileTooLarge(path, found.size, bytesMax);
  const bytes = new Uint8Array(found.size + 1); // One more, to notice a file that grows.
  let length = 0;
  for (;;) {
    const { bytesRead } = await handle.read(bytes, length, bytes.length - length, length);
    length += bytesRead;
    if (bytesRead === 0 || length === bytes.length) break;
  }
  if (length !== found.size) throw unreadable(path, "a file that changed while it was read");
  return bytes.slice(0, length);
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}

function isMissing(error: unknown): boolean {
  return codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR";
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function unreadable(at: string, found: string, cause?: unknown): Failure {
  const facts = {
    at,
    found,
    expected: "a readable pack: a folder with kernels.json, or a .tar of it",
    fix: "Check the path, its permissions, and that nobody writes to the pack.",
  };
  return new Failure("PACK_UNREADABLE", facts, cause === undefined ? {} : { cause });
}

function unsafe(at: string, found: string): Failure {
  return new Failure("PACK_PATH_UNSAFE", {
    at,
    found,
    expected: "a regular file, reached without links",
    fix: "Copy the file itself into the pack.",
  });
}

function tooMany(at: string): Failure {
  return new Failure("PACK_TOO_LARGE", {
    at,
    found: `more than ${PACK_LIMITS.archiveEntriesMax} files`,
    expected: `at most ${PACK_LIMITS.archiveEntriesMax} files`,
    fix: "Check that this folder is a pack.",
  });
}
