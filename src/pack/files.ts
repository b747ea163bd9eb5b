// Files: how a pack is read, wherever it lies. Folders are the platform's business; here are archives
// and files already in memory.

import { Failure } from "../base/mod.ts";
import { readTar } from "./tar.ts";

/** The files of one pack. What `read` returns belongs to the caller. */
export interface PackFiles {
  /** The path of everything that lies in the pack, plain file or not. */
  list(): Promise<readonly string[]>;
  /** Opens and reads a plain file once. Fails with PACK_UNREADABLE, PACK_PATH_UNSAFE, PACK_TOO_LARGE. */
  read(path: string, bytesMax: number): Promise<Uint8Array>;
}

/** Files that are in memory, such as those that `buildPack` made. */
export function memoryFiles(files: ReadonlyMap<string, Uint8Array>): PackFiles {
  return {
    list: async () => [...files.keys()],
    read: async (path, bytesMax) => {
      const bytes = files.get(path);
      if (bytes === undefined) throw fileMissing(path);
      if (bytes.length > bytesMax) throw fileTooLarge(path, bytes.length, bytesMax);
      return new Uint8Array(bytes);
    },
  };
}

/** The files of a `.tar`. The archive is copied, so that nobody can change it while it is read. */
export function tarFiles(archive: Uint8Array): PackFiles {
  return memoryFiles(readTar(new Uint8Array(archive)));
}

export function fileMissing(path: string): Failure {
  return new Failure("PACK_UNREADABLE", {
    at: path,
    found: "no such file",
    expected: "a file of the pack",
    fix: "Check that the pack is complete.",
  });
}

export function fileTooLarge(path: string, bytes: number, bytesMax: number): Failure {
  return new Failure("PACK_TOO_LARGE", {
    at: path,
    found: `${bytes} bytes`,
    expected: `at most ${bytesMax} bytes`,
    fix: "Make the file smaller, or split the pack.",
  });
}
