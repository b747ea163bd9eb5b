// Model folder: a model's directory on this machine. Its files may be links, as download caches make
// them: the directory is the host's own choice.

import { stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Failure } from "../../base/mod.ts";
import type { ModelFiles } from "../../model/mod.ts";
import { readFileWithin } from "./pack-files.ts";

/** The files of `folder`. Fails with INPUT_UNREADABLE where there is no such folder. */
export async function modelFolder(folder: string | URL): Promise<ModelFiles> {
  const path = typeof folder === "string" ? folder : fileURLToPath(folder);
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory() !== true) throw noFolder(path, found !== undefined);
  return {
    read: async (name, bytesMax) => {
      const file = join(path, name);
      return (await exists(file)) ? readWithin(file, bytesMax) : undefined;
    },
  };
}

async function readWithin(file: string, bytesMax: number): Promise<Uint8Array> {
  try {
    return await readFileWithin(file, bytesMax);
  } catch (cause) {
    if (!(cause instanceof Failure)) throw cause;
    throw cause.code === "PACK_TOO_LARGE" ? tooLarge(file, cause) : unreadable(file, cause);
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

function unreadable(at: string, cause: Failure): Failure {
  const expected = "a regular file that can be read";
  const fix = "Check the path and its permissions.";
  return new Failure("INPUT_UNREADABLE", { at, found: cause.found, expected, fix }, { cause });
}

function noFolder(at: string, isFile: boolean): Failure {
  return new Failure("INPUT_UNREADABLE", {
    at,
    found: isFile ? "a file" : "no such folder",
    expected: "a folder with config.json, tokenizer.json and model.safetensors",
    fix: "Check the path.",
  });
}
