// Input: files that the user names, read whole and bounded.

import { PACK_LIMITS } from "../base/mod.ts";
import { importSigningKey, parseKeyring, type SigningKey, type TrustPolicy } from "../pack/mod.ts";
import type { Io } from "./io.ts";
import { readBytes } from "./read-bytes.ts";

/** A private key is some 120 bytes; a file far larger is not one. */
const KEY_FILE_BYTES_MAX = 4096;

/** Reads a file that the user named. Fails with INPUT_UNREADABLE. */
export async function readInput(io: Io, file: string, bytesMax: number): Promise<Uint8Array> {
  const tooLarge = {
    code: "INPUT_UNREADABLE",
    fix: "Check that this is the file you mean.",
  } as const;
  return readBytes(io, file, { bytesMax, ...tooLarge });
}

export async function readTrust(io: Io, file: string): Promise<TrustPolicy> {
  return parseKeyring(await readInput(io, file, PACK_LIMITS.keyringBytesMax));
}

export async function readSigningKey(io: Io, file: string): Promise<SigningKey> {
  const pem = await readInput(io, file, KEY_FILE_BYTES_MAX);
  return importSigningKey(new TextDecoder().decode(pem));
}
