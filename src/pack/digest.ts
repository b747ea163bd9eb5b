// Digest: SHA-256 through the platform's own cryptography.

import { toHex } from "./bytes.ts";

/** SHA-256 of `bytes` as 64 lower-case hexadecimal digits. */
export async function sha256Hex(bytes: Uint8Array): Promise<string> {
  // The platform refuses views of shared memory, and a copy cannot change while it is hashed.
  return toHex(new Uint8Array(await crypto.subtle.digest("SHA-256", new Uint8Array(bytes))));
}

/** As a manifest writes a kernel's hash: `sha256:` and the digits. */
export async function kernelHash(bytes: Uint8Array): Promise<string> {
  return `sha256:${await sha256Hex(bytes)}`;
}
