// Signature: strict Ed25519 (RFC 8032) over exact bytes, through the platform's own cryptography.
//
// The platform checks the equation. What platforms differ in is checked here first: the length, a
// scalar below the group's order, and points R and A that are canonical and not of small order. So a
// signature has one form, and nobody can turn a valid one into another.

import { Failure } from "../base/mod.ts";
import { fromBase64, fromHex } from "./bytes.ts";
import { isCanonicalScalar, pointFault } from "./ed25519-point.ts";
import { parsePublicKey } from "./keys.ts";

export const SIGNATURE_BYTES = 64;

/** 64 bytes that have the form of a signature. */
export type Signature = Uint8Array<ArrayBuffer>;

/** Reads a raw signature, as `kernels.json.sig` holds it. Fails with INVALID_SIGNATURE. */
export function parseSignature(bytes: Uint8Array): Signature {
  const signature = new Uint8Array(bytes);
  if (signature.length !== SIGNATURE_BYTES) throw malformed(`${signature.length} bytes`);
  const fault = pointFault(signature.subarray(0, 32));
  if (fault !== undefined) throw malformed(`R, ${fault}`);
  if (!isCanonicalScalar(signature.subarray(32)))
    throw malformed("a scalar above the group's order");
  return signature;
}

/** Reads 128 hexadecimal digits. Never guessed: a caller that expects this form says so. */
export function signatureFromHex(text: string): Signature {
  return parseSignature(fromHex(text.trim()) ?? notText("hexadecimal digits"));
}

/** Reads base64, standard or URL-safe, padded or not. */
export function signatureFromBase64(text: string): Signature {
  return parseSignature(fromBase64(text.trim()) ?? notText("base64"));
}

/** Whether `key` signed exactly `message`. Fails when the key or the signature is malformed. */
export async function verifySignature(
  key: Uint8Array | string,
  message: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  const publicKey = await importPublicKey(parsePublicKey(key));
  return crypto.subtle.verify(
    "Ed25519",
    publicKey,
    parseSignature(signature),
    new Uint8Array(message), // The platform refuses views of shared memory.
  );
}

async function importPublicKey(key: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  try {
    return await crypto.subtle.importKey("raw", key, "Ed25519", false, ["verify"]);
  } catch (cause) {
    const facts = {
      found: "32 bytes that the platform refuses",
      expected: "an Ed25519 public key",
      fix: "Check the key, and that this platform's WebCrypto has Ed25519.",
    };
    throw new Failure("KEY_INVALID", facts, { cause });
  }
}

function notText(form: string): never {
  throw malformed(`text that is not ${form}`);
}

function malformed(found: string): Failure {
  return new Failure("INVALID_SIGNATURE", {
    found,
    expected: `${SIGNATURE_BYTES} bytes: a strict Ed25519 signature, raw`,
    fix: "Sign the pack again with `annulus pack sign`.",
  });
}
