// Core pack: the pack that comes with this package, which `annulus run` takes when told of no other.
//
// It is not signed: a signature in the package would be made by whoever made the package, and would
// vouch for nothing that the package does not. Its user says so, or signs a copy with a key of theirs.

import { fileURLToPath } from "node:url";
import { Failure } from "../base/mod.ts";
import { SIGNATURE_PATH, type VerifiedPack } from "../pack/mod.ts";
import type { Io } from "./io.ts";
import { loadTrusted, type TrustOptions } from "./pack-verify.ts";

/** Two folders up lies the package, whether this file runs as source or as built. */
export const CORE_PACK = fileURLToPath(new URL("../../packs/core", import.meta.url));

/** Loads the core pack as the options say. Fails with PACK_UNSIGNED, saying what to do about it. */
export async function loadCorePack(io: Io, options: TrustOptions): Promise<VerifiedPack> {
  if (options.trust === undefined && options.allowUnsigned !== true) throw unsigned();
  return loadTrusted(io, CORE_PACK, options).catch((error: unknown) => {
    if (error instanceof Failure && error.code === "PACK_UNSIGNED") throw unsigned(error);
    throw error;
  });
}

/** How to run a signed copy of the core pack, command by command. */
export const SIGNED_COPY = [
  `cp -r "${CORE_PACK}" core && mv core/kernels.json core/pack.json`,
  "annulus pack keygen --out my.key --trust my-trust.json",
  "annulus pack build core --key my.key --out core-signed",
  "annulus run KERNEL ... --pack core-signed --trust my-trust.json",
] as const;

function unsigned(cause?: Failure): Failure {
  const facts = {
    at: SIGNATURE_PATH,
    found: "no signature: the core pack is as trustworthy as the package that it came in",
    expected: "--allow-unsigned, or --pack with a copy that a key of yours signed",
    fix: "Add --allow-unsigned; `annulus run --help` shows how to sign a copy instead.",
  };
  return new Failure("PACK_UNSIGNED", facts, cause === undefined ? {} : { cause });
}
