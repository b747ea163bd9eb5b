// Prints the executor's quick path: WebAssembly as text in a module of `src`, so that it loads without a
// file or a fetch wherever the package does.

import { join, resolve } from "node:path";
import { printRingAs } from "../../src/layout/print.ts";
import { compileAssemblyScript } from "../../src/platform/node/mod.ts";
import type { Generated } from "../generate.ts";

const SOURCE = "src/executor/quick.as.ts";
/** No data and no stack in memory: every byte of it is the ring's. It has 64 KiB to 4 GiB. */
const FLAGS =
  "-O3 --converge --noAssert --runtime stub --importMemory --sharedMemory --initialMemory 1 " +
  "--maximumMemory 65536 --enable threads --disable bulk-memory";

const root = resolve(import.meta.dirname, "../..");

export async function generate(): Promise<Generated> {
  const accessors = new Map([[join(root, "generated/ring.as.ts"), printRingAs("")]]);
  const bytes = await compileAssemblyScript(join(root, SOURCE), FLAGS.split(" "), accessors);
  const text = [
    `// Printed by \`npm run generate\` from ${SOURCE}. Do not edit.`,
    "",
    "/** WebAssembly in base64. Declarations need not repeat it. */",
    `export const QUICK: string =\n  "${Buffer.from(bytes).toString("base64")}";`,
    "",
  ];
  return { "src/executor/quick.wasm.ts": text.join("\n") };
}
