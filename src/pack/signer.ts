// Signer: who vouches for a manifest. The signature is over the exact bytes of `kernels.json`, and only
// the host's own keys are tried: what a manifest says of itself proves nothing.

import { Failure } from "../base/mod.ts";
import { parsePublicKey } from "./keys.ts";
import type { ResolvedKey, Trust } from "./keyring.ts";
import type { Manifest } from "./manifest-schema.ts";
import { SIGNATURE_PATH } from "./path.ts";
import { parseSignature, verifySignature } from "./signature.ts";

/** The trusted key that signed `manifest`, valid at `now` and not revoked. Fails with the reason. */
export async function signerOf(
  manifest: Uint8Array,
  signature: Uint8Array,
  trust: Trust,
  now: number,
): Promise<ResolvedKey> {
  const parsed = parseSignature(signature);
  for (const key of trust.keys) {
    if (!(await verifySignature(key.publicKey, manifest, parsed))) continue;
    requireValid(key, now);
    requireUnrevoked(key, trust);
    return key;
  }
  throw new Failure(
    "NO_TRUSTED_KEY",
    {
      at: SIGNATURE_PATH,
      found: `a signature by none of the ${trust.keys.length} trusted keys, or of other bytes`,
      expected: "a signature of these exact bytes by a trusted key",
      fix: "Get the pack again; if it is genuine, add its key to your trust file.",
    },
    { detail: { trusted: trust.keys.map(({ id }) => id) } },
  );
}

export function unsigned(): Failure {
  return new Failure("PACK_UNSIGNED", {
    at: SIGNATURE_PATH,
    found: "no such file",
    expected: "the signature of kernels.json",
    fix: "Sign the pack with `annulus pack sign`, or allow unsigned packs explicitly.",
  });
}

/** A manifest must name the key that signed it, so that nobody passes off another's pack. */
export function requireAuthor({ author }: Manifest, signer: ResolvedKey): void {
  const named = parsePublicKey(author.signing_key);
  if (named.every((byte, index) => byte === signer.publicKey[index])) return;
  throw new Failure(
    "KEY_MISMATCH",
    {
      at: "/author/signing_key",
      found: author.signing_key,
      expected: `the key that signed, ${signer.id}`,
      fix: "Build the pack again with the key that signs it.",
    },
    { detail: { keyId: signer.id } },
  );
}

function requireValid({ id, notBefore, notAfter }: ResolvedKey, now: number): void {
  const early = now < notBefore;
  if (!early && now <= notAfter) return;
  const bound = new Date(early ? notBefore : notAfter).toISOString();
  throw new Failure(
    early ? "KEY_NOT_YET_VALID" : "KEY_EXPIRED",
    {
      at: `key ${id}`,
      found: `the time ${new Date(now).toISOString()}`,
      expected: early ? `a time from ${bound} on` : `a time up to ${bound}`,
      fix: "Check this host's clock, or get a pack signed with a key that is valid now.",
    },
    { detail: { keyId: id, required: bound, actual: new Date(now).toISOString() } },
  );
}

function requireUnrevoked({ id }: ResolvedKey, { revokedKeys }: Trust): void {
  if (!revokedKeys.has(id)) return;
  throw new Failure(
    "KEY_REVOKED",
    {
      at: `key ${id}`,
      found: "a key in revoked_keys",
      expected: "a key that is not revoked",
      fix: "Get a pack signed with another key.",
    },
    { detail: { keyId: id } },
  );
}
