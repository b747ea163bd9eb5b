// Build core: the core pack as a folder, signed. The kernels that the demo runs are compiled from their
// AssemblyScript sources; the modules of all others are those that lie in packs/core, made the same way.

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pack } from "../../kernels/pack.ts";
import { Failure } from "../../src/index.node.ts";
import { buildPack, compileAssemblyScript, MANIFEST_PATH } from "../../src/pack.node.ts";
import { SIGNATURE_PATH, type SigningKey } from "../../src/pack.node.ts";
import { inspect } from "../../src/sandbox.node.ts";

const ROOT = join(import.meta.dirname, "../..");

/** Writes the signed pack to `folder`, the kernels `ids` compiled anew, and says how it was made. */
export async function buildCore(
  folder: string,
  key: SigningKey,
  ids: ReadonlySet<string>,
): Promise<string> {
  const start = performance.now();
  const { files, how } = await built(key.publicText, ids);
  const signature = await key.sign(files.get(MANIFEST_PATH)!);
  for (const [path, bytes] of [...files, [SIGNATURE_PATH, signature] as const]) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), bytes);
  }
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  return `BUILT     ${pack.kernels.length} kernels, ${how}, in ${seconds} s; signed by ${key.id}`;
}

interface Built {
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly how: string;
}

async function built(signingKey: string, ids: ReadonlySet<string>): Promise<Built> {
  try {
    return { files: await build(signingKey, ids), how: `${ids.size} of them from AssemblyScript` };
  } catch (error) {
    const isMissing = error instanceof Failure && error.found === "no AssemblyScript compiler";
    if (!isMissing) throw error;
    const how = "as they lie in packs/core, since AssemblyScript is not installed";
    return { files: await build(signingKey, new Set()), how };
  }
}

function build(
  signingKey: string,
  ids: ReadonlySet<string>,
): Promise<ReadonlyMap<string, Uint8Array>> {
  return buildPack(pack, {
    compile: ({ id, path, source }) =>
      ids.has(id) ? compileAssemblyScript(join(ROOT, "kernels", source)) : prebuilt(path),
    read: prebuilt,
    features: (module) => inspect(module).features.map(({ feature }) => feature),
    signingKey,
  });
}

function prebuilt(path: string): Promise<Uint8Array> {
  return readFile(join(ROOT, "packs/core", path));
}
