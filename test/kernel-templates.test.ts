// What `annulus init kernel` makes, in each language: compiled by its own build line, signed, judged by
// its own reference, stopped and fuzzed.

import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, expect, test } from "vitest";
import { annulus } from "../src/cli/command.fixture.ts";
import {
  checkBudget,
  fuzzKernel,
  judge,
  openKernelFolder,
  type Reference,
} from "../src/testing.node.ts";
import { because, withoutClang, withoutRustc, withoutRustTarget } from "./toolchains.fixture.ts";

const folder = await mkdtemp(join(tmpdir(), "annulus-templates-"));
afterAll(() => rm(folder, { recursive: true }));

/** Runs the command line in `folder`, which must succeed. */
async function succeeds(...argv: string[]): Promise<void> {
  const { exit, out, err } = await annulus(folder, ...argv);
  expect(exit, out + err).toBe(0);
}

/** Makes a kernel's folder and runs the line of its package.json that compiles. */
async function made(language: string, name = `soft_${language}`): Promise<string> {
  await succeeds("init", "kernel", name, "--lang", language);
  const root = join(folder, name);
  const { scripts } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as {
    readonly scripts: Readonly<Record<string, string>>;
  };
  const { compile } = scripts;
  if (compile !== undefined)
    execFileSync("sh", ["-c", compile], { cwd: root, stdio: "pipe", encoding: "utf8" });
  return root;
}

async function referenceOf(root: string): Promise<Reference> {
  const url = pathToFileURL(join(root, "reference.ts")).href;
  return ((await import(/* @vite-ignore */ url)) as { reference: Reference }).reference;
}

/** All that the folder's own test does, and what its `npm run release` does. */
async function passes(root: string): Promise<void> {
  await using opened = await openKernelFolder(root);
  const kernel = await opened.kernel();
  const { errors, refused } = await judge(kernel, await referenceOf(root), { cases: 40 });
  expect(errors!.counted).toBeGreaterThan(10_000);
  expect(refused).toEqual({});
  await checkBudget(kernel, { dims: { rows: 16, width: 1024 } });
  const { codes } = fuzzKernel(kernel, { inputs: 300 });
  expect(Object.keys(codes).toSorted()).toEqual([
    "INVALID_INPUT",
    "INVALID_OUTPUT",
    "INVALID_PARAMS",
    "OK",
  ]);
  expect(kernel.kernel.info()).toEqual({
    name: kernel.verified.entry.id,
    version: "0.1.0",
    supportsBackward: false,
  });
  const [key, trust] = [join(root, "signing.pem"), join(root, "trust.json")];
  await succeeds("pack", "keygen", "--out", key, "--trust", trust);
  await succeeds("pack", "build", root, "--out", join(root, "pack-signed"), "--key", key);
  await succeeds("pack", "verify", join(root, "pack-signed"), "--trust", trust);
}

test("the AssemblyScript template builds, is judged, stopped, fuzzed and signed", async () => {
  await passes(await made("assemblyscript"));
});

const noClang = withoutClang();
test.skipIf(noClang)(
  `the C template builds with clang and wasm-ld, is judged, stopped, fuzzed and signed${because(noClang)}`,
  async () => {
    await passes(await made("c"));
  },
);

const noTarget = withoutRustTarget();
test.skipIf(noTarget)(
  `the Rust template builds for wasm32, is judged, stopped, fuzzed and signed${because(noTarget)}`,
  async () => {
    await passes(await made("rust"));
  },
);

const noRustc = withoutRustc();
test.skipIf(noRustc)(
  `the Rust template is valid Rust without a warning, for this machine${because(noRustc)}`,
  async () => {
    await succeeds("init", "kernel", "soft_host", "--lang", "rust");
    const words = "--edition 2021 --crate-type lib --emit=metadata -D warnings -o checked.rmeta";
    execFileSync("rustc", [...words.split(" "), "kernel.rs"], { cwd: join(folder, "soft_host") });
  },
);

test("a template whose kernel is wrong in one value is found out by its reference", async () => {
  const root = await made("assemblyscript", "soft_wrong");
  const file = join(root, "assembly", "kernel.ts");
  const source = await readFile(file, "utf8");
  const right = "(value / (1 + abs<f32>(value) * inverse)) * gain"; // The end of each row.
  expect(source).toContain(right);
  await writeFile(file, source.replace(right, "value / (1 + abs<f32>(value) * inverse)"));
  await using opened = await openKernelFolder(root);
  const judged = judge(await opened.kernel(), await referenceOf(root));
  await expect(judged).rejects.toMatchObject({ code: "KERNEL_INACCURATE" });
});
