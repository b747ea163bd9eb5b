// annulus init kernel: makes the working folder of a new kernel, which builds and passes its tests.

import { join, resolve } from "node:path";
import type { Command } from "commander";
import { Failure } from "../base/mod.ts";
import type { Io } from "./io.ts";
import { LANGUAGE_LIST, LANGUAGE_OPTION, languageOf } from "./kernel-language.ts";
import { kernelFiles } from "./kernel-template.ts";
import type { Report } from "./output.ts";
import { verb } from "./verb.ts";
import { writeNewFolder } from "./write.ts";

interface Options {
  readonly lang: string;
  readonly dir?: string;
}

/** What all three languages, npm and shells take as a name. The ABI's own file is called abi. */
const NAME = /^(?!abi$)[a-z][a-z0-9]*(?:_[a-z0-9]+)*$/;
const NAME_CHARACTERS_MAX = 64;

export function initKernel(init: Command, io: Io): void {
  const command = init
    .command("kernel")
    .description("Make a folder with a kernel that builds and passes its tests, to start from.")
    .argument("<name>", "the kernel's id: lower-case letters, digits and underscores")
    .requiredOption(LANGUAGE_OPTION, LANGUAGE_LIST)
    .option("--dir <folder>", "the folder to make, by default the name; an empty one will do")
    .addHelpText("after", "\nThe guide for authors is docs/KERNELS.md of the package annulus.");
  verb<Options>(command, io, ([name], options) => newKernel(io, name!, options));
}

async function newKernel(io: Io, name: string, { lang, dir }: Options): Promise<Report> {
  requireName(name);
  const language = languageOf(lang);
  const folder = dir ?? name;
  const files = await kernelFiles({
    name,
    language,
    runtimeVersion: io.version,
    createdAt: `${new Date(io.now()).toISOString().slice(0, 19)}Z`,
  });
  await writeNewFolder(resolve(io.cwd, folder), files);
  const paths = [...files.keys()].toSorted();
  return {
    json: { kernel: name, lang: language, folder, files: paths },
    lines: [
      ...paths.map((path) => `wrote ${join(folder, path)}`),
      "",
      `Next, in ${folder}: npm test, after npm install where no folder above has annulus; README.md says the rest.`,
    ],
  };
}

function requireName(name: string): void {
  if (NAME.test(name) && name.length <= NAME_CHARACTERS_MAX) return;
  throw new Failure("USAGE", {
    at: "<name>",
    found: JSON.stringify(name),
    expected: `lower-case words of letters and digits, parted by _, at most ${NAME_CHARACTERS_MAX} characters, and not "abi"`,
    fix: "Rename the kernel, such as soft_clip or rope_f32.",
  });
}
