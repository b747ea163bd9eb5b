// annulus pack accessors: prints, for the kernels of a pack's source, what their code includes. It is
// run again whenever the manifest changes; a build script may run it every time.

import { mkdir, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import { Failure } from "../base/mod.ts";
import { accessorFiles, type KernelLanguage } from "../layout/print.ts";
import { checkedSource, type PackSource } from "../pack/mod.ts";
import type { Io } from "./io.ts";
import { LANGUAGE_LIST, LANGUAGE_OPTION, languageOf } from "./kernel-language.ts";
import type { Report } from "./output.ts";
import { loadSource } from "./pack-source.ts";
import { verb } from "./verb.ts";
import { writeWhole } from "./write.ts";

interface Options {
  readonly lang: string;
  readonly out: string;
}

/** What tells a printed file from one that an author wrote. */
const HEADER = "Printed by `annulus pack accessors` from the pack's source. Do not edit.";

export function packAccessors(pack: Command, io: Io): void {
  const command = pack
    .command("accessors")
    .description("Print the ABI and the params of each kernel as code that kernels include.")
    .argument("<source>", "the folder with pack.ts, pack.js or pack.json; a module is run")
    .requiredOption(LANGUAGE_OPTION, LANGUAGE_LIST)
    .requiredOption(
      "--out <folder>",
      "where abi.* and one file per kernel go; an older print is replaced",
    );
  verb<Options>(command, io, ([source], options) => accessors(io, source!, options));
}

async function accessors(io: Io, source: string, { lang, out }: Options): Promise<Report> {
  const language = languageOf(lang);
  const pack = await loadSource(io, resolve(io.cwd, source));
  const files = printedAccessors(pack, language);
  const folder = resolve(io.cwd, out);
  await mkdir(folder, { recursive: true }).catch((cause: unknown) => {
    throw unwritable(out, String(cause), "a folder to write to", cause);
  });
  for (const name of files.keys()) await requireOurs(join(folder, name), join(out, name));
  for (const [name, text] of files) await writeWhole(join(folder, name), text);
  const written = [...files.keys()].map((name) => join(out, name));
  return {
    json: { pack: pack.name, version: pack.version, lang: language, files: written },
    lines: written.map((file) => `wrote ${file}`),
  };
}

/** The files by name. Fails with PACK_SOURCE_INVALID or, for a name that no language takes, PARAM_INVALID. */
export function printedAccessors(
  source: PackSource,
  language: KernelLanguage,
): ReadonlyMap<string, string> {
  const { kernels, version } = checkedSource(source);
  const printable = kernels.map((kernel) => ({ ...kernel, version }));
  return accessorFiles(language, printable, HEADER);
}

/** Refuses to write over what nobody printed. */
async function requireOurs(file: string, shown: string): Promise<void> {
  const text = await readFile(file, "utf8").catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT") return HEADER;
    throw unwritable(shown, String(cause), "none, or an older print", cause);
  });
  if (text.includes(HEADER)) return;
  throw unwritable(shown, "a file that this command did not print", "none, or an older print");
}

function unwritable(at: string, found: string, expected: string, cause?: unknown): Failure {
  const facts = { at, found, expected, fix: "Name another folder." };
  return new Failure("OUTPUT_UNWRITABLE", facts, cause === undefined ? {} : { cause });
}
