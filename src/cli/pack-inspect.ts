// annulus pack inspect: shows what a pack says of itself. Trusts nothing and runs nothing.

import { resolve } from "node:path";
import type { Command } from "commander";
import { Failure, PACK_LIMITS } from "../base/mod.ts";
import {
  kernelHash,
  type KernelEntry,
  type Manifest,
  MANIFEST_PATH,
  manifestWarnings,
  type PackFiles,
  parseManifest,
  SIGNATURE_PATH,
  verifySignature,
} from "../pack/mod.ts";
import { openPackFiles } from "../platform/node/mod.ts";
import type { Io } from "./io.ts";
import { type Report, table } from "./output.ts";
import { verb } from "./verb.ts";

const OWN = "by the key that the manifest names";
const OTHER = "not by the key that the manifest names";
type SignatureState = "absent" | "malformed" | typeof OWN | typeof OTHER;
type ModuleState = "matches its hash" | "DIFFERS from its hash" | "missing";

export function packInspect(pack: Command, io: Io): void {
  const command = pack
    .command("inspect")
    .description("Show a pack's manifest, kernels and hashes, without trusting it.")
    .argument("<pack>", "a folder or a .tar");
  verb(command, io, ([path]) => inspectPack(io, path!));
}

async function inspectPack(io: Io, path: string): Promise<Report> {
  const files = await openPackFiles(resolve(io.cwd, path));
  const raw = await files.read(MANIFEST_PATH, PACK_LIMITS.manifestBytesMax);
  const manifest = parseManifest(raw);
  const signature = await signatureState(files, raw, manifest);
  const kernels = [];
  for (const entry of manifest.kernels) {
    const { id, category, path, hash } = entry;
    const variants = [];
    for (const variant of entry.variants ?? [])
      variants.push({ ...variant, module: await moduleState(files, variant) });
    kernels.push({ id, category, path, hash, module: await moduleState(files, entry), variants });
  }
  return {
    json: { signature, kernels, manifest },
    lines: [
      ...headLines(manifest),
      `signature  ${signature}${signature === OWN ? "; whether to trust it is for verify to say" : ""}`,
      ...table(
        kernels.flatMap((kernel) => [
          [`  ${kernel.id}`, kernel.category, kernel.hash, kernel.module],
          ...kernel.variants.map(({ id, features, hash, module }) => [
            `    ${id}`,
            features.length === 0 ? "no feature" : features.join(", "),
            hash,
            module,
          ]),
        ]),
      ),
      ...Object.entries(manifest.fallbacks).map(([from, to]) => `  ${from} falls back to ${to}`),
    ],
    warnings: manifestWarnings(manifest),
  };
}

function headLines(manifest: Manifest): string[] {
  const { author } = manifest;
  return [
    `${manifest.name} ${manifest.version}: ${manifest.description}`,
    `created    ${manifest.created_at}`,
    `runtime    ${manifest.min_runtime_version} to ${manifest.max_runtime_version}`,
    `author     ${author.name} <${author.email}>, ${author.signing_key || "no key"}`,
  ];
}

/** A claim checked against itself: it says that the pack is whole, not that anybody vouches for it. */
async function signatureState(
  files: PackFiles,
  raw: Uint8Array,
  { author }: Manifest,
): Promise<SignatureState> {
  if (!(await files.list()).includes(SIGNATURE_PATH)) return "absent";
  const signature = await files.read(SIGNATURE_PATH, PACK_LIMITS.signatureFileBytesMax);
  try {
    return (await verifySignature(author.signing_key, raw, signature)) ? OWN : OTHER;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return error.code === "KEY_INVALID" ? OTHER : "malformed";
  }
}

async function moduleState(
  files: PackFiles,
  { path, hash }: Pick<KernelEntry, "path" | "hash">,
): Promise<ModuleState> {
  try {
    const bytes = await files.read(path, PACK_LIMITS.kernelBytesMax);
    return (await kernelHash(bytes)) === hash ? "matches its hash" : "DIFFERS from its hash";
  } catch (error) {
    if (error instanceof Failure && error.code === "PACK_UNREADABLE") return "missing";
    throw error;
  }
}
