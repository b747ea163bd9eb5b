// Signing: makes keys and signatures. The private key is a PKCS#8 PEM, as other tools write it.

import { Failure } from "../base/mod.ts";
import { fromBase64, toBase64 } from "./bytes.ts";
import { formatPublicKey, keyId, type PublicKey } from "./keys.ts";
import type { Signature } from "./signature.ts";

const HEADER = "-----BEGIN PRIVATE KEY-----";
const FOOTER = "-----END PRIVATE KEY-----";

/** A private key that can sign and cannot be read out again. */
export interface SigningKey {
  readonly id: string;
  readonly publicKey: PublicKey;
  /** The public key as manifests and key rings write it. */
  readonly publicText: string;
  sign(message: Uint8Array): Promise<Signature>;
}

/** Makes a key pair from the platform's randomness; the text is the secret. */
export async function generateSigningKey(): Promise<{
  readonly pem: string;
  readonly key: SigningKey;
}> {
  const pair = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
  const pem = toPem(new Uint8Array(await crypto.subtle.exportKey("pkcs8", pair.privateKey)));
  return { pem, key: await importSigningKey(pem) };
}

/** Reads a private key from its PEM. Fails with KEY_INVALID, and never shows the text. */
export async function importSigningKey(pem: string): Promise<SigningKey> {
  const der = fromPem(pem);
  try {
    // Only an extractable key tells its public half; the key that is kept is not extractable.
    const readable = await crypto.subtle.importKey("pkcs8", der, "Ed25519", true, ["sign"]);
    const { x } = await crypto.subtle.exportKey("jwk", readable);
    const secret = await crypto.subtle.importKey("pkcs8", der, "Ed25519", false, ["sign"]);
    return await signingKey(secret, fromBase64(x ?? "") ?? new Uint8Array());
  } catch (cause) {
    if (cause instanceof Failure) throw cause;
    throw notAPrivateKey("text that the platform cannot read as an Ed25519 key", cause);
  } finally {
    der.fill(0);
  }
}

async function signingKey(secret: CryptoKey, publicKey: PublicKey): Promise<SigningKey> {
  return {
    id: await keyId(publicKey),
    publicKey,
    publicText: formatPublicKey(publicKey),
    sign: async (message) =>
      new Uint8Array(await crypto.subtle.sign("Ed25519", secret, new Uint8Array(message))),
  };
}

function toPem(der: Uint8Array): string {
  const lines = toBase64(der).match(/.{1,64}/g) ?? [];
  return [HEADER, ...lines, FOOTER, ""].join("\n");
}

function fromPem(pem: string): Uint8Array<ArrayBuffer> {
  const text = pem.trim();
  if (!text.startsWith(HEADER) || !text.endsWith(FOOTER))
    throw notAPrivateKey("text that is no PEM");
  const body = text.slice(HEADER.length, -FOOTER.length).replaceAll(/\s/g, "");
  return fromBase64(body) ?? notBase64();
}

function notBase64(): never {
  throw notAPrivateKey("a PEM whose body is not base64");
}

function notAPrivateKey(found: string, cause?: unknown): Failure {
  const facts = {
    found,
    expected: "an Ed25519 private key as a PKCS#8 PEM",
    fix: "Use the file that `annulus pack keygen` wrote.",
  };
  return new Failure("KEY_INVALID", facts, cause === undefined ? {} : { cause });
}
