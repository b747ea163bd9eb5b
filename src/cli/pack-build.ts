// annulus pack build: makes a pack from its source folder. The same source gives the same bytes.

import { join, resolve } from "node:path";
import type { Command } from "commander";
import { Failure, PACK_LIMITS } from "../base/mod.ts";
import { buildPack, MANIFEST_PATH, parseManifest, SIGNATURE_PATH, writeTar } from "../pack/mod.ts";
import { assemblyScriptFlags, compileAssemblyScript } from "../platform/node/mod.ts";
import { inspect } from "../sandbox/mod.ts";
import { readInput, readSigningKey } from "./input.ts";
import type { Io } from "./io.ts";
import { type Report, table } from "./output.ts";
import { loadSource } from "./pack-source.ts";
import { verb } from "./verb.ts";
import { writeFolder, writeWhole } from "./write.ts";

interface Options {
  readonly out?: string;
  readonly tar?: string;
  readonly key?: string;
}

export function packBuild(pack: Command, io: Io): void {
  const command = pack
    .command("build")
    .description("Build a pack from a folder with pack.ts, pack.js or pack.json.")
    .argument("<source>", "the folder; a pack.ts or pack.js in it is run")
    .option("--out <folder>", "write the pack as a folder; an older pack there is replaced")
    .option("--tar <file>", "write the pack as one file")
    .option("--key <file>", "sign with this private key and name it as the author's");
  verb<Options>(command, io, ([source], options) => build(io, source!, options));
}

async function build(io: Io, source: string, { out, tar, key }: Options): Promise<Report> {
  if (out === undefined && tar === undefined) throw nowhere();
  const folder = resolve(io.cwd, source);
  const signer = key === undefined ? undefined : await readSigningKey(io, key);
  const built = await buildPack(await loadSource(io, folder), {
    read: (path) => readInput(io, join(folder, path), PACK_LIMITS.kernelBytesMax),
    compile: ({ source: file, features }) =>
      compileAssemblyScript(join(folder, file), assemblyScriptFlags(features)),
    features: (module) => inspect(module).features.map(({ feature }) => feature),
    signingKey: signer?.publicText,
  });
  const manifest = built.get(MANIFEST_PATH)!;
  const files = new Map(built);
  if (signer !== undefined) files.set(SIGNATURE_PATH, await signer.sign(manifest));
  if (out !== undefined) await writeFolder(resolve(io.cwd, out), files);
  if (tar !== undefined) await writeWhole(resolve(io.cwd, tar), writeTar(files));
  const { name, version, kernels } = parseManifest(manifest);
  const rows = kernels.map(({ id, path, hash, variants = [] }) => ({
    id,
    path,
    hash,
    bytes: files.get(path)!.length,
    variants: variants.map((variant) => ({ ...variant, bytes: files.get(variant.path)!.length })),
  }));
  return {
    json: { pack: name, version, key_id: signer?.id, out, tar, kernels: rows },
    lines: [
      `${name} ${version}, ${signer === undefined ? "unsigned" : `signed by ${signer.id}`}`,
      ...table(
        rows.flatMap(({ variants, ...baseline }) => [
          [`  ${baseline.id}`, `${baseline.bytes} bytes`, baseline.hash],
          ...variants.map(({ id, bytes, hash }) => [`    ${id}`, `${bytes} bytes`, hash]),
        ]),
      ),
      ...[out, tar].flatMap((target) => (target === undefined ? [] : [`wrote ${target}`])),
    ],
  };
}

function nowhere(): Failure {
  return new Failure("USAGE", {
    found: "neither --out nor --tar",
    expected: "at least one of them",
    fix: "Say where the pack should go.",
  });
}
