// On the spot: verified packs for the examples, each signed by a key that lives as long as its process.
// Example 02 does the same step by step. Real keys are made once, with `annulus pack keygen`.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import {
  buildPack,
  compileAssemblyScript,
  generateSigningKey,
  loadPack,
  MANIFEST_PATH,
  memoryFiles,
  type PackSource,
  parseManifest,
  SIGNATURE_PATH,
  trustKeys,
  type VerifiedPack,
} from "../src/pack.node.ts";
import { inspect } from "../src/sandbox.node.ts";

type Kernel = PackSource["kernels"][number];
type Given = Partial<Kernel> & Pick<Kernel, "id" | "inputs" | "outputs">;

const CORE = join(import.meta.dirname, "../packs/core");

/** The core pack of this repository. */
export async function corePack(): Promise<VerifiedPack> {
  const manifest = parseManifest(await readFile(join(CORE, MANIFEST_PATH)));
  return signed(manifest, (path) => readFile(join(CORE, path)));
}

/** A pack of one kernel, compiled from AssemblyScript that exports the kernel's functions. */
export async function packOf(kernel: Given, text: string): Promise<VerifiedPack> {
  const file = join(import.meta.dirname, `${kernel.id}.as.ts`); // Nowhere on disk: imports start here.
  const module = await compileAssemblyScript(file, undefined, new Map([[file, text]]));
  const source: PackSource = {
    name: "made-on-the-spot",
    version: "1.0.0",
    description: "A pack for one example",
    min_runtime_version: "0.1.0",
    max_runtime_version: "1.0.0",
    created_at: "2026-01-18T00:00:00Z",
    author: { name: "An example", email: "example@example.invalid" },
    kernels: [
      {
        name: kernel.id,
        category: "custom",
        path: `${kernel.id}.wasm`,
        entry_point: "kernel_forward",
        resource_limits: { max_memory_pages: 16, max_epoch_ticks: 1000, max_table_elements: 0 },
        ...kernel,
      },
    ],
  };
  return signed(source, async () => module);
}

async function signed(
  source: PackSource,
  read: (path: string) => Promise<Uint8Array>,
): Promise<VerifiedPack> {
  const { key } = await generateSigningKey();
  const files = await buildPack(source, {
    read,
    compile: () => Promise.reject(new Error("every kernel is compiled already")),
    features: (module) => inspect(module).features.map(({ feature }) => feature),
    signingKey: key.publicText,
  });
  const signature = await key.sign(files.get(MANIFEST_PATH)!);
  const pack = memoryFiles(new Map([...files, [SIGNATURE_PATH, signature]]));
  return loadPack(pack, { trust: await trustKeys(key.publicKey) });
}
