// Packs: signed packs in memory, with a key made for the run, so that benchmarks load kernels as
// programs do.

import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { pack as CORE } from "../../kernels/pack.ts";
import { PACK_LIMITS } from "../../src/base/mod.ts";
import {
  buildPack,
  directoryFiles,
  generateSigningKey,
  type LoadOptions,
  loadPack,
  MANIFEST_PATH,
  memoryFiles,
  type PackSource,
  printJson,
  SIGNATURE_PATH,
  trustKeys,
  type VerifiedPack,
} from "../../src/pack.node.ts";
import { inspect } from "../../src/sandbox.node.ts";

const CORE_FOLDER = join(import.meta.dirname, "../../packs/core");

export interface SignedPack {
  /** The files by their paths, with manifest and signature. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** What a host passes to `loadPack`. */
  readonly options: LoadOptions;
}

/** Builds and signs a pack of ready modules. */
export async function signPack(
  source: PackSource,
  read: (path: string) => Promise<Uint8Array>,
): Promise<SignedPack> {
  const { key } = await generateSigningKey();
  const built = await buildPack(
    { ...source, kernels: source.kernels.map((kernel) => ({ ...kernel, platforms: {} })) },
    {
      read,
      compile: ({ path }) => read(path), // Compiled already, and committed.
      features: (module) => inspect(module).features.map(({ feature }) => feature),
      signingKey: key.publicText,
    },
  );
  const signature = await key.sign(built.get("kernels.json")!);
  return {
    files: new Map([...built, [SIGNATURE_PATH, signature]]),
    options: {
      trust: await trustKeys(key.publicText),
      references: new Set(Object.values(source.fallbacks ?? {})), // This host has them all.
    },
  };
}

/** The core pack as it lies in packs/core, signed: its manifest but for the key, and its modules. */
export async function signCorePack(): Promise<SignedPack> {
  const { key } = await generateSigningKey();
  const core = await directoryFiles(CORE_FOLDER);
  const files = new Map<string, Uint8Array>();
  for (const path of await core.list())
    files.set(path, await core.read(path, PACK_LIMITS.kernelBytesMax));
  const manifest = JSON.parse(new TextDecoder().decode(files.get(MANIFEST_PATH))) as Manifest;
  const author = { ...manifest.author, signing_key: key.publicText };
  const raw = new TextEncoder().encode(printJson({ ...manifest, author }));
  files.set(MANIFEST_PATH, raw);
  files.set(SIGNATURE_PATH, await key.sign(raw));
  const references = new Set(Object.values(manifest.fallbacks)); // This host has them all.
  return { files, options: { trust: await trustKeys(key.publicText), references } };
}

interface Manifest {
  readonly author: object;
  readonly fallbacks: Readonly<Record<string, string>>;
}

export async function loadCorePack(): Promise<VerifiedPack> {
  const { files, options } = await signCorePack();
  return loadPack(memoryFiles(files), options);
}

/** A module of packs/core. */
export function readCoreModule(path: string): Promise<Uint8Array> {
  return readFile(join(CORE_FOLDER, path));
}

export type Kernels = PackSource["kernels"];

/** A verified pack of these kernels around ready modules, by their paths. */
export async function loadTestPack(
  kernels: Kernels,
  modules: ReadonlyMap<string, Uint8Array>,
): Promise<VerifiedPack> {
  const source: PackSource = { ...CORE, name: "bench-kernels", kernels, fallbacks: {} };
  const { files, options } = await signPack(source, async (path) => modules.get(path)!);
  return loadPack(memoryFiles(files), options);
}
