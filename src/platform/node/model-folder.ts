// Model folder: a model's directory on this machine. Its files may be links, as download caches make
// them: the directory is the host's own choice. Weights are read in parts, since a file of them may be larger
// than what Node reads at once, and memory should hold them once.

import { open, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Failure } from "../../base/mod.ts";
import type { ModelFiles, Parts } from "../../model/mod.ts";
import { readFileWithin } from "./pack-files.ts";

const MODEL_FOLDER = "a folder with config.json, tokenizer.json and model.safetensors";

/** The files of `folder`. Fails with INPUT_UNREADABLE, naming what was `expected`, where there is none. */
export async function modelFolder(
  folder: string | URL,
  expected: string = MODEL_FOLDER,
): Promise<ModelFiles> {
  const path = typeof folder === "string" ? folder : fileURLToPath(folder);
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory() !== true) throw noFolder(path, found !== undefined, expected);
  return {
    read: async (name, bytesMax) => {
      const file = join(path, name);
      return (await exists(file)) ? readWithin(file, bytesMax) : undefined;
    },
    open: async (name) => {
      const file = join(path, name);
      return (await exists(file)) ? openParts(file) : undefined;
    },
  };
}

const READ_BYTES_MAX = 2 ** 30; // Node's own limit of one read is twice that.

/** Opens the file anew for each part, so that a model that is kept holds no handle. */
async function openParts(file: string): Promise<Parts> {
  const found = await stat(file).catch((cause: Error) => {
    throw unreadable(file, cause.message, cause);
  });
  if (!found.isFile()) throw unreadable(file, "something that is no regular file");
  return {
    bytes: found.size,
    read: async (at, length) => {
      await using handle = await open(file).catch((cause: NodeJS.ErrnoException) => {
        throw unreadable(file, cause.message, cause);
      });
      const bytes = new Uint8Array(length);
      let done = 0;
      while (done < length) {
        const step = Math.min(length - done, READ_BYTES_MAX);
        const { bytesRead } = await handle
          .read(bytes, done, step, at + done)
          .catch((cause: Error) => {
            throw unreadable(file, cause.message, cause);
          });
        if (bytesRead === 0) throw unreadable(file, "a file that became shorter while it was read");
        done += bytesRead;
      }
      return bytes;
    },
  };
}

async function readWithin(file: string, bytesMax: number): Promise<Uint8Array> {
  try {
    return await readFileWithin(file, bytesMax);
  } catch (cause) {
    if (!(cause instanceof Failure)) throw cause;
    throw cause.code === "PACK_TOO_LARGE"
      ? tooLarge(file, cause)
      : unreadable(file, cause.found, cause);
  }
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== "ENOENT", // Reading says what else is wrong.
  );
}

function tooLarge(at: string, cause: Failure): Failure {
  const { found, expected } = cause;
  const fix = "Check that this is the right file, or split the weights into shards.";
  return new Failure("MODEL_TOO_LARGE", { at, found, expected, fix }, { cause });
}

function unreadable(at: string, found: string, cause?: Error): Failure {
  const expected = "a regular file that can be read";
  const fix = "Check the path and its permissions.";
  return new Failure("INPUT_UNREADABLE", { at, found, expected, fix }, { cause });
}

function noFolder(at: string, isFile: boolean, expected: string): Failure {
  return new Failure("INPUT_UNREADABLE", {
    at,
    found: isFile ? "a file" : "no such folder",
    expected,
    fix: "Check the path.",
  });
}
