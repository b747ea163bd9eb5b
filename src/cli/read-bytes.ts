// Read bytes: a file that the user named, whole and bounded, in words that fit any kind of file.

import { resolve } from "node:path";
import { Failure, type FailureCode } from "../base/mod.ts";
import { readFileWithin } from "../platform/node/mod.ts";
import type { Io } from "./io.ts";

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
