// Verify: the one door through which kernels enter. Nothing else can make a VerifiedKernel, and only
// that reaches the sandbox.
//
//   bytes of kernels.json -> signature by a trusted key, valid now, not revoked
//                         -> parsed, its author is the signer, no kernel revoked, not too old a version
//                         -> fits this runtime, platform, engine and ceilings
//   bytes of each kernel  -> their hash is the signed one
//
// Everything is read once into memory of our own before it is judged, and that memory is what is kept.
// So whoever changes a file, or the buffer that a source lent, changes nothing that was verified.

import { Failure, type Issue, PACK_LIMITS } from "../base/mod.ts";
import { deepFreeze } from "./deep-freeze.ts";
import { kernelHash } from "./digest.ts";
import type { Decision, Evidence } from "./evidence.ts";
import { fileTooLarge, type PackFiles, tarFiles } from "./files.ts";
import { gateWarnings, type Host, passGates } from "./gates.ts";
import { resolveTrust } from "./keyring.ts";
import { getFallback, manifestWarnings, parseManifest, validateForVerify } from "./manifest.ts";
import type { KernelEntry, Manifest } from "./manifest-schema.ts";
import { MANIFEST_PATH, SIGNATURE_PATH } from "./path.ts";
import { hasFeature } from "./probe.ts";
import { requireRecent, requireUnrevokedKernels } from "./revocation.ts";
import { issueOf } from "./rules.ts";
import { requireAuthor, signerOf, unsigned } from "./signer.ts";
import { BASELINE, type KernelModule, modulesOf } from "./variants.ts";
import type { VerifyOptions } from "./verify-options.ts";

/** Known to this file only: whoever passes it to a constructor below is `verifyPack`. */
const VERIFIED = Symbol("verified");

interface KernelFacts {
  readonly entry: KernelEntry;
  readonly packName: string;
  readonly packVersion: string;
  /** Every module of the kernel, the one to try first at the front. */
  readonly modules: readonly KernelModule[];
  /** `sha256:` and the digits, of the baseline. */
  readonly hash: string;
  /** The id of the key that signed; undefined for an unsigned pack. */
  readonly keyId: string | undefined;
}

/** What the signature is over, and the signature, which an unsigned pack lacks. */
interface SignedBytes {
  readonly manifest: Uint8Array<ArrayBuffer>;
  readonly signature: Uint8Array<ArrayBuffer> | undefined;
}

interface PackFacts {
  readonly keyId: string | undefined;
  readonly warnings: readonly Issue[];
  readonly signed: SignedBytes;
  readonly decision: Decision;
}

/** The bytes of a kernel's modules by the names of their variants. */
type ModuleBytes = ReadonlyMap<string, Uint8Array<ArrayBuffer>>;

/** One kernel whose modules are those that a trusted key signed. Frozen, and so is its entry. */
export class VerifiedKernel implements KernelFacts {
  readonly entry: KernelEntry;
  readonly modules: readonly KernelModule[];
  readonly packName: string;
  readonly packVersion: string;
  readonly hash: string;
  readonly keyId: string | undefined;
  readonly #bytes: ModuleBytes;

  constructor(made: symbol, facts: KernelFacts, bytes: ModuleBytes) {
    if (made !== VERIFIED) throw forged();
    this.entry = facts.entry;
    this.modules = facts.modules;
    this.packName = facts.packName;
    this.packVersion = facts.packVersion;
    this.hash = facts.hash;
    this.keyId = facts.keyId;
    this.#bytes = bytes;
    Object.freeze(this);
  }

  /**
   * A copy of a module's bytes, the baseline's unless a variant is named: the original stays out of
   * reach, so it stays what was hashed. Fails with KERNEL_NOT_FOUND for an unknown variant.
   */
  copyBytes(variant: string = BASELINE): Uint8Array<ArrayBuffer> {
    const bytes = this.#bytes.get(variant);
    if (bytes !== undefined) return bytes.slice();
    const expected = `one of ${[...this.#bytes.keys()].join(", ")}`;
    const at = `kernel "${this.entry.id}"`;
    const fix = "Check the variant's id.";
    throw new Failure("KERNEL_NOT_FOUND", { at, found: `the variant "${variant}"`, expected, fix });
  }

  /** True only for what this constructor made: no prototype, proxy or clone has the private field. */
  static made(value: unknown): value is VerifiedKernel {
    return typeof value === "object" && value !== null && #bytes in value;
  }
}

/** A pack that passed every check. */
export class VerifiedPack {
  readonly manifest: Manifest;
  readonly signed: boolean;
  readonly keyId: string | undefined;
  /** What did not stop the pack but deserves a look. */
  readonly warnings: readonly Issue[];
  readonly kernels: readonly VerifiedKernel[];
  readonly #byId: ReadonlyMap<string, VerifiedKernel>;
  readonly #signed: SignedBytes;
  readonly #decision: Decision;

