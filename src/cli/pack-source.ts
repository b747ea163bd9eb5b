// Pack source: the folder that a pack is built from, as a command names it.

import { resolve } from "node:path";
import type { PackSource } from "../pack/mod.ts";
import { loadPackSource } from "../platform/node/mod.ts";
import type { Io } from "./io.ts";

/** Reads the source. A module is run: build only what you would run. Fails with PACK_SOURCE_INVALID. */
export async function loadSource(io: Io, folder: string): Promise<PackSource> {
  return loadPackSource(resolve(io.cwd, folder));
}
