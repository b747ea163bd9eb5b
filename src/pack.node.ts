// Front door `annulus/pack` on Node: the pack room, and packs that lie in folders and archives.

import { type PackFiles, type VerifiedPack, type VerifyOptions, verifyPack } from "./pack/mod.ts";
import { openPackFiles } from "./platform/node/mod.ts";
import { REFERENCES } from "./reference/mod.ts";
import { VERSION } from "./version.ts";

export * from "./pack/mod.ts";
export {
  assemblyScriptFlags,
  compileAssemblyScript,
  directoryFiles,
  openPackFiles,
} from "./platform/node/mod.ts";
export { VERSION } from "./version.ts";

/** As `verifyPack` takes them, but for what Node knows by itself. */
export type LoadOptions = Pick<VerifyOptions, "trust"> & Partial<Omit<VerifyOptions, "trust">>;

/**
 * Reads and verifies a pack: a folder, a `.tar`, a tar's bytes, or files of another kind. The clock,
 * the platform and the runtime's version are this process's, and fallbacks may name what `REFERENCES`
 * has, unless `options` says otherwise.
 */
export async function loadPack(
  source: string | URL | Uint8Array | PackFiles,
  options: LoadOptions,
): Promise<VerifiedPack> {
  const files =
    typeof source === "string" || source instanceof URL ? await openPackFiles(source) : source;
  return verifyPack(files, {
    now: Date.now,
    runtimeVersion: VERSION,
    platform: { name: "node", version: process.versions.node },
    references: REFERENCES,
    ...options,
  });
}
