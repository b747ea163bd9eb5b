// Reader: follows a document's blocks in a folder of its own, with `annulus` being this repository's
// sources. Each block begins in the folder where the one before left off.

import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { compileAssemblyScript } from "../src/platform/node/mod.ts";
import type { Snippet } from "./snippets.ts";

const run = promisify(execFile);
const root = resolve(import.meta.dirname, "..");
const HOOK = pathToFileURL(join(import.meta.dirname, "annulus-source.hook.ts")).href;

/** Blocks see no setting of whoever runs the tests, but where programs are. */
const ENVIRONMENT = {
  ...process.env,
  NODE_OPTIONS: `--import ${HOOK}`,
  PATH: [dirname(process.execPath), process.env["PATH"]].join(delimiter),
};

const C_FLAGS =
  "--target=wasm32 -std=c11 -O3 -msimd128 -Wall -Wextra -Werror -Wno-unused-function -I. -c -o snippet.o";
const RUST_FLAGS =
  "--edition 2021 --crate-type lib --emit=metadata -D warnings -A dead_code -A unused -o snippet.rmeta";

export class Reader implements AsyncDisposable {
  readonly home: string;
  #cwd: string;

  private constructor(home: string) {
    this.home = home;
    this.#cwd = home;
  }

  /** A folder with the command `annulus` in it, as if the package were installed. */
  static async open(): Promise<Reader> {
    const home = await mkdtemp(join(tmpdir(), "annulus-reader-"));
    const commands = join(home, "node_modules", ".bin");
    await mkdir(commands, { recursive: true });
    const command = `#!/bin/sh\nexec node "${join(root, "src/cli/main.ts")}" "$@"\n`;
    await writeFile(join(commands, "annulus"), command, { mode: 0o755 });
    await writeFile(join(home, "package.json"), '{ "private": true, "type": "module" }\n');
    return new Reader(home);
  }

  /** Does with a block what its info string says. Throws, with what was printed, where it fails. */
  async follow({ language, flags, file, line, text }: Snippet): Promise<void> {
    const name = file ?? `snippet-${line}${flags.has("assemblyscript") ? ".as" : ""}.${language}`;
    const path = join(this.#cwd, name);
    if (language !== "sh") {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, text);
    }
    switch (language) {
      case "sh":
        return this.#shell(text);
      case "ts":
        if (flags.has("assemblyscript")) await compileAssemblyScript(path);
        else if (file === undefined) await this.#run("node", [path]);
        return;
      case "c":
        return this.#run("clang", [...C_FLAGS.split(" "), path]);
      case "rust":
        return this.#run("rustc", [...RUST_FLAGS.split(" "), path]);
      case "json":
        JSON.parse(text);
        return;
      default:
        throw new Error(`line ${line}: nobody knows how to check ${language}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.home, { recursive: true });
  }

  async #shell(text: string): Promise<void> {
    const last = join(this.home, ".cwd");
    await this.#run("bash", ["-euo", "pipefail", "-c", `${text}\npwd > "${last}"`]);
    this.#cwd = (await readFile(last, "utf8")).trim();
  }

  async #run(command: string, words: readonly string[]): Promise<void> {
    const options = { cwd: this.#cwd, env: ENVIRONMENT };
    await run(command, words, options).catch((error: { stdout: string; stderr: string }) => {
      throw new Error(`${command} failed\n${error.stdout}${error.stderr}`, { cause: error });
    });
  }
}