  constructor(
    made: symbol,
    manifest: Manifest,
    kernels: readonly VerifiedKernel[],
    about: PackFacts,
  ) {
    if (made !== VERIFIED) throw forged();
    this.manifest = manifest;
    this.signed = about.keyId !== undefined;
    this.keyId = about.keyId;
    this.warnings = Object.freeze([...about.warnings]);
    this.kernels = Object.freeze([...kernels]);
    this.#byId = new Map(kernels.map((kernel) => [kernel.entry.id, kernel]));
    this.#signed = about.signed;
    this.#decision = about.decision;
    Object.freeze(this);
  }

  /** The kernel named `id`. Fails with KERNEL_NOT_FOUND. */
  kernel(id: string): VerifiedKernel {
    const kernel = this.#byId.get(id);
    if (kernel !== undefined) return kernel;
    const facts = { found: `"${id}"`, expected: `one of ${[...this.#byId.keys()].join(", ")}` };
    throw new Failure("KERNEL_NOT_FOUND", { ...facts, fix: "Check the kernel's id." });
  }

  /** The id that stands in for kernel `id`: one of this pack, or a reference of the host. */
  fallback(id: string): string | undefined {
    return getFallback(this.manifest, id);
  }

  /** A copy of all that was verified, and how: for another thread, which verifies it again. */
  copyEvidence(): Evidence {
    const { manifest, signature } = this.#signed;
    const modules = this.kernels.flatMap((kernel) =>
      kernel.modules.map(({ path, variant }) => [path, kernel.copyBytes(variant)] as const),
    );
    const files = new Map([[MANIFEST_PATH, manifest.slice()], ...modules]);
    if (signature !== undefined) files.set(SIGNATURE_PATH, signature.slice());
    return { files, decision: structuredClone(this.#decision) };
  }

  static made(value: unknown): value is VerifiedPack {
    return typeof value === "object" && value !== null && #byId in value;
  }
}

for (const made of [VerifiedKernel, VerifiedPack]) {
  Object.freeze(made.prototype); // Nobody swaps `copyBytes` for one with other bytes.
  Object.freeze(made);
}

export function isVerifiedKernel(value: unknown): value is VerifiedKernel {
  return VerifiedKernel.made(value);
}

export function isVerifiedPack(value: unknown): value is VerifiedPack {
  return VerifiedPack.made(value);
}

/** Verifies a pack, given as its files or as the bytes of its `.tar`. Fails with the first refusal. */
export async function verifyPack(
  source: PackFiles | Uint8Array,
  options: VerifyOptions,
): Promise<VerifiedPack> {
  const { audit = () => {}, now } = options;
  try {
    const pack = await judge(source instanceof Uint8Array ? tarFiles(source) : source, options);
    const { name, version } = pack.manifest;
    const about = { at: now(), pack: name, version };
    if (pack.keyId === undefined) audit({ ...about, event: "unsigned-pack-accepted" });
    else audit({ ...about, event: "pack-accepted", keyId: pack.keyId });
    return pack;
  } catch (error) {
    if (error instanceof Failure) {
      const { code, message } = error;
      audit({ at: now(), event: "pack-refused", code, message });
    }
    throw error;
  }
}

async function judge(files: PackFiles, options: VerifyOptions): Promise<VerifiedPack> {
  const trust = await resolveTrust(options.trust);
  const listed = new Set(await files.list());
  const raw = await own(files, MANIFEST_PATH, PACK_LIMITS.manifestBytesMax);
  const signature = await signatureIn(files, listed, options);
  const at = options.now();
  const signer = signature === undefined ? undefined : await signerOf(raw, signature, trust, at);
  const manifest = parseManifest(raw);
  validateForVerify(manifest, { signed: signer !== undefined });
  if (signer !== undefined) requireAuthor(manifest, signer);
  requireUnrevokedKernels(manifest, trust);
  requireRecent(manifest, trust);
  const host = hostOf(options);
  passGates(manifest, host);
  const kernels = await readKernels(files, manifest, signer?.id);
  const warnings = [
    ...manifestWarnings(manifest),
    ...gateWarnings(manifest, host),
    ...unexpectedFiles(manifest, listed),
  ];
  const about = {
    ...{ keyId: signer?.id, warnings },
    signed: { manifest: raw, signature },
    decision: decisionOf(options, manifest, at),
  };
  return new VerifiedPack(VERIFIED, manifest, kernels, about);
}

/** The signature's bytes; undefined where there is none and none is needed. */
async function signatureIn(
  files: PackFiles,
  listed: ReadonlySet<string>,
  { allowUnsigned = false }: VerifyOptions,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  if (listed.has(SIGNATURE_PATH))
    return own(files, SIGNATURE_PATH, PACK_LIMITS.signatureFileBytesMax);
  if (allowUnsigned) return undefined;
  throw unsigned();
}

/** What the host said, without its functions: every fallback was known, so its id says enough. */
function decisionOf(options: VerifyOptions, { fallbacks }: Manifest, at: number): Decision {
  const { trust, runtimeVersion, platform, ceilings = {}, allowUnsigned = false } = options;
  const references = Object.values(fallbacks);
  const said = { trust, allowUnsigned, at, runtimeVersion, platform, ceilings, references };
  return deepFreeze(structuredClone(said)); // What the host changes later was not what decided.
}

/** Reads a file once, into memory that nobody else holds. */
async function own(
  files: PackFiles,
  path: string,
  bytesMax: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(await files.read(path, bytesMax));
  if (bytes.length > bytesMax) throw fileTooLarge(path, bytes.length, bytesMax);
  return bytes;
}

function hostOf(options: VerifyOptions): Host {
  return {
    runtimeVersion: options.runtimeVersion,
    platform: options.platform,
    ceilings: options.ceilings ?? {},
    hasFeature: options.hasFeature ?? hasFeature,
    references: options.references ?? new Set(),
  };
}

async function readKernels(
  files: PackFiles,
  manifest: Manifest,
  keyId: string | undefined,
): Promise<VerifiedKernel[]> {
  const { name: packName, version: packVersion } = manifest;
  const read = await readModules(files, manifest);
  return manifest.kernels.map((entry) => {
    const modules = deepFreeze(modulesOf(entry));
    const bytes = new Map(modules.map(({ variant, path }) => [variant, read.get(path)!]));
    const facts = { entry, modules, packName, packVersion, hash: entry.hash, keyId };
    return new VerifiedKernel(VERIFIED, facts, bytes);
  });
}

/**
 * Reads and hashes each module once, variants that no host may run and shared ones included. A few are
 * read at a time; of several failures the one that stands first in the manifest is told.
 */
async function readModules(
  files: PackFiles,
  { kernels }: Manifest,
): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const all = kernels.flatMap((entry) => modulesOf(entry).map((module) => ({ entry, module })));
  const firsts = [...new Map(all.toReversed().map((each) => [each.module.path, each])).values()];
  const wanted = firsts.toReversed();
  const read = new Map<string, Uint8Array<ArrayBuffer>>();
  let bytesLeft: number = PACK_LIMITS.archiveBytesMax;
  for (let from = 0; from < wanted.length; from += PACK_LIMITS.readsMax) {
    const bytesMax = Math.min(bytesLeft, PACK_LIMITS.kernelBytesMax);
    const some = wanted.slice(from, from + PACK_LIMITS.readsMax);
    const settled = await Promise.allSettled(
      some.map(({ entry, module }) => readModule(files, entry.id, module, bytesMax)),
    );
    settled.forEach((outcome, i) => {
      const { path } = some[i]!.module;
      if (outcome.status === "rejected") throw outcome.reason;
      const { length } = outcome.value;
      if (length > bytesLeft) throw fileTooLarge(path, length, bytesLeft);
      bytesLeft -= length;
      read.set(path, outcome.value);
    });
  }
  return read;
}

async function readModule(
  files: PackFiles,
  kernel: string,
  { variant, path, hash: expected }: KernelModule,
  bytesMax: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await own(files, path, bytesMax);
  const actual = await kernelHash(bytes);
  if (actual === expected) return bytes;
  throw new Failure(
    "HASH_MISMATCH",
    { at: path, found: actual, expected, fix: "Get the pack again: this file was changed." },
    { detail: { kernel, variant, expected, actual } },
  );
}

function unexpectedFiles({ kernels }: Manifest, listed: ReadonlySet<string>): Issue[] {
  const modules = kernels.flatMap((entry) => modulesOf(entry));
  const known = new Set([MANIFEST_PATH, SIGNATURE_PATH, ...modules.map(({ path }) => path)]);
  const extra = [...listed].filter((path) => !known.has(path)).toSorted();
  return extra
    .slice(0, PACK_LIMITS.issuesMax)
    .map((path) => issueOf("FILE_UNEXPECTED", [path], "a file that the manifest does not name"));
}

function forged(): Failure {
  return new Failure("NOT_VERIFIED", {
    found: "an attempt to make a verified kernel or pack",
    expected: "one that verifyPack returned",
    fix: "Call verifyPack or loadPack.",
  });
}
