// Keys: Ed25519 public keys as hosts and manifests write them, and their short ids.
//
// A key that is not the one canonical encoding of its point is refused, and so is a point of small
// order: for such a key one signature fits many messages, so it would vouch for anything.

import { Failure } from "../base/mod.ts";
import { fromBase64, fromHex, toBase64 } from "./bytes.ts";
import { sha256Hex } from "./digest.ts";
import { pointFault } from "./ed25519-point.ts";

export const PUBLIC_KEY_BYTES = 32;
const PREFIX = "ed25519:";

/** An Ed25519 public key: 32 bytes that encode a point one can trust to be used as a key. */
export type PublicKey = Uint8Array<ArrayBuffer>;

/**
 * Reads raw bytes, or text: hexadecimal or base64 (standard or URL-safe, padded or not), each with or
 * without `ed25519:`. Fails with KEY_INVALID.
 */
export function parsePublicKey(key: Uint8Array | string): PublicKey {
  const bytes = typeof key === "string" ? decodeKey(key.trim()) : new Uint8Array(key);
  if (bytes?.length !== PUBLIC_KEY_BYTES) {
    throw keyInvalid(
      bytes === undefined ? "text that is neither hex nor base64" : `${bytes.length} bytes`,
    );
  }
  const fault = pointFault(bytes);
  if (fault !== undefined) throw keyInvalid(fault);
  return bytes;
}

/** As manifests and key rings write it: `ed25519:` and base64. */
export function formatPublicKey(key: Uint8Array): string {
  return PREFIX + toBase64(parsePublicKey(key));
}

/** The short name of a key: the first 16 hexadecimal digits of its SHA-256. */
export async function keyId(key: Uint8Array | string): Promise<string> {
  return (await sha256Hex(parsePublicKey(key))).slice(0, 16);
}

function decodeKey(text: string): PublicKey | undefined {
  const bare = text.startsWith(PREFIX) ? text.slice(PREFIX.length) : text;
  // 64 hexadecimal digits are also base64, of 48 bytes, which is no key: so hex is tried first.
  return fromHex(bare) ?? fromBase64(bare);
}

function keyInvalid(found: string): Failure {
  return new Failure("KEY_INVALID", {
    found,
    expected: "an Ed25519 public key: 32 bytes as hex or base64, with or without ed25519:",
    fix: "Copy the key again from the file that `annulus pack keygen` wrote.",
  });
}
