// Signed pack: a small, true pack in memory, made anew for each test with what the test wants changed.

import { fromHex, toBase64 } from "./bytes.ts";
import { kernelHash } from "./digest.ts";
import { memoryFiles } from "./files.ts";
import { type TrustPolicy, trustKeys } from "./keyring.ts";
import { MANIFEST_PATH, SIGNATURE_PATH } from "./path.ts";
import { SAMPLE } from "./sample-manifest.fixture.ts";
import { importSigningKey, type SigningKey } from "./signing.ts";
import { type VerifiedKernel, verifyPack } from "./verify.ts";
import type { VerifyOptions } from "./verify-options.ts";

/** The private key of 32 equal bytes, so that a test's keys are told apart by a number. */
export async function keyOf(seed: number): Promise<SigningKey> {
  const secret = seed.toString(16).padStart(2, "0").repeat(32);
  const der = fromHex(`302e020100300506032b657004220420${secret}`)!;
  return importSigningKey(
    `-----BEGIN PRIVATE KEY-----\n${toBase64(der)}\n-----END PRIVATE KEY-----\n`,
  );
}

/** The empty module, followed by a custom section whose only content is `mark`. */
export function moduleOf(mark: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 0x00, 2, 0x00, mark);
}

export interface PackChanges {
  readonly signer?: SigningKey;
  /** Keys that replace the manifest's. */
  readonly manifest?: Readonly<Record<string, unknown>>;
  /** Keys that replace those of its one kernel. */
  readonly kernel?: Readonly<Record<string, unknown>>;
  readonly module?: Uint8Array<ArrayBuffer>;
}

/** The files of a pack named test-kernels 1.0.0, with the kernel rope_f32 and a good signature. */
export async function signedPack(changes: PackChanges = {}): Promise<Map<string, Uint8Array>> {
  const { signer = await keyOf(1), module = moduleOf(0) } = changes;
  const manifest = {
    ...SAMPLE,
    author: { ...SAMPLE.author, signing_key: signer.publicText },
    kernels: [{ ...SAMPLE.kernels[0]!, hash: await kernelHash(module), ...changes.kernel }],
    fallbacks: {},
    ...changes.manifest,
  };
  const raw = new TextEncoder().encode(JSON.stringify(manifest, null, 2));
  return new Map([
    [MANIFEST_PATH, raw],
    [SIGNATURE_PATH, await signer.sign(raw)],
    [SAMPLE.kernels[0]!.path, module],
  ]);
}

export const NOW = Date.UTC(2026, 5, 1);

/** Options of a host that trusts the fixture's key and has all that the sample asks for. */
export async function hostTrusting(
  trust?: TrustPolicy,
  options: Partial<VerifyOptions> = {},
): Promise<VerifyOptions> {
  return {
    trust: trust ?? (await trustKeys((await keyOf(1)).publicKey)),
    now: () => NOW,
    runtimeVersion: "0.5.0",
    platform: { name: "node", version: "24.0.0" },
    ...options,
  };
}

/** A verified kernel around any module: for tests of what comes after verification. */
export async function verifiedKernel(
  module: Uint8Array<ArrayBuffer>,
  kernel: PackChanges["kernel"] = {},
): Promise<VerifiedKernel> {
  const pack = await verifyPack(
    memoryFiles(await signedPack({ module, kernel })),
    await hostTrusting(),
  );
  return pack.kernels[0]!;
}
