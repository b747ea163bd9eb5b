// annulus pack sign: signs a pack that is already built.

import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import { Failure, PACK_LIMITS } from "../base/mod.ts";
import {
  type Manifest,
  MANIFEST_PATH,
  parseManifest,
  parsePublicKey,
  readTar,
  SIGNATURE_PATH,
  type SigningKey,
  validateForVerify,
  writeTar,
} from "../pack/mod.ts";
import { openPackFiles } from "../platform/node/mod.ts";
import { readInput, readSigningKey } from "./input.ts";
import type { Io } from "./io.ts";
import type { Report } from "./output.ts";
import { verb } from "./verb.ts";
import { writeWhole } from "./write.ts";

interface Options {
  readonly key: string;
}

export function packSign(pack: Command, io: Io): void {
  const command = pack
    .command("sign")
    .description("Sign a built pack, which must name the key as its author's.")
    .argument("<pack>", "a folder or a .tar, which is rewritten with its signature")
    .requiredOption("--key <file>", "the private key");
  verb<Options>(command, io, ([path], options) => sign(io, path!, options));
}

async function sign(io: Io, path: string, { key }: Options): Promise<Report> {
  const target = resolve(io.cwd, path);
  const signer = await readSigningKey(io, key);
  const files = await openPackFiles(target);
  const raw = await files.read(MANIFEST_PATH, PACK_LIMITS.manifestBytesMax);
  const manifest = parseManifest(raw);
  validateForVerify(manifest, { signed: true });
  requireNamed(manifest, signer);
  const signature = await signer.sign(raw);
  if ((await stat(target)).isDirectory()) {
    await writeWhole(join(target, SIGNATURE_PATH), signature);
  } else {
    const archive = readTar(await readInput(io, path, PACK_LIMITS.archiveBytesMax));
    await writeWhole(target, writeTar(new Map([...archive, [SIGNATURE_PATH, signature]])));
  }
  const { name, version } = manifest;
  return {
    json: { pack: name, version, key_id: signer.id },
    lines: [`${name} ${version}, signed by ${signer.id}`],
  };
}

function requireNamed({ author }: Manifest, signer: SigningKey): void {
  const named = parsePublicKey(author.signing_key);
  if (named.every((byte, index) => byte === signer.publicKey[index])) return;
  throw new Failure("KEY_MISMATCH", {
    at: "/author/signing_key",
    found: author.signing_key,
    expected: `${signer.publicText}, the key that signs`,
    fix: "Build the pack with --key, or sign with the key that it names.",
  });
}
