// Packs: signed packs in memory, with a key made for the run, so that benchmarks load kernels as
// programs do.

import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { pack as CORE } from "../../kernels/pack.ts";
import {
  buildPack,
  generateSigningKey,
  type LoadOptions,
  loadPack,
  memoryFiles,
  type PackSource,
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

/** The core pack as it is committed, signed. */
export function signCorePack(): Promise<SignedPack> {
  return signPack(CORE, readCoreModule);
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
