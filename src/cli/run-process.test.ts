// What only a process can show of `annulus run`: exit codes, signals, a full disk, the shipped pack.

import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openSafetensors, readNpy, writeNpy } from "../tensor/mod.ts";
import { annulusProcess, type Outcome, processOf, PROGRAM } from "./command.fixture.ts";
import { SIGNED_COPY } from "./core-pack.ts";
import { writeTinyPack } from "./packs.fixture.ts";

let cwd = "";
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), "annulus-run-"));
  await writeTinyPack(cwd);
  const data = Float32Array.of(1, 2, 3);
  await writeFile(join(cwd, "x.npy"), writeNpy({ dtype: "f32", shape: [3], data }));
});
afterEach(() => rm(cwd, { recursive: true }));

const TINY = ["--pack", "pack", "--trust", "trust.json"];
const ACTIVATIONS = join(import.meta.dirname, "../../test/data/tiny-llama/activations.safetensors");
const NORM = "layers.5.input_layernorm";
const RMSNORM = [
  "rmsnorm_f32",
  ...["--input", `x=${ACTIVATIONS}:${NORM}.x`, "--input", `weight=${ACTIVATIONS}:${NORM}.weight`],
  ...["--output", "y=y.npy"],
];

test.each([
  [0, "verified, signed by", ["copy", "--input", "x=x.npy", ...TINY]],
  [2, "[KERNEL_NOT_FOUND]", ["copi", "--input", "x=x.npy", ...TINY]],
  [2, "[INPUT_UNREADABLE]", ["copy", "--input", "x=none.npy", ...TINY]],
  [2, "[USAGE]", ["copy", "--imput", "x=x.npy", ...TINY]],
  [3, "[NO_TRUSTED_KEY]", ["copy", "--input", "x=x.npy", ...TINY.with(3, "other.json")]],
  [4, "[KERNEL_MEMORY]", ["trap", "--input", "x=x.npy", ...TINY]],
  [4, "INVALID_INPUT (1)", ["code", "--input", "x=x.npy", "--param", "code=1", ...TINY]],
  [4, "[KERNEL_DEADLINE]", ["endless", "--input", "x=x.npy", "--budget-ms", "20", ...TINY]],
  [1, "[OUTPUT_UNWRITABLE]", ["copy", "--input", "x=x.npy", "--output", "y=no/y.npy", ...TINY]],
])("annulus run ends with %i and says %s", async (exit, says, argv) => {
  await writeFile(join(cwd, "other.json"), '{ "keys": [] }');
  const outcome = await annulusProcess(cwd, "run", ...argv);
  expect(outcome.out + outcome.err).toContain(says);
  expect(outcome.exit).toBe(exit);
  if (exit === 0) expect(outcome.err).toBe("");
  else expect(outcome.out).toBe("");
});

test("annulus run lists the kernels of the pack where it finds none of that name", async () => {
  const { err } = await annulusProcess(cwd, "run", "copi", "--input", "x=x.npy", ...TINY);
  expect(err).toMatch(/expected {2}one of copy, copy_f16, /);
});

test("annulus run refuses a pack with one byte changed", async () => {
  const module = await readFile(join(cwd, "pack/copy.wasm"));
  module[module.length - 1]! ^= 1;
  await writeFile(join(cwd, "pack/copy.wasm"), module);
  const outcome = await annulusProcess(cwd, "run", "copy", "--input", "x=x.npy", ...TINY);
  expect(outcome.exit).toBe(3);
  expect(outcome.err).toContain("[HASH_MISMATCH]");
});

test("annulus run refuses the core pack until told to take it unsigned, and says how", async () => {
  const refused = await annulusProcess(cwd, "run", ...RMSNORM);
  expect(refused.exit).toBe(3);
  expect(refused.err).toMatch(/\[PACK_UNSIGNED\][^]*fix +Add --allow-unsigned; /);
  const done = await annulusProcess(cwd, "run", ...RMSNORM, "--allow-unsigned");
  expect(done.exit).toBe(0);
  expect(done.err).toContain("UNSIGNED");
  expect(done.out).toMatch(/^pack {4}annulus-core \S+, UNSIGNED/);
  await expectNormalised();
});

