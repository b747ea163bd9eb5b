// Key ring: whom this host trusts. A file of the host's own, never part of a pack.
//
//   {
//     "keys": [{ "id": "21fe31df…", "key": "ed25519:…", "name": "kernel team", "not_after": "…Z" }],
//     "revoked_keys": ["9a0c…"], "revoked_kernels": ["sha256:…"],
//     "minimum_versions": { "core-kernels": "1.4.0" }
//   }
//
// Unlike a manifest, a ring with a key that it does not know is refused: a misspelt `revoked_keys`
// would silently trust what its author meant to refuse. A revoked key may stay in `keys`, so that its
// packs are refused by name and not as unknown.

import { z } from "zod";
import { Failure, type Issue, PACK_LIMITS } from "../base/mod.ts";
import { deepFreeze } from "./deep-freeze.ts";
import { type Json, parseJson, printJson } from "./json.ts";
import { formatPublicKey, keyId, parsePublicKey, type PublicKey } from "./keys.ts";
import { isWholeHash } from "./manifest.ts";
import { describe, issueOf, issuesFromZod } from "./rules.ts";
import { packNameSchema, timestampSchema, versionSchema } from "./schema-words.ts";

const keyIdSchema = z
  .string()
  .toLowerCase()
  .regex(/^[0-9a-f]{16}$/, "KEY_ID_INVALID");

const trustedKeySchema = z
  .strictObject({
    id: keyIdSchema,
    key: z.string(),
    name: z.string().max(PACK_LIMITS.nameCharactersMax).optional(),
    /** The first and the last moment at which a signature of this key is accepted. */
    not_before: timestampSchema.optional(),
    not_after: timestampSchema.optional(),
  })
  .readonly();

const hashSchema = z.string().toLowerCase().refine(isWholeHash, "HASH_INVALID");

const keyringSchema = z
  .strictObject({
    keys: z.array(trustedKeySchema).max(PACK_LIMITS.keysMax).readonly(),
    revoked_keys: z.array(keyIdSchema).readonly().optional(),
    revoked_kernels: z.array(hashSchema).readonly().optional(),
    minimum_versions: z.record(packNameSchema, versionSchema).readonly().optional(),
  })
  .readonly();

/** What a host trusts, as its file says it. Programs may also write it as an object. */
export type TrustPolicy = z.infer<typeof keyringSchema>;
export type TrustedKey = TrustPolicy["keys"][number];

/** A policy with every key decoded and every question a look-up. */
export interface Trust {
  readonly keys: readonly ResolvedKey[];
  readonly revokedKeys: ReadonlySet<string>;
  readonly revokedKernels: ReadonlySet<string>;
  readonly minimumVersions: ReadonlyMap<string, string>;
}

export interface ResolvedKey {
  readonly id: string;
  readonly name: string | undefined;
  readonly publicKey: PublicKey;
  /** Milliseconds since 1970, inclusive on both ends. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/** Reads a key ring. Fails with KEYRING_INVALID, naming every fault. */
export async function parseKeyring(source: Uint8Array | string): Promise<TrustPolicy> {
  const json = parseJson(source, {
    bytesMax: PACK_LIMITS.keyringBytesMax,
    depthMax: PACK_LIMITS.manifestDepthMax,
    valuesMax: PACK_LIMITS.manifestValuesMax,
    failure: "KEYRING_INVALID",
  });
  const policy = checkedPolicy(json);
  await resolveTrust(policy);
  return policy;
}

/** Prints a key ring for a file. */
export function printKeyring(policy: TrustPolicy): string {
  return printJson(policy);
}

/** A policy that trusts just these keys, without an end and with nothing revoked. */
export async function trustKeys(...keys: readonly (Uint8Array | string)[]): Promise<TrustPolicy> {
  const entries = keys.map(async (key) => {
    const publicKey = parsePublicKey(key);
    return { id: await keyId(publicKey), key: formatPublicKey(publicKey) };
  });
  return deepFreeze({ keys: await Promise.all(entries) });
}

/** Checks a policy in full and prepares it. Fails with KEYRING_INVALID. */
export async function resolveTrust(policy: TrustPolicy): Promise<Trust> {
  const checked = checkedPolicy(policy);
  const keys: ResolvedKey[] = [];
  const issues: Issue[] = [];
  for (const [index, entry] of checked.keys.entries()) {
    const path = ["keys", index];
    const key = await resolveKey(entry, path, issues);
    if (key === undefined) continue;
    if (keys.some(({ id }) => id === key.id)) {
      issues.push(issueOf("KEY_DUPLICATE", [...path, "id"], key.id)); // It would have two windows.
    }
    keys.push(key);
  }
  if (issues.length > 0) throw invalid(issues);
  return {
    keys,
    revokedKeys: new Set(checked.revoked_keys),
    revokedKernels: new Set(checked.revoked_kernels),
    minimumVersions: new Map(Object.entries(checked.minimum_versions ?? {})),
  };
}

function checkedPolicy(value: Json | TrustPolicy): TrustPolicy {
  const result = keyringSchema.safeParse(value, { reportInput: true });
  if (!result.success) throw invalid(issuesFromZod(result.error));
  return deepFreeze(result.data);
}

/** Decodes one entry, or adds what is wrong with it to `issues`. */
async function resolveKey(
  entry: TrustedKey,
  path: readonly (string | number)[],
  issues: Issue[],
): Promise<ResolvedKey | undefined> {
  const publicKey = readKey(entry.key);
  if (publicKey instanceof Failure) {
    issues.push(issueOf("KEY_INVALID", [...path, "key"], publicKey.found));
    return undefined;
  }
  const id = await keyId(publicKey);
  if (id !== entry.id) {
    issues.push(issueOf("KEY_ID_MISMATCH", [...path, "id"], entry.id, `${id}, the id of this key`));
  }
  const notBefore = entry.not_before === undefined ? -Infinity : Date.parse(entry.not_before);
  const notAfter = entry.not_after === undefined ? Infinity : Date.parse(entry.not_after);
  if (notBefore > notAfter) {
    issues.push(issueOf("KEY_WINDOW_EMPTY", [...path, "not_after"], describe(entry.not_after)));
  }
  return { id, name: entry.name, publicKey, notBefore, notAfter };
}

function readKey(text: string): PublicKey | Failure {
  try {
    return parsePublicKey(text);
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
}

function invalid(found: readonly Issue[]): Failure {
  const issues = found.slice(0, PACK_LIMITS.issuesMax);
  return new Failure("KEYRING_INVALID", issues[0]!, { issues });
}
