// Tiny Llama: the trained model of `data/tiny-llama`, with what PyTorch computed from it, and the core
// pack signed on the spot to run it with.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
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
  generateSigningKey,
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

interface RawManifest {
  readonly author: object;
  readonly kernels: readonly { readonly id: string; readonly path: string }[];
  readonly fallbacks: Readonly<Record<string, string>>;
}

/** packs/core as somebody would sign it: the same modules, and the key's name in the manifest. */
export async function signedCorePack(): Promise<VerifiedPack> {
  const { key } = await generateSigningKey();
  const manifest = JSON.parse(await readFile(join(CORE, MANIFEST_PATH), "utf8")) as RawManifest;
  const author = { ...manifest.author, signing_key: key.publicText };
  const raw = new TextEncoder().encode(printJson({ ...manifest, author }));
  const files = new Map<string, Uint8Array>([
    [MANIFEST_PATH, raw],
    [SIGNATURE_PATH, await key.sign(raw)],
  ]);
  for (const { path } of manifest.kernels) files.set(path, await readFile(join(CORE, path)));
  const references = new Set(Object.values(manifest.fallbacks));
  return loadPack(memoryFiles(files), { trust: await trustKeys(key.publicKey), references });
}

/** Leave for what a model runs outside the sandbox. */
export function modelBypass(): BypassPolicy {
  const clock = () => performance.now();
  const trust = { allow: NATIVE_KINDS, trustedNatives: NATIVE_HASHES };
  return new BypassPolicy({ ...trust, optedInBy: "a test", clock });
}

/** Decoders of the model over one sandbox; disposing ends them all. */
export async function tinyLlama() {
  const resources = new AsyncDisposableStack();
  const pack = await signedCorePack();
  const sandbox = resources.use(await Sandbox.create());
  const config = parseConfig(await tinyFile("config.json"));
  const weights = await openWeights(tinyFiles);
  const bypass = modelBypass();
  const open = async (options: Partial<DecoderOptions> = {}): Promise<Decoder> =>
    resources.use(await Decoder.open({ config, weights, sandbox, pack, bypass, ...options }));
  return { config, weights, pack, sandbox, bypass, open, close: () => resources.disposeAsync() };
}
