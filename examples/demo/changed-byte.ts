// Changed byte: what a host sees of a pack that somebody touched after it was signed.

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Failure, loadPack, type TrustPolicy } from "../../src/index.node.ts";
import { MANIFEST_PATH } from "../../src/pack.node.ts";

export interface Refusal {
  readonly refused: boolean;
  readonly lines: readonly string[];
}

/** Changes one byte of a module, then instead one of the manifest, and tries to load the pack. */
export async function changedByte(folder: string, trust: TrustPolicy): Promise<Refusal> {
  const lines: string[] = [];
  for (const path of ["rmsnorm/rmsnorm_f32.wasm", MANIFEST_PATH]) {
    const file = join(folder, path);
    const genuine = await readFile(file);
    const changed = Buffer.from(genuine);
    changed[changed.length >> 1]! ^= 1;
    await writeFile(file, changed);
    const outcome = await loadPack(folder, { trust }).catch((error: unknown) => error);
    await writeFile(file, genuine);
    if (!(outcome instanceof Failure)) return { refused: false, lines: [`ACCEPTED  ${path}`] };
    lines.push(`REFUSED   ${outcome.code} in ${outcome.at}`);
    lines.push(`          found ${outcome.found}`);
    lines.push(`          expected ${outcome.expected}`);
  }
  return { refused: true, lines };
}
