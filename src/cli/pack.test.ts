import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  memoryFiles,
  openPackFiles,
  parseKeyring,
  VERSION,
  verifyPack,
  writeTar,
} from "../pack.node.ts";
import { moduleOf, NOW } from "../pack/signed-pack.fixture.ts";
import { main } from "./main.ts";

let cwd = "";
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), "annulus-cli-"));
});
afterEach(() => rm(cwd, { recursive: true }));

interface Outcome {
  readonly exit: number;
  readonly out: string;
  readonly err: string;
}

async function run(...argv: string[]): Promise<Outcome> {
  let [out, err] = ["", ""];
  const exit = await main(argv, {
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    cwd,
    now: () => NOW,
    version: VERSION,
  });
  return { exit, out, err };
}

/** Runs with --json and reads what it printed. */
async function json(...argv: string[]): Promise<{ exit: number; [key: string]: unknown }> {
  const { exit, out } = await run(...argv, "--json");
  return { ...(JSON.parse(out) as object), exit };
}

const KERNEL = {
  id: "twice",
  name: "Twice its input",
  category: "custom",
  path: "twice/twice.wasm",
  entry_point: "run",
  inputs: [{ name: "x", dtype: "f32", shape: ["n"] }],
  outputs: [{ name: "y", dtype: "f32", shape: ["n"] }],
  resource_limits: { max_memory_pages: 1, max_epoch_ticks: 100, max_table_elements: 0 },
};

/** Writes a source folder with one kernel, prebuilt unless `source` names its file. */
async function source(folder: string, change: object = {}): Promise<void> {
  const pack = {
    name: "test-pack",
    version: "1.0.0",
    description: "A pack of one kernel",
    min_runtime_version: "0.1.0",
    max_runtime_version: "1.0.0",
    created_at: "2026-01-18T00:00:00Z",
    author: { name: "A", email: "a@example.com" },
    kernels: [KERNEL],
    ...change,
  };
  await mkdir(join(cwd, folder, "twice"), { recursive: true });
  await writeFile(join(cwd, folder, "pack.json"), JSON.stringify(pack));
  await writeFile(join(cwd, folder, "twice/twice.wasm"), moduleOf(0));
}

async function signedPack(): Promise<void> {
  await source("source");
  expect((await run("pack", "keygen", "--out", "key", "--trust", "trust.json")).exit).toBe(0);
  expect((await run("pack", "build", "source", "--out", "pack", "--key", "key")).exit).toBe(0);
}

const codeOf = (outcome: Readonly<Record<string, unknown>>) =>
  (outcome["error"] as { code: string } | undefined)?.code;

test("annulus pack keygen writes a private key for its owner alone, its public half and a ring", async () => {
  const made = await json("pack", "keygen", "--out", "key", "--trust", "trust.json");
  expect(made).toMatchObject({ exit: 0, ok: true, private_key: "key", public_key: "key.pub" });
  expect((await stat(join(cwd, "key"))).mode & 0o777).toBe(0o600);
  expect(await readFile(join(cwd, "key.pub"), "utf8")).toBe(`${String(made["key"])}\n`);
  const ring = await parseKeyring(await readFile(join(cwd, "trust.json")));
  expect(ring.keys).toEqual([{ id: made["id"], key: made["key"] }]);
});

test("annulus pack keygen never overwrites, and leaves nothing of a failed attempt", async () => {
  await writeFile(join(cwd, "key"), "mine");
  const outcome = await json("pack", "keygen", "--out", "key");
  expect(outcome.exit).toBe(1);
  expect(codeOf(outcome)).toBe("OUTPUT_UNWRITABLE");
  expect(await readFile(join(cwd, "key"), "utf8")).toBe("mine");
  expect(await readdir(cwd)).toEqual(["key"]);
});

test("annulus pack build, sign, verify and inspect work on one pack, as folder and as tar", async () => {
  await source("source");
  await run("pack", "keygen", "--out", "key", "--trust", "trust.json");
  const built = await json(
    "pack",
    "build",
    "source",
    "--out",
    "pack",
    "--tar",
    "pack.tar",
    "--key",
    "key",
  );
  expect(built).toMatchObject({ exit: 0, pack: "test-pack", version: "1.0.0" });
  for (const pack of ["pack", "pack.tar"]) {
    const verified = await json("pack", "verify", pack, "--trust", "trust.json");
    expect(verified).toMatchObject({ exit: 0, signed: true, key_id: built["key_id"] });
    expect(verified["kernels"]).toMatchObject([{ id: "twice", bytes: moduleOf(0).length }]);
    const shown = await json("pack", "inspect", pack);
    expect(shown).toMatchObject({ exit: 0, signature: "by the key that the manifest names" });
    expect(shown["kernels"]).toMatchObject([{ id: "twice", module: "matches its hash" }]);
  }
  const text = await run("pack", "verify", "pack", "--trust", "trust.json");
  expect(text.out).toContain(`test-pack 1.0.0, verified, signed by ${String(built["key_id"])}`);
  expect(text.err).toBe("");
});

