// Prints the core pack: what its kernels import (their parameter blocks and names), then the pack
// itself, compiled from `kernels` and unsigned.

import { join, resolve } from "node:path";
import { paramsLayout } from "../../src/layout/mod.ts";
import { paramsAccessorsAs } from "../../src/layout/print.ts";
import { buildPack } from "../../src/pack/mod.ts";
import { assemblyScriptFlags, compileAssemblyScript } from "../../src/platform/node/mod.ts";
import { pack, WITH_GRADIENTS } from "../../kernels/pack.ts";
import type { Generated } from "../generate.ts";

const root = resolve(import.meta.dirname, "../..");

export async function generate(): Promise<Generated> {
  const printed = accessors();
  return { ...printed, ...(await builtPack(printed)) };
}

/** One file per kernel: accessors of its params, and a `kernel_info` that tells its name. */
function accessors(): Readonly<Record<string, string>> {
  const files = pack.kernels.map((kernel) => [
    `generated/kernels/${kernel.id}.as.ts`,
    [
      `// Printed by \`npm run generate\` from kernels/${kernel.id}/manifest.ts. Do not edit.`,
      "",
      'import { OK, writeKernelInfo } from "../abi.as";',
      "",
      paramsAccessorsAs(kernel.id, paramsLayout(kernel)),
      kernelInfo(kernel.id),
    ].join("\n"),
  ]);
  return Object.fromEntries(files) as Record<string, string>;
}

function kernelInfo(id: string): string {
  const name = new TextEncoder().encode(id);
  const version = pack.version.split(".").join(", ");
  const gradients = WITH_GRADIENTS.has(id);
  return `const NAME = memory.data<u8>([${name.join(", ")}]);

/** Says who this is: ${id} ${pack.version}, ${gradients ? "with" : "without"} gradients. */
export function kernel_info(info: usize): i32 {
  writeKernelInfo(info, <u32>NAME, ${name.length}, ${version}, ${gradients ? 1 : 0});
  return OK;
}
`;
}

/** The kernels are compiled against the accessors just printed, whether or not they are written. */
async function builtPack(printed: Readonly<Record<string, string>>): Promise<Generated> {
  const unwritten = new Map(
    Object.entries(printed).map(([path, text]) => [join(root, path), text]),
  );
  const files = await buildPack(pack, {
    compile: ({ source, features }) =>
      compileAssemblyScript(
        join(root, "kernels", source),
        assemblyScriptFlags(features),
        unwritten,
      ),
    read: (path) => Promise.reject(new Error(`${path} has no source`)),
  });
  return Object.fromEntries([...files].map(([path, bytes]) => [`packs/core/${path}`, bytes]));
}
