// annulus pack verify: checks a pack as a host would that is about to run it.

import { appendFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Command } from "commander";
import { Failure } from "../base/mod.ts";
import { BASELINE, type TrustPolicy, type VerifiedPack, verifyPack } from "../pack/mod.ts";
import { openPackFiles } from "../platform/node/mod.ts";
import { REFERENCES } from "../reference/mod.ts";
import { readTrust } from "./input.ts";
import type { Io } from "./io.ts";
import { type Report, table } from "./output.ts";
import { verb } from "./verb.ts";

/** Options that every verb has which loads a pack. */
export interface TrustOptions {
  readonly trust?: string;
  readonly allowUnsigned?: boolean;
  readonly reference?: readonly string[];
  readonly audit?: string;
}

export function packVerify(pack: Command, io: Io): void {
  const command = withTrustOptions(
    pack
      .command("verify")
      .description("Check a pack's signature, hashes and requirements against this host.")
      .argument("<pack>", "a folder or a .tar"),
  );
  verb<TrustOptions>(command, io, async ([path], options) =>
    reportOf(await loadTrusted(io, path!, options)),
  );
}

export function withTrustOptions(command: Command): Command {
  return command
    .option("--trust <file>", "the key ring: whom this host trusts")
    .option("--allow-unsigned", "accept a pack without a signature, and say so")
    .option(
      "--reference <id...>",
      "further implementations of the host's own that fallbacks may name",
    )
    .option("--audit <file>", "append every decision to this log, one JSON document per line");
}

/** Loads a pack as the options say. An unsigned pack is announced on standard error. */
export async function loadTrusted(
  io: Io,
  path: string,
  { trust, allowUnsigned = false, reference = [], audit }: TrustOptions,
): Promise<VerifiedPack> {
  if (trust === undefined && !allowUnsigned) throw trustMissing();
  const policy: TrustPolicy = trust === undefined ? { keys: [] } : await readTrust(io, trust);
  const pack = await verifyPack(await openPackFiles(resolve(io.cwd, path)), {
    trust: policy,
    now: io.now,
    runtimeVersion: io.version,
    platform: { name: "node", version: process.versions.node },
    references: new Set([...REFERENCES.keys(), ...reference]),
    allowUnsigned,
    audit: (event) => {
      if (audit === undefined) return;
      appendFileSync(resolve(io.cwd, audit), `${JSON.stringify(event)}\n`);
    },
  });
  if (!pack.signed) io.err("annulus: WARNING: this pack is UNSIGNED; nobody vouches for it\n");
  return pack;
}

function reportOf(pack: VerifiedPack): Report {
  const { name, version } = pack.manifest;
  const kernels = pack.kernels.map((kernel) => ({
    id: kernel.entry.id,
    category: kernel.entry.category,
    path: kernel.entry.path,
    hash: kernel.hash,
    bytes: kernel.copyBytes().length,
    variants: kernel.modules
      .filter(({ variant }) => variant !== BASELINE)
      .map((module) => ({ ...module, bytes: kernel.copyBytes(module.variant).length })),
  }));
  return {
    json: { pack: name, version, signed: pack.signed, key_id: pack.keyId, kernels },
    lines: [
      `${name} ${version}, ${pack.signed ? `verified, signed by ${pack.keyId}` : "UNSIGNED"}`,
      ...table(
        kernels.flatMap(({ id, variants, ...baseline }) => [
          [`  ${id}`, `${baseline.bytes} bytes`, baseline.hash],
          ...variants.map(({ variant, bytes, hash }) => [`    ${variant}`, `${bytes} bytes`, hash]),
        ]),
      ),
    ],
    warnings: pack.warnings,
  };
}

function trustMissing(): Failure {
  return new Failure("USAGE", {
    found: "no --trust",
    expected: "a key ring that says whom this host trusts",
    fix: "Pass --trust FILE, or --allow-unsigned for a pack that carries no signature.",
  });
}