test("annulus pack build gives the same bytes twice, in different folders", async () => {
  await source("one");
  await source("elsewhere/two");
  await run("pack", "keygen", "--out", "key");
  await run("pack", "build", "one", "--tar", "one.tar", "--key", "key");
  await run("pack", "build", "elsewhere/two", "--tar", "two.tar", "--key", "key");
  expect(await readFile(join(cwd, "one.tar"))).toEqual(await readFile(join(cwd, "two.tar")));
});

test("annulus pack build compiles AssemblyScript, from a module, and fills in the features", async () => {
  const folder = join(cwd, "source");
  await source("source");
  await rm(join(folder, "pack.json"));
  const kernel = { ...KERNEL, source: "twice/kernel.ts" };
  const pack = {
    name: "compiled",
    version: "1.0.0",
    description: "",
    min_runtime_version: "0.1.0",
    max_runtime_version: "1.0.0",
    created_at: "2026-01-18T00:00:00Z",
    author: { name: "A", email: "a@example.com" },
    kernels: [kernel],
  };
  await writeFile(join(folder, "pack.js"), `export const pack = ${JSON.stringify(pack)};\n`);
  const body = "v128.store(at, f32x4.add(v128.load(at), v128.load(at)));";
  const code = `export function run(at: usize): i32 { ${body} return 0; }\n`;
  await writeFile(join(folder, "twice/kernel.ts"), code);
  expect((await run("pack", "build", "source", "--out", "pack")).exit).toBe(0);
  const shown = await json("pack", "inspect", "pack");
  const { kernels } = shown["manifest"] as { kernels: { platforms: object }[] };
  expect(kernels[0]!.platforms).toMatchObject({
    node: { features: expect.arrayContaining(["simd"]) },
  });
});

test("annulus pack build replaces an older pack and nothing else", async () => {
  await source("source");
  await run("pack", "build", "source", "--out", "pack");
  await writeFile(join(cwd, "pack/twice/old.wasm"), "");
  expect((await run("pack", "build", "source", "--out", "pack")).exit).toBe(0);
  expect(await readdir(join(cwd, "pack/twice"))).toEqual(["twice.wasm"]);
  const outcome = await json("pack", "build", "source", "--out", "source");
  expect(outcome.exit).toBe(1);
  expect(codeOf(outcome)).toBe("OUTPUT_UNWRITABLE");
  expect(await readdir(cwd)).toEqual(["pack", "source"]);
  expect(await readdir(join(cwd, "source"))).toEqual(["pack.json", "twice"]);
});

test("annulus pack build leaves the older pack when it fails", async () => {
  await source("source");
  await run("pack", "build", "source", "--out", "pack");
  const before = await readFile(join(cwd, "pack/kernels.json"));
  await source("source", { version: "one" });
  expect((await json("pack", "build", "source", "--out", "pack")).exit).toBe(2);
  expect(await readFile(join(cwd, "pack/kernels.json"))).toEqual(before);
});

test.each([
  [[], "PACK_SOURCE_INVALID"],
  [["pack.json", "pack.js"], "PACK_SOURCE_INVALID"],
  [["pack.js"], "PACK_SOURCE_INVALID"],
])("annulus pack build refuses a source folder with %j", async (names, code) => {
  await mkdir(join(cwd, "source"));
  for (const name of names) await writeFile(join(cwd, "source", name), "throw 1;");
  const outcome = await json("pack", "build", "source", "--out", "pack");
  expect(outcome.exit).toBe(2);
  expect(codeOf(outcome)).toBe(code);
});

test("annulus pack sign signs what was built for its key, as folder and as tar", async () => {
  await source("source");
  const { key } = await json("pack", "keygen", "--out", "key", "--trust", "trust.json");
  const author = { name: "A", email: "a@example.com", signing_key: key };
  await source("source", { author });
  await run("pack", "build", "source", "--out", "pack", "--tar", "pack.tar");
  for (const pack of ["pack", "pack.tar"]) {
    expect(codeOf(await json("pack", "verify", pack, "--trust", "trust.json"))).toBe(
      "PACK_UNSIGNED",
    );
    expect((await run("pack", "sign", pack, "--key", "key")).exit).toBe(0);
    expect((await run("pack", "verify", pack, "--trust", "trust.json")).exit).toBe(0);
  }
});

test("annulus pack sign refuses a pack that names another key, and one with placeholders", async () => {
  await signedPack();
  await run("pack", "keygen", "--out", "other");
  const outcome = await json("pack", "sign", "pack", "--key", "other");
  expect(outcome.exit).toBe(3);
  expect(codeOf(outcome)).toBe("KEY_MISMATCH");
  await run("pack", "build", "source", "--out", "unsigned");
  expect(codeOf(await json("pack", "sign", "unsigned", "--key", "other"))).toBe("MANIFEST_INVALID");
});

