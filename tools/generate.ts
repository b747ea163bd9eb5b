// Generate: prints every generated file from the tables in `src`, or with --check compares.
//
// A generator is a file of `tools/generators` that exports `generate()`: file paths, relative to the
// repository, with their contents. Generated files are committed; `npm run check` fails when one is
// not what its generator prints, or when nothing prints a file of `generated` any more.

import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

export type Generated = Readonly<Record<string, string | Uint8Array>>;

/** Runs every generator in `folder` and merges what they print. Two may not print one file. */
export async function generateAll(
  folder: string = join(import.meta.dirname, "generators"),
): Promise<Map<string, Uint8Array>> {
  const names = (await readdir(folder)).filter((name) => /^[\w-]+\.ts$/.test(name)).toSorted();
  const printed = new Map<string, Uint8Array>();
  for (const name of names) {
    const url = pathToFileURL(join(folder, name)).href;
    const module = (await import(url)) as { generate: () => Promise<Generated> };
    for (const [path, content] of Object.entries(await module.generate())) {
      if (printed.has(path)) throw new Error(`${path} is printed by two generators`);
      printed.set(path, typeof content === "string" ? new TextEncoder().encode(content) : content);
    }
  }
  return printed;
}

export interface Drift {
  /** Printed files that are missing from the repository or hold something else. */
  readonly stale: readonly string[];
  /** Files of `generated` that no generator prints. */
  readonly orphaned: readonly string[];
}

/** Compares what the generators print with what the repository at `root` holds. */
export async function driftOf(
  root: string,
  printed: ReadonlyMap<string, Uint8Array>,
): Promise<Drift> {
  const stale: string[] = [];
  for (const [path, bytes] of printed) {
    const committed = await orUndefined(readFile(join(root, path)));
    if (!committed?.equals(bytes)) stale.push(path);
  }
  const entries = await orUndefined(
    readdir(join(root, "generated"), { recursive: true, withFileTypes: true }),
  );
  const files = (entries ?? [])
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .map((path) => path.replaceAll("\\", "/"));
  return { stale, orphaned: files.filter((path) => !printed.has(path)).toSorted() };
}

/** What `answer` resolves to, or undefined when there is no such file. */
async function orUndefined<T>(answer: Promise<T>): Promise<T | undefined> {
  return answer.catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
}

async function write(root: string, path: string, bytes: Uint8Array): Promise<void> {
  const target = join(root, path);
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, bytes);
}

if (import.meta.main) {
  const root = resolve(import.meta.dirname, "..");
  const check = process.argv.includes("--check");
  const printed = await generateAll();
  const { stale, orphaned } = await driftOf(root, printed);
  for (const path of stale) {
    console.log(`${check ? "stale" : "wrote"}: ${path}`);
    if (!check) await write(root, path, printed.get(path)!);
  }
  for (const path of orphaned) console.log(`orphaned: ${path}`);
  console.log(`generate: ${printed.size} files, ${stale.length} ${check ? "stale" : "written"}`);
  if ((check && stale.length > 0) || orphaned.length > 0) {
    console.error("Run `npm run generate`, remove what is orphaned, and commit the result.");
    process.exitCode = 1;
  }
}
