// Pack source: the folder that a pack is built from. It holds one of pack.ts, pack.js and pack.json.

import { access } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Failure, PACK_LIMITS } from "../../base/mod.ts";
import { type PackSource, parseJson } from "../../pack/mod.ts";
import { readFileWithin } from "./pack-files.ts";

const NAMES = ["pack.ts", "pack.js", "pack.json"] as const;

/** Reads the source. A module is run: build only what you would run. Fails with PACK_SOURCE_INVALID. */
export async function loadPackSource(folder: string): Promise<PackSource> {
  const present = await Promise.all(NAMES.map((name) => exists(join(folder, name))));
  const [name, second] = NAMES.filter((_, index) => present[index]);
  if (name === undefined || second !== undefined) {
    throw invalid(folder, name === undefined ? "none of them" : `${name} and ${second}`);
  }
  const file = join(folder, name);
  if (name !== "pack.json") return loadModule(file);
  const bytes = await readFileWithin(file, PACK_LIMITS.manifestBytesMax);
  return parseJson(bytes) as unknown as PackSource; // buildPack checks it, whatever it is.
}

async function loadModule(file: string): Promise<PackSource> {
  const module: unknown = await import(pathToFileURL(file).href).catch((cause: unknown) => {
    throw broken(file, cause);
  });
  const { pack } = module as { readonly pack?: PackSource };
  if (pack === undefined) throw invalid(file, "a module that exports no `pack`");
  return pack;
}

function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}

function broken(at: string, cause: unknown): Failure {
  const facts = {
    at,
    found: `a module that does not load: ${String(cause)}`,
    expected: "a module exporting `pack`",
    fix: 'Correct it. Where the fault is the word import or export, put "type": "module" in package.json.',
  };
  return new Failure("PACK_SOURCE_INVALID", facts, { cause });
}

function invalid(at: string, found: string, cause?: unknown): Failure {
  const facts = {
    at,
    found,
    expected: `one of ${NAMES.join(", ")}, a module exporting \`pack\``,
    fix: "Name the folder that holds the pack's source.",
  };
  return new Failure("PACK_SOURCE_INVALID", facts, cause === undefined ? {} : { cause });
}
