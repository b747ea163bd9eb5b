// Model files: a model's directory as a command line names it.

import { resolve } from "node:path";
import type { ModelFiles } from "../model/mod.ts";
import { modelFolder } from "../platform/node/mod.ts";
import type { Io } from "./io.ts";

/** The files of `folder`. Fails with INPUT_UNREADABLE, naming what was `expected`, where there is none. */
export function modelFiles(io: Io, folder: string, expected?: string): Promise<ModelFiles> {
  return modelFolder(resolve(io.cwd, folder), expected);
}
