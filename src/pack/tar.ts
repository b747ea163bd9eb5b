// Tar: a pack as one file. A strict reader and a deterministic writer of ustar archives.
//
// Equal files give equal bytes: names are sorted, times and owners are zero, the mode is 0644. The
// reader takes plain files and folders and nothing that reaches outside, repeats or hides: no links,
// devices, extensions, second copies of a name, padding that is not zero, or text after the end. It
// allocates nothing by a size that the archive claims.

import { Failure, type FailureCode, PACK_LIMITS } from "../base/mod.ts";
import { isPlainPath } from "./path.ts";
import { BLOCK_BYTES, readHeader, type TarHeader, TYPE_NAMES, writeHeader } from "./tar-header.ts";

/** Reads every file of `archive`. The contents are views of it. Fails with PACK_ARCHIVE_INVALID. */
export function readTar(archive: Uint8Array): ReadonlyMap<string, Uint8Array> {
  if (archive.length > PACK_LIMITS.archiveBytesMax) {
    throw refuse("PACK_TOO_LARGE", "ARCHIVE_SIZE", 0, `${archive.length} bytes`);
  }
  const files = new Map<string, Uint8Array>();
  const folders = new Set<string>();
  for (const { name, type, content, at } of entriesOf(archive)) {
    const path = type === "folder" ? name.replace(/\/$/, "") : name;
    if (!isPlainPath(path)) throw refuse("PACK_PATH_UNSAFE", "NAME", at, JSON.stringify(name));
    // A name stands once, and nothing is both a file and a folder.
    const parents = parentsOf(path);
    const taken = [path, ...parents].some((file) => files.has(file));
    if (taken || (type === "file" && folders.has(path))) {
      throw refuse("PACK_ARCHIVE_INVALID", "DUPLICATE", at, `a second ${JSON.stringify(path)}`);
    }
    for (const parent of parents) folders.add(parent);
    if (type === "folder") folders.add(path);
    else files.set(path, content);
  }
  return files;
}

/** Prints `files` as an archive. Fails with PACK_PATH_UNSAFE for a name that ustar cannot hold. */
export function writeTar(files: ReadonlyMap<string, Uint8Array>): Uint8Array<ArrayBuffer> {
  const paths = [...files.keys()].toSorted();
  const blocks = paths.map((path) => {
    const content = files.get(path)!;
    return { header: headerOf(path, content.length), content };
  });
  const bytes = blocks.reduce((sum, { content }) => sum + BLOCK_BYTES + padded(content.length), 0);
  const archive = new Uint8Array(bytes + 2 * BLOCK_BYTES); // Two blocks of zeros end it.
  let at = 0;
  for (const { header, content } of blocks) {
    archive.set(header, at);
    archive.set(content, at + BLOCK_BYTES);
    at += BLOCK_BYTES + padded(content.length);
  }
  return archive;
}

function headerOf(path: string, size: number): Uint8Array {
  const header = isPlainPath(path) ? writeHeader(path, size) : undefined;
  if (header === undefined) throw refuse("PACK_PATH_UNSAFE", "NAME", 0, JSON.stringify(path));
  return header;
}

interface Entry extends TarHeader {
  readonly type: "file" | "folder";
  readonly content: Uint8Array;
  /** Byte offset of the entry's header. */
  readonly at: number;
}

/** Every entry in turn, and at last the check that the archive ends as it should. */
function* entriesOf(archive: Uint8Array): Generator<Entry> {
  let at = 0;
  for (let entries = 0; !isZero(blockAt(archive, at)); entries++) {
    if (entries === PACK_LIMITS.archiveEntriesMax) {
      throw refuse("PACK_TOO_LARGE", "ENTRIES", at, `more than ${entries} entries`);
    }
    const header = headerAt(archive, at);
    const start = at + BLOCK_BYTES;
    const end = start + header.size;
    const next = start + padded(header.size);
    if (next > archive.length) throw refuse("PACK_ARCHIVE_INVALID", "TRUNCATED", start, "its end");
    if (!isZero(archive.subarray(end, next))) throw refuse("PACK_ARCHIVE_INVALID", "PADDING", end);
    yield { ...header, content: archive.subarray(start, end), at };
    at = next;
  }
  ends(archive, at);
}

function blockAt(archive: Uint8Array, at: number): Uint8Array {
  const block = archive.subarray(at, at + BLOCK_BYTES);
  if (block.length === BLOCK_BYTES) return block;
  throw refuse("PACK_ARCHIVE_INVALID", "TRUNCATED", at, "its end");
}

function headerAt(archive: Uint8Array, at: number): Omit<Entry, "content" | "at"> {
  const header = readHeader(blockAt(archive, at));
  if ("fault" in header) throw refuse("PACK_ARCHIVE_INVALID", header.fault, at, header.found);
  const type = TYPE_NAMES[header.type] ?? `an entry of type ${JSON.stringify(header.type)}`;
  if (type !== "file" && type !== "folder") {
    throw refuse("PACK_ARCHIVE_INVALID", "TYPE", at, `${type} ${JSON.stringify(header.name)}`);
  }
  if (type === "folder" && header.size !== 0) {
    throw refuse("PACK_ARCHIVE_INVALID", "FOLDER_SIZE", at, `a folder of ${header.size} bytes`);
  }
  if (header.size > PACK_LIMITS.kernelBytesMax) {
    throw refuse("PACK_TOO_LARGE", "ENTRY_SIZE", at, `an entry of ${header.size} bytes`);
  }
  return { name: header.name, size: header.size, type };
}

/** `a/b/c` has the parents `a` and `a/b`. */
function parentsOf(path: string): string[] {
  const steps = path.split("/");
  return steps.slice(1).map((_, index) => steps.slice(0, index + 1).join("/"));
}

/** Two blocks of zeros, and zeros only behind them: writers fill up to a multiple of their own. */
function ends(archive: Uint8Array, at: number): void {
  const rest = archive.subarray(at);
  if (rest.length < 2 * BLOCK_BYTES || rest.length % BLOCK_BYTES !== 0) {
    throw refuse("PACK_ARCHIVE_INVALID", "TRUNCATED", at, "its end");
  }
  if (!isZero(rest)) throw refuse("PACK_ARCHIVE_INVALID", "TRAILING", at, "bytes after its end");
}

function padded(length: number): number {
  return Math.ceil(length / BLOCK_BYTES) * BLOCK_BYTES;
}

/** A plain loop: it may see hundreds of megabytes. */
function isZero(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at++) if (bytes[at] !== 0) return false;
  return true;
}

function refuse(
  code: FailureCode,
  fault: string,
  at: number,
  found = "bytes that are not zero",
): Failure {
  return new Failure(
    code,
    {
      at: `byte 0x${at.toString(16)} of the archive`,
      found,
      expected: EXPECTED[code] ?? "a plain ustar archive",
      fix: "Make it with `annulus pack build --tar`, or with `tar --format=ustar` over plain files.",
    },
    { detail: { fault, offset: at } },
  );
}

const EXPECTED: Partial<Record<FailureCode, string>> = {
  PACK_ARCHIVE_INVALID: "a complete ustar archive of plain files, each name once",
  PACK_PATH_UNSAFE: "a plain relative path inside the pack",
  PACK_TOO_LARGE: `at most ${PACK_LIMITS.archiveBytesMax} bytes in ${PACK_LIMITS.archiveEntriesMax} entries of ${PACK_LIMITS.kernelBytesMax} bytes`,
};
