// Native: code that is to run outside the sandbox, as the bytes whose hash its host expects. It is to
// the bypass what a verified kernel is to the sandbox: nothing but `verifyNative` makes one.

import { Failure } from "../base/mod.ts";
import { kernelHash } from "../pack/mod.ts";

/** Known to this file only: whoever passes it to the constructor is `verifyNative`. */
const VERIFIED = Symbol("verified");

export class VerifiedNative {
  /** `sha256:` and the digits, of the bytes that `copyBytes` gives. */
  readonly hash: string;
  readonly #bytes: Uint8Array<ArrayBuffer>;

  constructor(made: symbol, hash: string, bytes: Uint8Array<ArrayBuffer>) {
    if (made !== VERIFIED) throw forged();
    this.hash = hash;
    this.#bytes = bytes;
    Object.freeze(this);
  }

  /** A copy of the code: the original stays out of reach, so it stays what was hashed. */
  copyBytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice();
  }

  /** True only for what this constructor made. */
  static made(value: unknown): value is VerifiedNative {
    return typeof value === "object" && value !== null && #bytes in value;
  }
}

Object.freeze(VerifiedNative.prototype); // Nobody swaps `copyBytes` for one with other bytes.
Object.freeze(VerifiedNative);

export function isVerifiedNative(value: unknown): value is VerifiedNative {
  return VerifiedNative.made(value);
}

/** Takes a copy of `bytes` and checks that its hash is `expected`. Fails with HASH_MISMATCH. */
export async function verifyNative(bytes: Uint8Array, expected: string): Promise<VerifiedNative> {
  const own = new Uint8Array(bytes);
  const actual = await kernelHash(own);
  if (actual === expected) return new VerifiedNative(VERIFIED, actual, own);
  throw new Failure(
    "HASH_MISMATCH",
    {
      at: "native kernel",
      found: actual,
      expected,
      fix: "Get the code again, or pin the hash of the one that you mean to run.",
    },
    { detail: { expected, actual } },
  );
}

function forged(): Failure {
  return new Failure("NOT_VERIFIED", {
    found: "an attempt to make a verified native kernel",
    expected: "one that verifyNative returned",
    fix: "Call verifyNative(bytes, hash).",
  });
}
