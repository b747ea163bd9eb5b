// How long does a host wait until a pack is verified, and until a kernel of it is compiled?
//
// The baseline of verification is what no verifier can leave out: reading the same files, one SHA-256
// of each, one Ed25519 signature. The baseline of loading is the engine's own compilation. Modules
// are made different for every call, since V8 remembers those that it has compiled.

import { createHash, createPublicKey, verify } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import {
  type KernelSource,
  loadPack,
  memoryFiles,
  SIGNATURE_PATH,
  type VerifiedPack,
} from "../../src/pack.node.ts";
import { Sandbox } from "../../src/sandbox.node.ts";
import { pack as CORE } from "../../kernels/pack.ts";
import { manifest as RMSNORM } from "../../kernels/rmsnorm_f32/manifest.ts";
import type { Bench } from "../harness/bench.ts";
import { type Contender, type Effort, measure } from "../harness/measure.ts";
import { marked } from "../harness/modules.ts";
import { readCoreModule, signCorePack, type SignedPack, signPack } from "../harness/packs.ts";
import type { Row } from "../harness/row.ts";

const MANY = 100;
const PAGE = 65_536;

export const bench: Bench = {
  name: "load",
  question: "how long until a pack is verified, and until a kernel of it is compiled?",
  async *rows(effort) {
    const folder = await mkdtemp(join(tmpdir(), "annulus-bench-"));
    try {
      const core = await signCorePack();
      yield await verification("core pack", core, join(folder, "core"), effort);
      const many = await signManyPack();
      yield await verification(`${MANY} kernels`, many, join(folder, "many"), effort);
      yield await compilation(await loadPack(memoryFiles(core.files), core.options), effort);
    } finally {
      await rm(folder, { recursive: true });
    }
  },
};

/** A pack of a hundred kernels, each with a module of its own. */
async function signManyPack(): Promise<SignedPack> {
  const module = await readCoreModule(RMSNORM.path);
  const kernels: KernelSource[] = Array.from({ length: MANY }, (_, i) => ({
    ...RMSNORM,
    id: `rmsnorm_${i}`,
    path: `rmsnorm/${i}.wasm`,
  }));
  const source = { ...CORE, name: "bench-many", kernels, fallbacks: {} };
  return signPack(source, async (path) => marked(module, Number.parseInt(path.slice(8), 10)));
}

async function verification(
  name: string,
  { files, options }: SignedPack,
  folder: string,
  effort: Effort,
): Promise<Row> {
  for (const [path, bytes] of files) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), bytes);
  }
  const loads = async (calls: number): Promise<void> => {
    for (let i = 0; i < calls; i++) await loadPack(folder, options);
  };
  const contenders = [
    { name: "annulus, loadPack of a folder", loop: loads },
    bareVerification(folder, [...files.keys()]),
  ];
  return {
    id: `loadPack ${name}`,
    what: "read, verify and check everything",
    entries: await measure(contenders, [], effort, { allocation: false }),
    goals: [],
    bytes: [...files.values()].reduce((sum, { length }) => sum + length, 0),
  };
}

/** Reads, hashes and checks one signature, with Node's own cryptography and no manifest. */
function bareVerification(folder: string, paths: readonly string[]): Contender {
  const key = createPublicKey({
    key: Buffer.from(`302a300506032b6570032100${"a1".repeat(32)}`, "hex"), // Any key: it costs the same.
    format: "der",
    type: "spki",
  });
  const once = async (): Promise<void> => {
    for (const path of paths) {
      const bytes = await readFile(join(folder, path));
      createHash("sha256").update(bytes).digest();
      if (path === SIGNATURE_PATH) verify(null, bytes, key, Buffer.alloc(64));
    }
  };
  const loop = async (calls: number): Promise<void> => {
    for (let i = 0; i < calls; i++) await once();
  };
  return { name: "reading, SHA-256 and one Ed25519 check", loop };
}

async function compilation(pack: VerifiedPack, effort: Effort): Promise<Row> {
  await using held = await Sandbox.create(); // Keeps the ticker's thread running for the others.
  await held.load(pack, RMSNORM.id);
  const cached = async (calls: number): Promise<void> => {
    for (let i = 0; i < calls; i++) await held.load(pack, RMSNORM.id);
  };
  const contenders = [
    { name: "annulus, sandbox.load, cold", loop: loadsCold(pack) },
    { name: "annulus, sandbox.load, compiled before", loop: cached },
    await compiles(),
  ];
  return {
    id: `sandbox.load ${RMSNORM.id}`,
    what: "admit, rewrite and compile one kernel of 3 KB",
    entries: await measure(contenders, [], effort, { allocation: false }),
    goals: [],
  };
}

/** A new sandbox each time, whose limit on memory makes the rewritten module one of its own. */
function loadsCold(pack: VerifiedPack): (calls: number) => Promise<void> {
  let pages = 4096;
  return async (calls) => {
    for (let i = 0; i < calls; i++) {
      pages = pages === 64 ? 4096 : pages - 1;
      await using sandbox = await Sandbox.create({ limits: { memoryBytesMax: pages * PAGE } });
      await sandbox.load(pack, RMSNORM.id);
    }
  };
}

async function compiles(): Promise<Contender> {
  const module = await readCoreModule(RMSNORM.path);
  let mark = 0;
  return {
    name: "WebAssembly.compile of the same module",
    loop: async (calls) => {
      for (let i = 0; i < calls; i++) await WebAssembly.compile(marked(module, mark++));
    },
  };
}
