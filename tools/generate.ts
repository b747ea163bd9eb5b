// Generate: prints every generated file from the tables in `src`, or with --check compares.
//
// A generator is a file of `tools/generators` that exports `generate()`: file paths, relative to the
// repository, with their contents. Generated files are committed; `npm run check` fails when one is
// not what its generator prints.

import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";

export type Generated = Readonly<Record<string, string | Uint8Array>>;

const root = resolve(import.meta.dirname, "..");

/** Runs every generator and merges what they print. Two generators may not print one file. */
export async function generateAll(): Promise<Map<string, Uint8Array>> {
  const folder = join(import.meta.dirname, "generators");
  const names = (await readdir(folder)).filter((name) => /^[\w-]+\.ts$/.test(name)).toSorted();
  const printed = new Map<string, Uint8Array>();
  for (const name of names) {
    const module = (await import(join(folder, name))) as { generate: () => Promise<Generated> };
    for (const [path, content] of Object.entries(await module.generate())) {
      if (printed.has(path)) throw new Error(`${path} is printed by two generators`);
      printed.set(path, typeof content === "string" ? new TextEncoder().encode(content) : content);
    }
  }
  return printed;
}

async function readOrUndefined(path: string): Promise<Buffer | undefined> {
  return readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
}

if (import.meta.main) {
  const check = process.argv.includes("--check");
  let stale = 0;
  const printed = await generateAll();
  for (const [path, bytes] of printed) {
    const target = join(root, path);
    const committed = await readOrUndefined(target);
    if (committed !== undefined && committed.equals(bytes)) continue;
    stale++;
    console.log(`${check ? "stale" : "wrote"}: ${path}`);
    if (check) continue;
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, bytes);
  }
  console.log(`generate: ${printed.size} files, ${stale} ${check ? "stale" : "written"}`);
  if (check && stale > 0) {
    console.error("Run `npm run generate` and commit what it writes.");
    process.exitCode = 1;
  }
}
