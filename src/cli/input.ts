// Input: files that the user names, read whole and bounded.

import { resolve } from "node:path";
import { Failure, PACK_LIMITS } from "../base/mod.ts";
import { importSigningKey, parseKeyring, type SigningKey, type TrustPolicy } from "../pack/mod.ts";
import { readFileWithin } from "../platform/node/mod.ts";
import type { Io } from "./io.ts";

/** A private key is some 120 bytes; a file far larger is not one. */
const KEY_FILE_BYTES_MAX = 4096;

/** Reads a file that the user named. Fails with INPUT_UNREADABLE. */
export async function readInput(io: Io, file: string, bytesMax: number): Promise<Uint8Array> {
  try {
    return await readFileWithin(resolve(io.cwd, file), bytesMax);
  } catch (cause) {
    if (!(cause instanceof Failure)) throw cause;
    const { found, expected } = cause;
    const fix = "Check the path and its permissions.";
    throw new Failure("INPUT_UNREADABLE", { at: file, found, expected, fix }, { cause });
  }
}

export async function readTrust(io: Io, file: string): Promise<TrustPolicy> {
  return parseKeyring(await readInput(io, file, PACK_LIMITS.keyringBytesMax));
}

export async function readSigningKey(io: Io, file: string): Promise<SigningKey> {
  const pem = await readInput(io, file, KEY_FILE_BYTES_MAX);
  return importSigningKey(new TextDecoder().decode(pem));
}
