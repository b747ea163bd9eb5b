// Input: files that the user names, read whole and bounded, in words that fit any kind of file.

import { resolve } from "node:path";
import { Failure, type FailureCode, PACK_LIMITS } from "../base/mod.ts";
import { importSigningKey, parseKeyring, type SigningKey, type TrustPolicy } from "../pack/mod.ts";
import { readFileWithin } from "../platform/node/mod.ts";
import type { Io } from "./io.ts";

/** A private key is some 120 bytes; a file far larger is not one. */
const KEY_FILE_BYTES_MAX = 4096;

export async function readTrust(io: Io, file: string): Promise<TrustPolicy> {
  return parseKeyring(await readInput(io, file, PACK_LIMITS.keyringBytesMax));
}

export async function readSigningKey(io: Io, file: string): Promise<SigningKey> {
  const pem = await readInput(io, file, KEY_FILE_BYTES_MAX);
  return importSigningKey(new TextDecoder().decode(pem));
}

/** Reads a file of no kind that has a code of its own. Fails with INPUT_UNREADABLE. */
export async function readInput(io: Io, file: string, bytesMax: number): Promise<Uint8Array> {
  const fix = "Check that this is the file you mean.";
  return readBytes(io, file, { bytesMax, code: "INPUT_UNREADABLE", fix });
}

export interface Bound {
  readonly bytesMax: number;
  /** The code of a file that is larger, and what to do about it. */
  readonly code: FailureCode;
  readonly fix: string;
}

/** Fails with INPUT_UNREADABLE, or with the bound's code for a file that is larger. */
export async function readBytes(
  io: Io,
  file: string,
  { bytesMax, code, fix }: Bound,
): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return await readFileWithin(resolve(io.cwd, file), bytesMax);
  } catch (cause) {
    if (!(cause instanceof Failure)) throw cause;
    const { found, expected } = cause;
    if (cause.code === "PACK_TOO_LARGE")
      throw new Failure(code, { at: file, found, expected, fix }, { cause });
    const facts = { at: file, found, expected: "a regular file that can be read" };
    const options = { cause };
    throw new Failure(
      "INPUT_UNREADABLE",
      { ...facts, fix: "Check the path and its permissions." },
      options,
    );
  }
}
