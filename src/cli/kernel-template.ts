// Kernel template: the files of a new kernel's folder. They lie in `templates/kernel` as a kernel called
// my_kernel, which is renamed, with what differs by language here.

import { readdir, readFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { type KernelLanguage, pascal } from "../layout/print.ts";
import type { PackSource } from "../pack/mod.ts";
import { printedAccessors } from "./pack-accessors.ts";

/** Two folders up lies the package, whether this file runs as source or as built. */
const TEMPLATES = fileURLToPath(new URL("../../templates/kernel", import.meta.url));

export interface NewKernel {
  /** Lower-case letters, digits and underscores: it is spelt in three ways in code. */
  readonly name: string;
  readonly language: KernelLanguage;
  /** Of this runtime, the oldest that the kernel is for. */
  readonly runtimeVersion: string;
  /** As ISO 8601 writes it. */
  readonly createdAt: string;
}

interface Language {
  readonly title: string;
  readonly file: string;
  /** Where the accessors go: beside the kernel. */
  readonly generated: string;
  /** One line of shell that makes `my_kernel.wasm`; undefined where `annulus pack build` compiles. */
  readonly compile: string | undefined;
  readonly needs: string;
  /** Elements of the table that the compiler puts into every module. */
  readonly tableElements: number;
  readonly devDependencies: Readonly<Record<string, string>>;
}

/** Small stacks below all data, so that one that overflows traps; the host's arena begins at __heap_base. */
const LANGUAGES: Readonly<Record<KernelLanguage, Language>> = {
  assemblyscript: {
    title: "AssemblyScript",
    file: "assembly/kernel.ts",
    generated: "assembly/generated",
    compile: undefined,
    needs:
      "Needs nothing but npm: `annulus pack build` compiles with the package `assemblyscript`.",
    tableElements: 0,
    devDependencies: { assemblyscript: "^0.28.20" },
  },
  c: {
    title: "C",
    file: "kernel.c",
    generated: "generated",
    compile:
      "clang --target=wasm32 -std=c11 -O3 -msimd128 -Wall -Wextra -Werror -nostdlib -Wl,--no-entry,--export=__heap_base,--stack-first,-z,stack-size=4096 -o my_kernel.wasm kernel.c",
    needs: "Needs clang and wasm-ld, which Debian has as `clang` and `lld`.",
    tableElements: 0,
    devDependencies: {},
  },
  rust: {
    title: "Rust",
    file: "kernel.rs",
    generated: "generated",
    compile:
      "rustc --edition 2021 --target wasm32-unknown-unknown --crate-type cdylib -C opt-level=3 -C panic=abort -C strip=debuginfo -C target-feature=+simd128 -C link-arg=-zstack-size=4096 -o my_kernel.wasm kernel.rs",
    needs: "Needs rustc 1.77 or later with `rustup target add wasm32-unknown-unknown`.",
    tableElements: 1,
    devDependencies: {},
  },
};

/** Files that a registry's package cannot hold, or ours should not, under their own names. */
const RENAMED: Readonly<Record<string, string>> = {
  gitignore: ".gitignore",
  "kernel-test.ts": "kernel.test.ts",
};

/** The files by path, accessors included. */
export async function kernelFiles(kernel: NewKernel): Promise<ReadonlyMap<string, Uint8Array>> {
  const { language } = kernel;
  const files = new Map<string, string>();
  for (const folder of ["common", language]) {
    for (const path of await pathsIn(join(TEMPLATES, folder))) {
      const text = await readFile(join(TEMPLATES, folder, path), "utf8");
      files.set(RENAMED[path] ?? path, filledIn(text, kernel));
    }
  }
  const pack = withLanguage(files.get("pack.json")!, LANGUAGES[language]);
  files.set("pack.json", pack);
  files.set("package.json", `${JSON.stringify(packageOf(kernel), null, 2)}\n`);
  for (const [name, text] of printedAccessors(JSON.parse(pack) as PackSource, language))
    files.set(`${LANGUAGES[language].generated}/${name}`, text);
  const encoder = new TextEncoder();
  return new Map([...files].map(([path, text]) => [path, encoder.encode(text)]));
}

/** Every file under `folder`, by its path with `/`. */
async function pathsIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return files.map((file) =>
    relative(folder, join(file.parentPath, file.name)).replaceAll(sep, "/"),
  );
}

/** The commands of the new folder, by what they are called there. */
function scriptsOf(language: KernelLanguage): Readonly<Record<string, string>> {
  const { compile, generated } = LANGUAGES[language];
  const accessors = `annulus pack accessors . --lang ${language} --out ${generated}`;
  const prepare = compile === undefined ? accessors : `${accessors} && npm run compile`;
  const signed = "annulus pack build . --out pack-signed --key signing.pem";
  const certified =
    "annulus pack test pack-signed --trust trust.json --references reference.ts --certificates certificates";
  return {
    ...(compile === undefined ? {} : { compile }),
    test: `${prepare} && node --test`,
    build: `${prepare} && annulus pack build . --out pack`,
    key: "annulus pack keygen --out signing.pem --trust trust.json",
    release: `${prepare} && ${signed} && ${certified}`,
  };
}

function packageOf({ name, language, runtimeVersion }: NewKernel): object {
  const scripts = Object.entries(scriptsOf(language)).map(
    ([key, line]) => [key, line.replaceAll("my_kernel", name)] as const,
  );
  return {
    name: `${name}-kernel`, // Never the name of a package that it depends on.
    private: true,
    type: "module",
    scripts: Object.fromEntries(scripts),
    devDependencies: { annulus: `^${runtimeVersion}`, ...LANGUAGES[language].devDependencies },
    engines: { node: ">=24" },
  };
}

/** The source of the manifest, kept as it was written but for what a language changes in it. */
function withLanguage(pack: string, { file, compile, tableElements }: Language): string {
  const source = compile === undefined ? `\n      "source": "${file}",` : "";
  return pack
    .replace(/"path": ".*",/, `$&${source}`)
    .replace('"max_table_elements": 0', `"max_table_elements": ${tableElements}`);
}

function filledIn(text: string, { name, language, runtimeVersion, createdAt }: NewKernel): string {
  const { title, file, generated, needs } = LANGUAGES[language];
  const words: Readonly<Record<string, string>> = {
    my_kernel: name,
    MY_KERNEL: name.toUpperCase(),
    MyKernel: pascal(name),
    ANNULUS_VERSION: runtimeVersion,
    NEXT_MAJOR: `${Number.parseInt(runtimeVersion, 10) + 1}.0.0`,
    CREATED_AT: createdAt,
    LANGUAGE_TITLE: title,
    LANGUAGE_NEEDS: needs,
    KERNEL_FILE: file,
    GENERATED: generated,
  };
  return text.replaceAll(new RegExp(Object.keys(words).join("|"), "g"), (word) => words[word]!);
}
