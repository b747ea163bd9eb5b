// Signed pack fixture: packs/core as its author would sign it: the committed modules, the manifest as its
// source has it now, and the key's name in it.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import {
  buildPack,
  generateSigningKey,
  loadPack,
  memoryFiles,
  SIGNATURE_PATH,
  trustKeys,
  type VerifiedPack,
} from "../src/pack.node.ts";
import { pack as source } from "./pack.ts";

const PACKED = join(import.meta.dirname, "../packs/core");

const committed = (path: string) => readFile(join(PACKED, path));

export async function signedPack(): Promise<VerifiedPack> {
  const { key } = await generateSigningKey();
  const seams = { read: committed, compile: ({ path }: { path: string }) => committed(path) };
  const files = new Map(await buildPack(source, { ...seams, signingKey: key.publicText }));
  files.set(SIGNATURE_PATH, await key.sign(files.get("kernels.json")!));
  return loadPack(memoryFiles(files), { trust: await trustKeys(key.publicText) });
}
