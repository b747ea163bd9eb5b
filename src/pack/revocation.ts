// Revocation: what a host takes back although it was once signed, single kernels and old versions.

import { compare } from "semver";
import { Failure } from "../base/mod.ts";
import type { Trust } from "./keyring.ts";
import type { Manifest } from "./manifest-schema.ts";
import { modulesOf } from "./variants.ts";

/** Fails with KERNEL_REVOKED for a manifest that names a revoked hash, be it of a variant. */
export function requireUnrevokedKernels({ kernels }: Manifest, { revokedKernels }: Trust): void {
  const named = kernels.flatMap((entry) => modulesOf(entry).map(({ hash }) => ({ entry, hash })));
  const revoked = named.find(({ hash }) => revokedKernels.has(hash));
  if (revoked === undefined) return;
  const { entry, hash } = revoked;
  const { id: kernel } = entry;
  throw new Failure(
    "KERNEL_REVOKED",
    {
      at: `kernel ${kernel}`,
      found: hash,
      expected: "a kernel that is not in revoked_kernels",
      fix: "Use a version of the pack without this kernel.",
    },
    { detail: { kernel, hash } },
  );
}

/** A pack never goes below the version that the host has set: an old signature stays valid for ever. */
export function requireRecent({ name, version }: Manifest, { minimumVersions }: Trust): void {
  const required = minimumVersions.get(name);
  if (required === undefined || compare(version, required) >= 0) return;
  throw new Failure(
    "PACK_DOWNGRADE",
    {
      at: "/version",
      found: version,
      expected: `at least ${required}, as minimum_versions says for ${name}`,
      fix: "Use a newer version of the pack.",
    },
    { detail: { pack: name, required, actual: version } },
  );
}