test("annulus pack verify exits with 3 for a changed pack and names the change", async () => {
  await signedPack();
  await writeFile(join(cwd, "pack/twice/twice.wasm"), moduleOf(1));
  const outcome = await run("pack", "verify", "pack", "--trust", "trust.json");
  expect(outcome.exit).toBe(3);
  expect(outcome.out).toBe("");
  expect(outcome.err).toContain("[HASH_MISMATCH]");
  expect(outcome.err).toContain("twice/twice.wasm");
  const shown = await run("pack", "inspect", "pack");
  expect(shown.exit).toBe(0);
  expect(shown.out).toContain("DIFFERS from its hash");
});

test("annulus pack verify takes an unsigned pack only when told to, loudly and on record", async () => {
  await source("source");
  await run("pack", "build", "source", "--out", "pack");
  expect((await run("pack", "verify", "pack")).exit).toBe(2);
  const outcome = await run("pack", "verify", "pack", "--allow-unsigned", "--audit", "log");
  expect(outcome.exit).toBe(0);
  expect(outcome.out).toContain("UNSIGNED");
  expect(outcome.err).toContain("WARNING");
  const logged = JSON.parse(await readFile(join(cwd, "log"), "utf8")) as object;
  expect(logged).toMatchObject({ event: "unsigned-pack-accepted", pack: "test-pack", at: NOW });
});

test("annulus pack verify takes the host's references for fallbacks", async () => {
  await source("source", { fallbacks: { twice: "twice_reference" } });
  await run("pack", "keygen", "--out", "key", "--trust", "trust.json");
  await run("pack", "build", "source", "--out", "pack", "--key", "key");
  const verify = ["pack", "verify", "pack", "--trust", "trust.json"];
  expect(codeOf(await json(...verify))).toBe("FALLBACK_UNKNOWN");
  expect((await run(...verify, "--reference", "twice_reference")).exit).toBe(0);
});

const signatureShown = async () => (await json("pack", "inspect", "pack"))["signature"];

test("annulus pack inspect says when a signature is absent, malformed or another's", async () => {
  await signedPack();
  const signature = join(cwd, "pack/kernels.json.sig");
  await writeFile(signature, new Uint8Array(64).fill(7));
  expect(await signatureShown()).toBe("not by the key that the manifest names");
  await writeFile(signature, "none");
  expect(await signatureShown()).toBe("malformed");
  await rm(signature);
  expect(await signatureShown()).toBe("absent");
  await rm(join(cwd, "pack/twice/twice.wasm"));
  expect((await run("pack", "inspect", "pack")).out).toContain("missing");
});

test("what a pack calls itself cannot move a terminal's cursor", async () => {
  await source("source", { description: "\u001b[2J\u202egood" });
  await run("pack", "build", "source", "--out", "pack");
  const { out } = await run("pack", "inspect", "pack");
  expect(out).toContain(String.raw`\u{1b}[2J\u{202e}good`);
});

test.each([
  [["pack", "verify", "none", "--trust", "none.json"], "INPUT_UNREADABLE"],
  [["pack", "sign", "none", "--key", "none"], "INPUT_UNREADABLE"],
  [["pack", "inspect", "none"], "PACK_UNREADABLE"],
  [["pack", "build", "none", "--out", "x"], "PACK_SOURCE_INVALID"],
  [["pack", "build", "none"], "USAGE"],
  [["pack", "keygen"], "USAGE"],
  [["pack", "verify"], "USAGE"],
  [["pack", "verify", "a", "b"], "USAGE"],
  [["pack", "verify", "a", "--unknown"], "USAGE"],
  [["fly"], "USAGE"],
])("annulus %j exits with 2 and %s", async (argv, code) => {
  const outcome = await json(...argv);
  expect(outcome.exit).toBe(2);
  expect(codeOf(outcome)).toBe(code);
});

test("annulus shows its help and version when asked, and its help after nothing", async () => {
  expect(await run("--version")).toMatchObject({ exit: 0, out: `${VERSION}\n` });
  expect((await run("pack", "--help")).out).toContain("keygen");
  const nothing = await run();
  expect(nothing.exit).toBe(2);
  expect(nothing.err).toContain("Usage: annulus");
});

test("an output that cannot be written is a failure of its own", async () => {
  await source("source");
  await writeFile(join(cwd, "file"), "");
  const outcome = await json("pack", "build", "source", "--tar", "file/pack.tar");
  expect(outcome.exit).toBe(1);
  expect(codeOf(outcome)).toBe("OUTPUT_UNWRITABLE");
});

test("the program itself runs, started as a file, and agrees on the version", () => {
  const program = join(import.meta.dirname, "main.ts");
  const out = execFileSync(process.execPath, [program, "--version"], { encoding: "utf8" });
  expect(out).toBe(`${VERSION}\n`);
});

test("a pack that the command line built is one that programs load", async () => {
  await signedPack();
  const files = await openPackFiles(join(cwd, "pack"));
  const trust = await parseKeyring(await readFile(join(cwd, "trust.json")));
  const options = { trust, now: () => NOW, runtimeVersion: VERSION };
  const tar = new Map<string, Uint8Array>();
  for (const path of await files.list()) tar.set(path, await files.read(path, 1e6));
  for (const again of [files, memoryFiles(tar), writeTar(tar)]) {
    expect((await verifyPack(again, options)).signed).toBe(true);
  }
});
