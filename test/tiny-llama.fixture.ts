// Tiny Llama: the trained model of `data/tiny-llama`, with what PyTorch computed from it, and the core
// pack signed on the spot to run it with.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { PACK_LIMITS } from "../src/base/mod.ts";
import { BypassPolicy } from "../src/bypass/mod.ts";
import {
  Decoder,
  type DecoderOptions,
  NATIVE_HASHES,
  NATIVE_KINDS,
  openWeights,
  parseConfig,
} from "../src/model/mod.ts";
import {
  directoryFiles,
  generateSigningKey,
  kernelHash,
  loadPack,
  MANIFEST_PATH,
  memoryFiles,
  printJson,
  SIGNATURE_PATH,
  trustKeys,
  type VerifiedPack,
} from "../src/pack.node.ts";
import { Sandbox } from "../src/sandbox.node.ts";
import { openSafetensors, type SafetensorsFile } from "../src/tensor.ts";

export const TINY_LLAMA = join(import.meta.dirname, "data/tiny-llama");
const CORE = join(import.meta.dirname, "../packs/core");

export const tinyFile = (name: string): Promise<Uint8Array> => readFile(join(TINY_LLAMA, name));

/** The directory as the model room reads it. */
export const tinyFiles = {
  read: (name: string): Promise<Uint8Array | undefined> => tinyFile(name).catch(() => undefined),
};

/** The adapter's directory. */
export const adapterFiles = {
  read: (name: string): Promise<Uint8Array | undefined> =>
    tinyFile(`adapter/${name}`).catch(() => undefined),
};

export interface Continuation {
  readonly prompt: string;
  /** The prompt's tokens and 96 more. */
  readonly greedy_ids: readonly number[];
  readonly greedy_text: string;
}

export interface Reference {
  readonly prompts: readonly Continuation[];
  readonly adapter: readonly Continuation[];
  readonly heldout_cross_entropy_nats_per_byte: number;
}

export async function reference(): Promise<Reference> {
  return JSON.parse((await tinyFile("reference.json")).toString()) as Reference;
}

export async function referenceLogits(): Promise<SafetensorsFile> {
  return openSafetensors(await tinyFile("logits.safetensors"));
}

type RawKernel = Readonly<Record<string, unknown>> & { readonly id: string; readonly path: string };

interface RawManifest {
  readonly author: object;
  readonly kernels: readonly RawKernel[];
}

/**
 * packs/core as somebody would sign it: the same modules, and the key's name in the manifest. `forged`
 * has modules by kernel to put in place of the pack's, with an entry point "forward".
 */
export async function signedCorePack(
  forged: Readonly<Record<string, Uint8Array>> = {},
): Promise<VerifiedPack> {
  const { key } = await generateSigningKey();
  const core = await directoryFiles(CORE);
  const files = new Map<string, Uint8Array>();
  for (const path of await core.list())
    files.set(path, await core.read(path, PACK_LIMITS.kernelBytesMax));
  const manifest = JSON.parse(new TextDecoder().decode(files.get(MANIFEST_PATH))) as RawManifest;
  const kernels = manifest.kernels.map(async (entry) => {
    const module = forged[entry.id];
    if (module === undefined) return entry;
    files.set(entry.path, module);
    const { variants: _alone, ...kept } = entry;
    return { ...kept, entry_point: "forward", hash: await kernelHash(module) };
  });
  const author = { ...manifest.author, signing_key: key.publicText };
  const signed = { ...manifest, author, kernels: await Promise.all(kernels) };
  const raw = new TextEncoder().encode(printJson(signed));
  files.set(MANIFEST_PATH, raw);
  files.set(SIGNATURE_PATH, await key.sign(raw));
  return loadPack(memoryFiles(files), { trust: await trustKeys(key.publicKey) });
}

const clock = (): number => performance.now();

/** Leave for what a model runs outside the sandbox. */
export function modelBypass(): BypassPolicy {
  const trust = { allow: NATIVE_KINDS, trustedNatives: NATIVE_HASHES };
  return new BypassPolicy({ ...trust, optedInBy: "a test", clock });
}

/** Decoders of the model over one sandbox; disposing ends them all. */
export async function tinyLlama(forged: Readonly<Record<string, Uint8Array>> = {}) {
  const resources = new AsyncDisposableStack();
  const pack = await signedCorePack(forged);
  const sandbox = resources.use(await Sandbox.create());
  const config = parseConfig(await tinyFile("config.json"));
  const weights = await openWeights(tinyFiles);
  const bypass = modelBypass();
  const open = async (options: Partial<DecoderOptions> = {}): Promise<Decoder> =>
    resources.use(await Decoder.open({ config, weights, sandbox, pack, bypass, ...options }));
  return { config, weights, pack, sandbox, bypass, open, close: () => resources.disposeAsync() };
}
