// Build core: the core pack from its AssemblyScript sources, signed, as a folder.

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pack } from "../../kernels/pack.ts";
import { Failure } from "../../src/index.node.ts";
import { buildPack, MANIFEST_PATH, SIGNATURE_PATH, type SigningKey } from "../../src/pack.node.ts";
import { compileAssemblyScript } from "../../src/platform/node/mod.ts";
import { inspect } from "../../src/sandbox.node.ts";

const ROOT = join(import.meta.dirname, "../..");

/** Writes the signed pack to `folder` and says how it was made. */
export async function buildCore(folder: string, key: SigningKey): Promise<string> {
  const start = performance.now();
  const { files, from } = await built(key.publicText);
  const signature = await key.sign(files.get(MANIFEST_PATH)!);
  for (const [path, bytes] of [...files, [SIGNATURE_PATH, signature] as const]) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), bytes);
  }
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  return `BUILT     ${pack.kernels.length} kernels ${from} in ${seconds} s, signed by ${key.id}`;
}

interface Built {
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly from: string;
}

async function built(signingKey: string): Promise<Built> {
  try {
    const sources = (source: string) => compileAssemblyScript(join(ROOT, "kernels", source));
    return { files: await build(signingKey, sources), from: "from AssemblyScript" };
  } catch (error) {
    const isMissing = error instanceof Failure && error.found === "no AssemblyScript compiler";
    if (!isMissing) throw error;
    const from = "(AssemblyScript is not installed, so the modules are those of packs/core)";
    return { files: await build(signingKey), from };
  }
}

/** Without a compiler, the modules are those that lie in packs/core. */
function build(
  signingKey: string,
  compile?: (source: string) => Promise<Uint8Array>,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const seams = {
    compile: ({ path, source }: { readonly path: string; readonly source: string }) =>
      compile === undefined ? readFile(join(ROOT, "packs/core", path)) : compile(source),
    read: (path: string) => readFile(join(ROOT, "packs/core", path)),
    features: (module: Uint8Array) => inspect(module).features.map(({ feature }) => feature),
    signingKey,
  };
  // This host has no implementations of its own for the pack's fallbacks to name.
  return buildPack({ ...pack, fallbacks: {} }, seams);
}