test.skipIf(process.platform === "win32")(
  "the help of annulus run tells true how to sign a copy of the core pack",
  async () => {
    const { out: help } = await annulusProcess(cwd, "run", "--help");
    for (const line of SIGNED_COPY) expect(help).toContain(line);
    const alias = `annulus() { "${process.execPath}" "${PROGRAM}" "$@"; }`;
    const commands = SIGNED_COPY.join("\n").replace("KERNEL ...", RMSNORM.join(" "));
    const { exit, out } = await processOf("sh", ["-ec", `${alias}\n${commands}`], cwd);
    expect(exit).toBe(0);
    expect(out).toMatch(/annulus-core \S+, verified, signed by [0-9a-f]{16}/);
    await expectNormalised();
  },
);

/** What was written is what the model computed. */
async function expectNormalised(): Promise<void> {
  const recorded = openSafetensors(await readFile(ACTIVATIONS)).get(`${NORM}.y`);
  const { data, shape } = readNpy(await readFile(join(cwd, "y.npy")));
  expect(shape).toEqual(recorded.shape.slice(1));
  const errors = Array.from(data, (y, i) => Math.abs(y - recorded.data[i]!));
  expect(Math.max(...errors)).toBeLessThan(1e-5);
}

test("annulus run prints one JSON document on standard output and nothing else", async () => {
  const done = await annulusProcess(cwd, "run", ...RMSNORM, "--allow-unsigned", "--json");
  expect(JSON.parse(done.out)).toMatchObject({ ok: true, pack: { signed: false, key_id: null } });
  const failed = await annulusProcess(cwd, "run", "trap", "--input", "x=x.npy", ...TINY, "--json");
  expect(JSON.parse(failed.out)).toMatchObject({ ok: false, error: { code: "KERNEL_MEMORY" } });
  expect([failed.exit, failed.err]).toEqual([4, ""]);
});

const drafts = async (): Promise<string[]> => {
  const names = await readdir(cwd);
  return names.filter((name) => name.includes("y.npy"));
};

test.skipIf(process.platform === "win32")(
  "an interrupt ends annulus run at once, in the middle of a kernel, with nothing written",
  async () => {
    await rm(join(cwd, "pack/kernels.json.sig"));
    const argv = ["run", "endless", "--input", "x=x.npy", "--output", "y=y.npy"];
    const outcome = await interrupted([PROGRAM, ...argv, "--pack", "pack", "--allow-unsigned"]);
    expect(outcome.signal).toBe("SIGINT");
    expect(await drafts()).toEqual([]);
  },
);

/** Interrupts the process once it has said that the pack is unsigned, which it does before it runs. */
function interrupted(argv: readonly string[]): Promise<Outcome> {
  return processOf(process.execPath, argv, cwd, (err, kill) => {
    if (err.includes("UNSIGNED")) kill("SIGINT");
  });
}

test.skipIf(process.platform === "win32")(
  "annulus run leaves no half of a file where the disk is full",
  async () => {
    const size = { dtype: "f32", shape: [65_536], data: new Float32Array(65_536) } as const;
    await writeFile(join(cwd, "large.npy"), writeNpy(size));
    // A limit on the size of files stands for the full disk: the write fails midway, as it would there.
    const argv = ["run", "copy", "--input", "x=large.npy", "--output", "y=y.npy", ...TINY];
    const script = `ulimit -f 16; exec "${process.execPath}" "${PROGRAM}" ${argv.join(" ")}`;
    const { exit, err } = await processOf("sh", ["-c", script], cwd);
    expect(err).toMatch(/\[OUTPUT_UNWRITABLE\][^]*EFBIG/);
    expect(exit).toBe(1);
    expect(await drafts()).toEqual([]);
  },
);

test.skipIf(process.platform === "win32")(
  "finishFirst() ends its work before an interrupt ends the process",
  async () => {
    const script = `
      import { writeFileSync } from "node:fs";
      import { setTimeout } from "node:timers/promises";
      import { finishFirst } from ${JSON.stringify(join(import.meta.dirname, "finish-first.ts"))};
      await finishFirst(async () => {
        process.kill(process.pid, "SIGINT");
        await setTimeout(50);
        writeFileSync("y.npy", "whole");
      });
      await setTimeout(10_000);
      writeFileSync("late", "never");`;
    const argv = ["--input-type=module", "-e", script];
    expect((await processOf(process.execPath, argv, cwd)).signal).toBe("SIGINT");
    expect(await readFile(join(cwd, "y.npy"), "utf8")).toBe("whole");
    expect(await readdir(cwd)).not.toContain("late");
  },
);
