// The package as a stranger gets it: built, packed, installed into an empty project, then used.

import { execFile } from "node:child_process";
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { promisify } from "node:util";

import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { afterAll, expect, test } from "vitest";

const run = promisify(execFile);
const root = resolve(import.meta.dirname, "..");
const manifest = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as {
  readonly name: string;
  readonly version: string;
  readonly exports: Readonly<Record<string, unknown>>;
};

/** Code and declarations of every room, the core pack, and for authors their guide and templates. */
const PACKED_KIB_MAX = 832;
const UNPACKED_KIB_MAX = 3072;
const ENTRIES = Object.keys(manifest.exports)
  .filter((entry) => entry !== "./package.json")
  .map((entry) => manifest.name + entry.slice(1));

interface Tarball {
  readonly filename: string;
  readonly size: number;
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string; readonly mode: number }[];
}

const folder = await mkdtemp(join(tmpdir(), "annulus-package-"));
afterAll(() => rm(folder, { recursive: true }));

await run(process.execPath, [join(root, "tools/build.ts")]);
const tarball = await pack();
const unreachable = await install();
const skipped = unreachable === undefined ? "" : ` (SKIPPED: ${unreachable})`;

/** Packs the repository. Its scripts do not run: the build is what was built above. */
async function pack(): Promise<Tarball> {
  const where = ["--pack-destination", folder, "--ignore-scripts", "--json"];
  const { stdout } = await run("npm", ["pack", ...where], { cwd: root });
  const answer = JSON.parse(stdout) as readonly Tarball[] | Readonly<Record<string, Tarball>>;
  return Object.values(answer)[0]!;
}

/** Installs the tarball into `folder`. Says why when the registry with its dependencies is away. */
async function install(): Promise<string | undefined> {
  await writeFile(join(folder, "package.json"), JSON.stringify({ name: "empty", private: true }));
  const options = ["--prefer-offline", "--no-audit", "--no-fund", "--fetch-retries=1"];
  try {
    await run("npm", ["install", ...options, `./${tarball.filename}`], { cwd: folder });
    return undefined;
  } catch (error) {
    const { stderr = "" } = error as { stderr?: string };
    const network = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH/;
    const code = network.exec(stderr)?.[0];
    if (code === undefined) throw error;
    return `the package registry cannot be reached, ${code}`;
  }
}

/** What an author has beside Annulus; the registry may be away, so this repository's own. */
const COMPILER = ["assemblyscript", "binaryen", "long"];

/** Runs a script of the package in a folder below. The first node on the path is this one. */
async function npm(folderBelow: string, ...words: string[]): Promise<string> {
  const PATH = [dirname(process.execPath), process.env["PATH"]].join(delimiter);
  const options = { cwd: join(folder, folderBelow), env: { ...process.env, PATH } };
  return (await run("npm", words, options)).stdout;
}

/** What the installed command prints. */
async function annulus(...words: string[]): Promise<string> {
  const command = join(folder, "node_modules", ".bin", "annulus");
  return (await run(command, words, { cwd: folder })).stdout;
}

test("the tarball is clean for publint at its strictest", async () => {
  const bytes = await readFile(join(folder, tarball.filename));
  const { messages, pkg } = await publint({
    pack: { tarball: new Uint8Array(bytes).buffer },
    level: "suggestion",
    strict: true,
  });
  expect(messages.map((message) => formatMessage(message, pkg ?? {}))).toEqual([]);
});

test("the tarball holds what a user needs and nothing of ours", () => {
  const paths = tarball.files.map(({ path }) => path);
  const foreign = /\.test\.|\.fixture\.|fixtures?\/|^(?:src|test|tools|bench)\/|\.map$|^tsconfig/;
  expect(paths.filter((path) => foreign.test(path))).toEqual([]);
  for (const path of ["README.md", "LICENSE", "CHANGELOG.md", "SECURITY.md"]) {
    expect(paths).toContain(path);
  }
  for (const path of ["generated/abi.h", "generated/kernel-pack-v1.schema.json"]) {
    expect(paths).toContain(path);
  }
  for (const path of ["docs/KERNELS.md", "docs/reference/abi.md", "kernels/std/region.ts"]) {
    expect(paths).toContain(path);
  }
  for (const path of ["common/gitignore", "assemblyscript/assembly/kernel.ts", "c/kernel.c"]) {
    expect(paths).toContain(`templates/kernel/${path}`);
  }
});

test("the tarball stays within its budget of bytes", () => {
  expect(tarball.size / 1024).toBeLessThan(PACKED_KIB_MAX);
  expect(tarball.unpackedSize / 1024).toBeLessThan(UNPACKED_KIB_MAX);
});

test.skipIf(unreachable)(`every entry imports in an empty project${skipped}`, async () => {
  const script = `
    const names = {};
    for (const entry of ${JSON.stringify(ENTRIES)}) {
      names[entry] = Object.keys(await import(entry)).length;
    }
    console.log(JSON.stringify(names));`;
  await writeFile(join(folder, "imports.mjs"), script);
  const { stdout } = await run(process.execPath, ["imports.mjs"], { cwd: folder });
  const names = JSON.parse(stdout) as Record<string, number>;
  expect(Object.keys(names)).toEqual(ENTRIES);
  for (const [entry, count] of Object.entries(names)) expect(count, entry).toBeGreaterThan(0);
});

