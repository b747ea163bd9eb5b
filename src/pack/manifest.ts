// Manifest: reads, prints and queries `kernels.json`.
//
// Two depths of validation. `parseManifest` asks whether the document follows its format; a draft with
// a placeholder hash does. `validateForVerify` asks for what a trust decision needs besides. Every
// fault of a document is reported at once, in one Failure, each with its code and JSON pointer.

import type { z } from "zod";
import { Failure, type Issue, PACK_LIMITS } from "../base/mod.ts";
import { deepFreeze } from "./deep-freeze.ts";
import { type Json, parseJson, printJson } from "./json.ts";
import { parsePublicKey } from "./keys.ts";
import { describe, issuesFromZod, issueOf } from "./rules.ts";
import {
  type KernelCategory,
  type KernelEntry,
  type Manifest,
  manifestSchema,
  type ResourceLimits,
} from "./manifest-schema.ts";
import { unknownKeys } from "./unknown-keys.ts";

/** The limits an author gets who states none: 16 MiB, about ten seconds, and 1024 table elements. */
export const DEFAULT_RESOURCE_LIMITS: ResourceLimits = Object.freeze({
  max_memory_pages: 256,
  max_epoch_ticks: 1000,
  max_table_elements: 1024,
});

/** Reads a manifest. The result is deeply frozen. Fails with MANIFEST_SYNTAX or MANIFEST_INVALID. */
export function parseManifest(source: Uint8Array | string): Manifest {
  return checked(manifestSchema, parseJson(source));
}

/** Checks `value` against a schema of this room and freezes it; all faults become one Failure. */
export function checked<Schema extends z.ZodType>(schema: Schema, value: Json): z.output<Schema> {
  const forbidden = forbiddenKeys(value, []);
  if (forbidden.length > 0) throw invalidManifest(forbidden); // Before a library may copy them.
  const result = schema.safeParse(value, { reportInput: true });
  if (!result.success) throw invalidManifest(issuesFromZod(result.error));
  return deepFreeze(result.data);
}

/** Prints a manifest as pretty JSON; bigints as plain integers. Reading it back gives an equal one. */
export function printManifest(manifest: Manifest): string {
  return printJson(manifest);
}

/** What is suspicious without being wrong: the keys that the format does not know. */
export function manifestWarnings(manifest: Manifest): readonly Issue[] {
  return unknownKeys(manifestSchema, manifest).slice(0, PACK_LIMITS.issuesMax);
}

/**
 * Refuses the placeholders that a draft may hold: every hash must be whole, and in a signed pack the
 * author's key must be a key. Fails with MANIFEST_INVALID.
 */
export function validateForVerify(
  manifest: Manifest,
  { signed }: { readonly signed: boolean },
): void {
  const issues = manifest.kernels.flatMap(({ hash, variants = [] }, index) => [
    ...broken(hash, ["kernels", index]),
    ...variants.flatMap((variant, at) => broken(variant.hash, ["kernels", index, "variants", at])),
  ]);
  const key = manifest.author.signing_key;
  if (signed && !isPublicKey(key)) {
    issues.push(issueOf("SIGNING_KEY_INVALID", ["author", "signing_key"], describe(key)));
  }
  if (issues.length > 0) throw invalidManifest(issues);
}

function broken(hash: string, at: (string | number)[]): Issue[] {
  return isWholeHash(hash) ? [] : [issueOf("HASH_INVALID", [...at, "hash"], describe(hash))];
}

/** Whether `hash` is `sha256:` and 64 lower-case hexadecimal digits, as parsing leaves them. */
export function isWholeHash(hash: string): boolean {
  return /^sha256:[0-9a-f]{64}$/.test(hash);
}

export function getKernel(manifest: Manifest, id: string): KernelEntry | undefined {
  return manifest.kernels.find((kernel) => kernel.id === id);
}

/** The id that stands in for `id` when it fails: a kernel of the pack or a reference of the host. */
export function getFallback(manifest: Manifest, id: string): string | undefined {
  return Object.hasOwn(manifest.fallbacks, id) ? manifest.fallbacks[id] : undefined;
}

/** In the manifest's order. */
export function kernelIds(manifest: Manifest): readonly string[] {
  return manifest.kernels.map((kernel) => kernel.id);
}

export function kernelsByCategory(
  manifest: Manifest,
  category: KernelCategory,
): readonly KernelEntry[] {
  return manifest.kernels.filter((kernel) => kernel.category === category);
}

/** The ticks a call may take: the least of what the manifest asks and the host grants. */
export function budgetTicks(limits: ResourceLimits, hostTicksMax: number): number {
  return Number(limits.max_epoch_ticks) < hostTicksMax // Exact: the host's bound is far below 2^53.
    ? Number(limits.max_epoch_ticks)
    : hostTicksMax;
}

function invalidManifest(issues: readonly Issue[]): Failure {
  const max = PACK_LIMITS.issuesMax;
  const kept = issues.slice(0, max);
  if (issues.length > max) {
    kept.push(issueOf("MORE_ISSUES", [], `${issues.length - max} more faults`));
  }
  const [first] = kept;
  const found =
    kept.length === 1 ? first!.found : `${issues.length} faults, first: ${first!.found}`;
  return new Failure("MANIFEST_INVALID", { ...first!, found }, { issues: kept });
}

/** `__proto__` is never an honest key, and code that copies objects carelessly would obey it. */
function forbiddenKeys(value: Json, path: readonly (string | number)[]): Issue[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) => {
    const here = [...path, key];
    const below = forbiddenKeys(item, here);
    return key === "__proto__" ? [issueOf("KEY_FORBIDDEN", here, describe(item)), ...below] : below;
  });
}

function isPublicKey(text: string): boolean {
  try {
    parsePublicKey(text);
    return true;
  } catch (error) {
    if (error instanceof Failure) return false;
    throw error;
  }
}
