// Prints the model's native kernels: one source compiled with and without fused multiply-add, as text
// in modules of `src`, so that they load without a file or a fetch wherever the package does.

import { join, resolve } from "node:path";
import { kernelHash } from "../../src/pack/mod.ts";
import { compileAssemblyScript } from "../../src/platform/node/mod.ts";
import type { Generated } from "../generate.ts";

const SOURCE = "src/model/native/products.as.ts";
const FLAGS =
  "-O3 --converge --noAssert --runtime stub --importMemory --enable simd --enable bulk-memory";

const root = resolve(import.meta.dirname, "../..");

export async function generate(): Promise<Generated> {
  const plain = await compiled(FLAGS);
  const fused = await compiled(`${FLAGS} --enable relaxed-simd`);
  const text = [
    `// Printed by \`npm run generate\` from ${SOURCE}. Do not edit.`,
    "",
    "/** WebAssembly in base64, for engines with relaxed SIMD. Declarations need not repeat it. */",
    `export const FUSED: string =\n  "${fused.text}";`,
    `export const FUSED_HASH: string =\n  "${fused.hash}";`,
    "",
    "/** The same without it. */",
    `export const PLAIN: string =\n  "${plain.text}";`,
    `export const PLAIN_HASH: string =\n  "${plain.hash}";`,
    "",
  ];
  return { "src/model/native/products.wasm.ts": text.join("\n") };
}

async function compiled(flags: string): Promise<{ readonly text: string; readonly hash: string }> {
  const bytes = await compileAssemblyScript(join(root, SOURCE), flags.split(" "));
  return { text: Buffer.from(bytes).toString("base64"), hash: await kernelHash(bytes) };
}
