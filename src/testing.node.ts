// Front door `annulus/testing` on Node: what judges kernels, for their authors' own tests under any test
// runner, with kernels built from a folder or from memory and run in a sandbox of this process.

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { PACK_LIMITS } from "./base/mod.ts";
import { fileMissing, type PackSource } from "./pack/mod.ts";
import { assemblyScriptFlags, compileAssemblyScript } from "./platform/node/mod.ts";
import { loadPackSource, readFileWithin } from "./platform/node/mod.ts";
import { Sandbox } from "./sandbox.node.ts";
import { TestPack, type TestPackSeams } from "./testing/mod.ts";
import { VERSION } from "./version.ts";

export type { Reference, ReferenceCall, References } from "./base/mod.ts";
export { Failure } from "./base/mod.ts";
export { REFERENCES } from "./reference/mod.ts";
export * from "./testing/mod.ts";

const SEAMS = {
  sandbox: Sandbox.create,
  platform: { name: "node", version: process.versions.node },
  runtimeVersion: VERSION,
  now: Date.now,
} as const satisfies Partial<TestPackSeams>;

/**
 * Builds the pack of a folder with pack.ts, pack.js or pack.json, as `annulus pack build` does, and
 * loads it, signed by a key that is thrown away. Fails as building and verifying do.
 */
export async function openKernelFolder(folder: string | URL): Promise<TestPack> {
  const root = folder instanceof URL ? fileURLToPath(folder) : folder;
  return TestPack.open(await loadPackSource(root), {
    ...SEAMS,
    read: (path) => readFileWithin(join(root, path), PACK_LIMITS.kernelBytesMax),
    compile: ({ source, features }) =>
      compileAssemblyScript(join(root, source), assemblyScriptFlags(features)),
  });
}

/** The same for a source whose modules are in memory, by the paths that its kernels name. */
export async function testPack(
  source: PackSource,
  modules: Readonly<Record<string, Uint8Array>>,
): Promise<TestPack> {
  const read = async (path: string): Promise<Uint8Array> => modules[path] ?? missing(path);
  return TestPack.open(source, { ...SEAMS, read, compile: ({ path }) => read(path) });
}

function missing(path: string): never {
  throw fileMissing(path);
}