test.skipIf(unreachable)(
  `every entry has types that a strict project accepts${skipped}`,
  async () => {
    const lines = ENTRIES.map((entry, index) => `export * as entry${index} from "${entry}";`);
    await writeFile(join(folder, "types.mts"), lines.join("\n"));
    const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
    const options = ["--noEmit", "--strict", "--module", "nodenext", "--lib", "esnext,dom"];
    const types = ["--typeRoots", join(root, "node_modules", "@types"), "--types", "node"];
    const words = [compiler, ...options, ...types, "types.mts"];
    const { stdout } = await run(process.execPath, words, { cwd: folder }).catch(
      (error: { stdout: string }) => error,
    );
    expect(stdout).toBe("");
  },
);

test.skipIf(unreachable)(`the command works in an empty project${skipped}`, async () => {
  expect((await annulus("--version")).trim()).toBe(manifest.version);
  const help = await annulus("pack", "--help");
  for (const verb of ["keygen", "build", "sign", "verify", "inspect"]) expect(help).toContain(verb);
});

/** What a user does first: takes a kernel, signs it with a key of their own, and runs it. */
const FIRST_RUN = `
  import { readFile } from "node:fs/promises";
  import { loadPack, parseKeyring, Sandbox } from "annulus";

  const trust = await parseKeyring(await readFile("trust.json"));
  const pack = await loadPack("mine", { trust });
  await using sandbox = await Sandbox.create({ preset: "server" });
  const kernel = await sandbox.load(pack, "rmsnorm_f32");
  using call = kernel.prepare({ inputs: { x: [1, 4], weight: [4] }, params: { eps: 1e-5 } });
  call.inputs.x.set([3, -3, 3, -3]);
  call.inputs.weight.set([1, 2, 3, 4]);
  call.run();
  console.log(Array.from(call.outputs.y, Math.round).join(" "));`;

test.skipIf(unreachable)(
  `a pack is built, signed and run in an empty project${skipped}`,
  async () => {
    const core = join(folder, "node_modules", manifest.name, "packs", "core");
    await cp(core, join(folder, "source"), { recursive: true });
    const shipped = JSON.parse(await readFile(join(core, "kernels.json"), "utf8")) as {
      kernels: { id: string; hash: string }[];
    };
    const kernels = shipped.kernels.flatMap(({ hash: _builtAnew, ...kernel }) =>
      kernel.id === "rmsnorm_f32" ? [kernel] : [],
    );
    const source = JSON.stringify({ ...shipped, kernels, fallbacks: {} });
    await writeFile(join(folder, "source", "pack.json"), source);

    await annulus("pack", "keygen", "--out", "key", "--trust", "trust.json");
    await annulus("pack", "build", "source", "--out", "mine", "--key", "key");
    await annulus("pack", "verify", "mine", "--trust", "trust.json");
    await writeFile(join(folder, "run.mjs"), FIRST_RUN);
    const { stdout } = await run(process.execPath, ["run.mjs"], { cwd: folder });
    expect(stdout).toBe("1 -2 3 -4\n");
  },
);

/** Actors as a user writes them: in a file of their own, which threads load too. */
const ACTORS = `
  import { defineKernel, f32, message, Runtime } from "annulus/runtime";
  import { isMainThread } from "node:worker_threads";

  export const Add = message({ a: f32, b: f32 });
  export const Sum = message({ value: f32 }, { name: "Sum" });
  const KEPT = { retain: true };
  export const adder = defineKernel({
    id: "adder",
    module: import.meta.url,
    on: [Add.to(Sum, ({ a, b }) => ({ value: a + b }))],
  });
  export const teller = defineKernel({
    id: "teller",
    module: import.meta.url,
    on: [Add.do((m, context) => void context.publish("sums", Sum, { value: m.a + m.b }, KEPT))],
  });

  if (isMainThread) {
    await using runtime = await Runtime.create();
    const kernel = await runtime.launch(adder);
    const { value } = await kernel.call(Add, { a: 1, b: 2 });
    await using topics = await runtime.topics();
    const other = await runtime.launch(teller, { publishes: ["sums"] });
    other.send(Add, { a: 3, b: 4 });
    for await (const told of topics.messages("sums", Sum)) {
      console.log(value, told.value.value);
      break;
    }
  }`;

test.skipIf(unreachable)(`actors work in an empty project${skipped}`, async () => {
  await writeFile(join(folder, "actors.mjs"), ACTORS);
  const { stdout } = await run(process.execPath, ["actors.mjs"], { cwd: folder });
  expect(stdout).toBe("3 7\n");
});

test.skipIf(unreachable)(`annulus doctor finds all of its threads${skipped}`, async () => {
  const { checks } = JSON.parse(await annulus("doctor", "--json")) as {
    checks: { name: string; ok: boolean }[];
  };
  const threads = ["worker threads", "ticker", "a hard stop", "core pack", "rings", "monitor"];
  for (const name of threads)
    expect(checks.find((check) => check.name === name)).toMatchObject({ ok: true });
});

test.skipIf(unreachable)(
  `a new kernel passes its tests and is released in an empty project${skipped}`,
  async () => {
    for (const name of COMPILER)
      await symlink(join(root, "node_modules", name), join(folder, "node_modules", name));
    await annulus("init", "kernel", "soft_clip", "--lang", "assemblyscript");
    const tested = await npm("soft_clip", "test");
    expect(tested).toContain("pass 3");
    expect(tested).toContain("errors in ULP of");
    await npm("soft_clip", "run", "key");
    expect(await npm("soft_clip", "run", "release")).toContain("1 passed, 0 failed");
  },
);
