import { access, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { kernelModule } from "../sandbox/kernel.fixture.ts";
import { FORWARDS } from "../testing/kernels.fixture.ts";
import { readCertificate } from "../testing/mod.ts";
import { annulus, processOf, PROGRAM } from "./command.fixture.ts";

const folder = await mkdtemp(join(tmpdir(), "annulus-pack-test-"));
afterAll(() => rm(folder, { recursive: true }));

const REFERENCES = `
export const references = {
  doubling: ({ inputs, outputs }) => {
    inputs.x.forEach((value, i) => { outputs.y[i] = 2 * value; });
    return 0;
  },
};
references.bare = references.doubling;`;

const vector = (name: string) => ({ name, dtype: "f32", shape: ["n"] });

/** Kernels that double: rightly, one ULP off, not at all, and some that nobody can judge. */
const KERNELS = [
  { id: "right", forward: "right", accuracy: { max_ulp: 0.5 } },
  { id: "off", forward: "offByOne", accuracy: { max_ulp: 0.5, max_abs: 0 } },
  { id: "traps", forward: "traps", accuracy: { max_ulp: 0.5 } },
  { id: "unpromised", forward: "right" },
  { id: "unjudged", forward: "right", accuracy: { max_ulp: 0.5 } },
  { id: "bare", forward: "right", accuracy: { max_ulp: 0.5 } },
] as const;

beforeAll(async () => {
  const source = join(folder, "source");
  await mkdir(source);
  for (const forward of ["right", "offByOne", "traps"] as const) {
    const memory = '(memory (export "memory") 1)';
    const module = await kernelModule({ memory, forward: FORWARDS[forward] });
    await writeFile(join(source, `${forward}.wasm`), module);
  }
  const judged = KERNELS.filter(({ id }) => id !== "unjudged" && id !== "bare");
  const pack = {
    name: "mine",
    version: "1.0.0",
    description: "Doubling",
    min_runtime_version: "0.1.0",
    max_runtime_version: "1.0.0",
    created_at: "2026-01-18T00:00:00Z",
    author: { name: "A", email: "a@example.com" },
    kernels: KERNELS.map(({ forward, ...kernel }) => ({
      ...kernel,
      name: kernel.id,
      category: "custom",
      path: `${forward}.wasm`,
      entry_point: "forward",
      inputs: [vector("x")],
      outputs: [vector("y")],
      resource_limits: { max_memory_pages: 64, max_epoch_ticks: 100, max_table_elements: 0 },
    })),
    fallbacks: Object.fromEntries(judged.map(({ id }) => [id, "doubling"])),
  };
  await writeFile(join(source, "pack.json"), JSON.stringify(pack));
  await writeFile(join(folder, "references.mjs"), REFERENCES);
  await annulus(folder, "pack", "keygen", "--out", "key", "--trust", "trust.json");
  const built = await annulus(folder, "pack", "build", "source", "--key", "key", "--out", "pack");
  expect(built).toMatchObject({ exit: 0, err: "" });
});

const JUDGED = ["--trust", "trust.json", "--references", "references.mjs"];
const run = (...words: string[]) =>
  annulus(folder, "pack", "test", "pack", ...JUDGED, "--cases", "30", ...words);

const exitOf = async (...words: string[]) => (await run(...words)).exit;
const write = (out: string, ...words: string[]) =>
  run("--certificates", out, "--kernel", "right", "off", "unjudged", ...words);

test("annulus pack test passes kernels that keep their word, one line each", async () => {
  const { exit, out, err } = await run("--kernel", "right", "bare");
  expect({ exit, err }).toEqual({ exit: 0, err: "" });
  expect(out).toMatch(/pass {2}right {2}baseline {2}0 % of max_ulp 0.5 {2}30 compared/);
  expect(out).toContain("2 passed, 0 failed, 0 untested");
});

test("annulus pack test fails one that does not, with exit code 4, its worst case and the spread", async () => {
  const { exit, out, err } = await run("--kernel", "off", "right");
  expect(exit).toBe(4);
  expect(out).toMatch(/FAIL {2}off/);
  expect(out).toMatch(/worst: number 4 is .*, expected /);
  expect(out).toContain("errors in ULP of");
  expect(out).toMatch(/pass {2}right/);
  expect(err).toContain("[KERNEL_INACCURATE]");
  expect(err).toMatch(/2 times the error allowed in case \d+/);
});

test("annulus pack test fails one that traps", async () => {
  const { exit, err } = await run("--kernel", "traps");
  expect(exit).toBe(4);
  expect(err).toContain("[KERNEL_MISBEHAVED]");
});

test("annulus pack test says untested, with exit code 1, and never passed", async () => {
  const { exit, out, err } = await run("--kernel", "unpromised", "unjudged", "right");
  expect(exit).toBe(1);
  expect(out).toMatch(/untested {2}unpromised {2}baseline {2}no accuracy in its manifest/);
  expect(out).toMatch(/untested {2}unjudged {4}baseline {2}no reference/);
  expect(out).toContain("1 passed, 0 failed, 2 untested");
  expect(err).toContain("[KERNEL_UNTESTED]");
});

test("annulus pack test --json tells the verdict of every kernel, also when some fail", async () => {
  const { exit, out } = await run("--json");
  expect(exit).toBe(4);
  const { ok, error } = JSON.parse(out) as { ok: boolean; error: { detail: unknown } };
  expect(ok).toBe(false);
  expect(error.detail).toMatchObject({
    passed: 2,
    failed: 2,
    untested: 2,
    kernels: KERNELS.map(({ id }) => ({
      id,
      verdict: id.startsWith("un") ? "untested" : /off|traps/.test(id) ? "fail" : "pass",
    })),
  });
  const passed = await run("--json", "--kernel", "right");
  expect(JSON.parse(passed.out)).toMatchObject({ ok: true, passed: 1, seed: 1, cases: 30 });
});

test("annulus pack test --certificates writes one per kernel and variant, the same each time", async () => {
  expect((await write("one")).exit).toBe(4);
  await write("two");
  await write("three", "--seed", "2");
  const names = await readdir(join(folder, "one"));
  expect(names.toSorted()).toEqual(["off@baseline.json", "right@baseline.json"]);
  for (const name of names) {
    const [one, two, three] = await Promise.all(
      ["one", "two", "three"].map((from) => readFile(join(folder, from, name), "utf8")),
    );
    expect(one).toBe(two);
    expect(one).not.toBe(three);
    expect(readCertificate(one!)).toMatchObject({
      verdict: name.startsWith("off") ? "fail" : "pass",
      pack: { name: "mine", version: "1.0.0" },
      engine: expect.stringContaining(`node ${process.versions.node}`),
    });
  }
});

test("annulus pack test refuses what it cannot use before it runs anything", async () => {
  expect(await exitOf("--kernel", "none")).toBe(2);
  expect(await exitOf("--cases", "0")).toBe(2);
  expect(await exitOf("--references", "no.mjs")).toBe(2);
  await writeFile(join(folder, "empty.mjs"), "export const other = 1;");
  expect(await exitOf("--references", "empty.mjs")).toBe(2);
  await writeFile(join(folder, "wrong.mjs"), "export const references = { doubling: 1 };");
  expect(await exitOf("--references", "wrong.mjs")).toBe(2);
  expect((await annulus(folder, "pack", "test", "pack")).exit).toBe(2);
  expect((await annulus(folder, "pack", "test")).exit).toBe(3);
});

test("annulus pack test tests the core pack when told of no other", async () => {
  const words = ["--allow-unsigned", "--kernel", "kv_unpack_q8", "rmsnorm_f32", "--cases", "10"];
  const { exit, out } = await annulus(folder, "pack", "test", ...words);
  expect(exit).toBe(0);
  expect(out).toMatch(/pass {2}kv_unpack_q8 {2}baseline/);
});

test("an interrupt ends annulus pack test as a signal does, and leaves no certificate", async () => {
  const words = ["--allow-unsigned", "--cases", "1000000", "--certificates", "interrupted"];
  const argv = [PROGRAM, "pack", "test", ...words];
  const { signal } = await processOf(process.execPath, argv, folder, (_, kill) => kill("SIGINT"));
  expect(signal).toBe("SIGINT");
  await expect(access(join(folder, "interrupted"))).rejects.toThrow(/ENOENT/);
});
