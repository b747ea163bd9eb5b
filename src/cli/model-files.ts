// Model files: a model's directory on this machine. Its files may be links, as download caches make
// them: the directory is the user's own choice.

import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { Failure } from "../base/mod.ts";
import type { ModelFiles } from "../model/mod.ts";
import type { Io } from "./io.ts";
import { readBytes } from "./read-bytes.ts";

/** The files of `folder`. Fails with INPUT_UNREADABLE where there is no such folder. */
export async function modelFiles(io: Io, folder: string): Promise<ModelFiles> {
  const found = await stat(resolve(io.cwd, folder)).catch(() => undefined);
  if (found?.isDirectory() !== true) throw noFolder(folder, found !== undefined);
  return {
    read: async (name, bytesMax) => {
      const file = join(folder, name);
      if (!(await exists(resolve(io.cwd, file)))) return undefined;
      return readBytes(io, file, { bytesMax, code: "MODEL_TOO_LARGE", fix: FIX });
    },
  };
}

const FIX = "Check that this is the right file, or split the weights into shards.";

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== "ENOENT", // Reading says what else is wrong.
  );
}

function noFolder(at: string, isFile: boolean): Failure {
  return new Failure("INPUT_UNREADABLE", {
    at,
    found: isFile ? "a file" : "no such folder",
    expected: "a folder with config.json, tokenizer.json and model.safetensors",
    fix: "Check the path.",
  });
}
