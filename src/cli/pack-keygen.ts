// annulus pack keygen: makes a signing key.

import { chmod } from "node:fs/promises";
import { resolve } from "node:path";
import type { Command } from "commander";
import { generateSigningKey, printKeyring, trustKeys } from "../pack/mod.ts";
import type { Io } from "./io.ts";
import type { Report } from "./output.ts";
import { verb } from "./verb.ts";
import { writeWhole } from "./write.ts";

interface Options {
  readonly out: string;
  readonly trust?: string;
}

export function packKeygen(pack: Command, io: Io): void {
  const command = pack
    .command("keygen")
    .description("Make a signing key: FILE is secret, FILE.pub may be given to anybody.")
    .requiredOption("--out <file>", "where to write the private key; never overwritten")
    .option("--trust <file>", "also write a key ring that trusts this key alone");
  verb<Options>(command, io, (_args, options) => keygen(io, options));
}

async function keygen(io: Io, { out, trust }: Options): Promise<Report> {
  const { pem, key } = await generateSigningKey();
  const file = resolve(io.cwd, out);
  await writeWhole(file, pem, { mode: 0o600, fresh: true });
  await chmod(file, 0o600); // Whatever the process's mask is.
  await writeWhole(`${file}.pub`, `${key.publicText}\n`, { fresh: true });
  if (trust !== undefined) {
    const ring = printKeyring(await trustKeys(key.publicKey));
    await writeWhole(resolve(io.cwd, trust), ring, { fresh: true });
  }
  return {
    json: { id: key.id, key: key.publicText, private_key: out, public_key: `${out}.pub`, trust },
    lines: [
      `key id       ${key.id}`,
      `public key   ${key.publicText}`,
      `private key  ${out} (keep it secret)`,
      ...(trust === undefined ? [] : [`key ring     ${trust}`]),
    ],
  };
}
