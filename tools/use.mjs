// Use: runs a command with the Node that this repository brings, whatever Node started npm.
//
//   node tools/use.mjs vitest run
//
// The platform packages of tools/node all carry a command `node`. npm 11 links the one that fits
// into node_modules/.bin; npm 10 removes that link again together with those that do not fit. So the
// folder of the fitting package goes first on the path. Plain JavaScript: any Node from 20 on runs it.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

const NODE_MAJOR_MIN = 24;
const modules = fileURLToPath(new URL("../node_modules", import.meta.url));

/** The folder of the Node brought for this platform, or undefined where the registry has none. */
function broughtNode() {
  const system = process.platform === "win32" ? "win" : process.platform;
  const names = [`node-${system}-${process.arch}`, `node-bin-${system}-${process.arch}`];
  return names
    .map((name) => join(modules, name, "bin"))
    .find((folder) => existsSync(join(folder, "node")) || existsSync(join(folder, "node.exe")));
}

const [command, ...words] = process.argv.slice(2);
const brought = broughtNode();
if (command === undefined) {
  throw new Error("say which command to run, for example: node tools/use.mjs vitest run");
}
if (brought === undefined && Number.parseInt(process.versions.node, 10) < NODE_MAJOR_MIN) {
  const platform = `${process.platform} ${process.arch}`;
  throw new Error(
    `no Node for ${platform} is installed here and this is ${process.version}: ` +
      `run npm ci with optional dependencies, or use Node ${NODE_MAJOR_MIN} or later`,
  );
}

const pathName = Object.keys(process.env).find((name) => /^path$/i.test(name)) ?? "PATH";
const folders = [brought, join(modules, ".bin"), process.env[pathName]].filter(Boolean);
const child = spawn(command, words, {
  stdio: "inherit",
  env: { ...process.env, [pathName]: folders.join(delimiter) },
  shell: process.platform === "win32", // Commands there are .cmd files, which only a shell runs.
});
child.on("error", (error) => {
  console.error(`${command} cannot be run: ${error.message}`);
  process.exitCode = 127;
});
child.on("close", (code, signal) => {
  if (signal !== null) process.kill(process.pid, signal); // End as the command ended.
  else process.exitCode ??= code ?? 1;
});
