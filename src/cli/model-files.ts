// Model files: a model's directory as a command line names it.

import { resolve } from "node:path";
import type { ModelFiles } from "../model/mod.ts";
import { modelFolder } from "../platform/node/mod.ts";
import type { Io } from "./io.ts";

/** The files of `folder`. Fails with INPUT_UNREADABLE where there is no such folder. */
export function modelFiles(io: Io, folder: string): Promise<ModelFiles> {
  return modelFolder(resolve(io.cwd, folder));
}
