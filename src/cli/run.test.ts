import { mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { f32ArrayToBf16, openSafetensors, readNpy, writeNpy } from "../tensor/mod.ts";
import { writeSafetensors } from "../tensor/mod.ts";
import { annulus, type Outcome } from "./command.fixture.ts";
import { writeTinyPack } from "./packs.fixture.ts";

let home = ""; // The pack and its key ring; the files of each test lie in a folder of its own.
let cwd = "";
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "annulus-run-"));
  await writeTinyPack(home);
});
afterAll(() => rm(home, { recursive: true }));
beforeEach(async () => {
  cwd = await mkdtemp(join(home, "test-"));
});

const X = Float32Array.of(1, -2, 3.5, 0);
const vector = (data = X) => ({ dtype: "f32", shape: [data.length], data }) as const;
const save = (file: string, bytes: Uint8Array) => writeFile(join(cwd, file), bytes);
const load = (file: string) => readFile(join(cwd, file));

function run(...argv: string[]): Promise<Outcome> {
  return annulus(cwd, "run", ...argv, "--pack", "../pack", "--trust", "../trust.json");
}

interface Told {
  readonly exit: number | null;
  readonly error?: { readonly code: string; readonly [fact: string]: unknown };
  readonly [fact: string]: unknown;
}

async function json(...argv: string[]): Promise<Told> {
  const { exit, out } = await run(...argv, "--json");
  return { ...(JSON.parse(out) as object), exit };
}

/** What a script sees of a refusal. */
async function refusal(...argv: string[]): Promise<string> {
  const { error, exit } = await json(...argv);
  return `${exit} ${error?.code}`;
}

test("annulus run reads, runs, writes, and tells one JSON document", async () => {
  await save("x.npy", writeNpy(vector()));
  const told = await json("copy", "--input", "x=x.npy", "--output", "y=y.npy", "--repeat", "5");
  expect(told).toMatchObject({
    exit: 0,
    ok: true,
    pack: { name: "tiny", version: "1.2.3", signed: true, key_id: expect.any(String) },
    kernel: { id: "copy", hash: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) },
    inputs: [{ name: "x", dtype: "f32", shape: [4], bytes: 16, file: "x.npy", tensor: null }],
    outputs: [{ name: "y", dtype: "f32", shape: [4], bytes: 16, file: "y.npy" }],
    dims: { n: 4 },
    time: { runs: 5, first_ms: expect.any(Number), p99_ms: expect.any(Number) },
    bytes: 32,
    budget: { ticks: 1000, tick_ms: 10, ticks_asked: null, ticks_used: expect.any(Number) },
    warnings: [],
  });
  expect(readNpy(await load("y.npy"))).toEqual(vector());
  expect(await readdir(cwd)).toEqual(["x.npy", "y.npy"]);
});

test("annulus run tells people who signed, what ran, how fast, and how much of its budget", async () => {
  await save("x.npy", writeNpy(vector()));
  const { exit, out, err } = await run("copy", "--input", "x=x.npy", "--repeat", "3");
  expect([exit, err]).toEqual([0, ""]);
  expect(out).toMatch(/^pack {4}tiny 1\.2\.3, verified, signed by [0-9a-f]{16}$/m);
  expect(out).toMatch(/^kernel {2}copy, sha256:[0-9a-f]{64}$/m);
  expect(out).toMatch(/^input {3}x {2}f32 {2}\[4\] {2}x\.npy$/m);
  expect(out).toMatch(/^output {2}y {2}f32 {2}\[4\] {2}not written$/m);
  expect(out).toMatch(/^dims {4}n = 4$/m);
  expect(out).toMatch(/^time {4}median \S+ \S+, p99 \S+ \S+, first \S+ \S+, 3 runs$/m);
  expect(out).toMatch(/^rate {4}\S+ GB\/s, 32 bytes in and out of each run$/m);
  expect(out).toMatch(/^budget {2}\d+ of 1000 ticks of 10 ms used$/m);
});

test("annulus run takes a tensor by its name, and a file's only tensor without", async () => {
  const pair = writeSafetensors([
    ["a:b", vector()],
    ["c", vector(Float32Array.of(9))],
  ]);
  await save("pair.safetensors", pair);
  await save("one.safetensors", writeSafetensors([["only", vector()]]));
  for (const input of ["pair.safetensors:a:b", "one.safetensors:only", "one.safetensors"]) {
    const told = await json("copy", "--input", `x=${input}`, "--output", "y=y.safetensors");
    expect(told.exit).toBe(0);
    expect(openSafetensors(await load("y.safetensors")).get("y")).toEqual(vector());
  }
  const { error } = await json("copy", "--input", "x=pair.safetensors");
  expect(error).toMatchObject({ code: "TENSOR_NOT_FOUND", expected: "one of a:b, c" });
  expect(await refusal("copy", "--input", "x=pair.safetensors:d")).toBe("2 TENSOR_NOT_FOUND");
});

test("annulus run takes paths with colons for what they are", async () => {
  await save("C:x.npy", writeNpy(vector()));
  await save("a:b.safetensors", writeSafetensors([["t", vector()]]));
  for (const input of ["C:x.npy", "./C:x.npy", "a:b.safetensors", "a:b.safetensors:t"]) {
    expect((await run("copy", "--input", `x=${input}`)).exit).toBe(0);
  }
  expect(await refusal("copy", "--input", "x=C:x.npy:t")).toBe("2 TENSOR_NOT_FOUND");
  expect(await refusal("copy", "--input", "x=C:other.npy")).toBe("2 INPUT_UNREADABLE");
});

test("annulus run names the file in what it says of a malformed one", async () => {
  await save("x.npy", new Uint8Array(64));
  await mkdir(join(cwd, "folder.npy"));
  const { error, exit } = await json("copy", "--input", "x=x.npy");
  expect([exit, error?.code, error?.["at"]]).toEqual([2, "TENSOR_FILE_INVALID", "x.npy, byte 0x0"]);
  expect(await refusal("copy", "--input", "x=folder.npy")).toBe("2 INPUT_UNREADABLE");
});

const shapesOf = (told: Told) => (told["inputs"] as { shape: number[] }[])[0]?.shape;

test("annulus run adds and drops leading axes of one, and reshapes only when told to", async () => {
  const data = new Float32Array(6);
  await save("flat.npy", writeNpy({ dtype: "f32", shape: [6], data }));
  await save("deep.npy", writeNpy({ dtype: "f32", shape: [1, 1, 2, 3], data }));
  await save("wide.npy", writeNpy({ dtype: "f32", shape: [2, 1, 3], data }));
  expect(shapesOf(await json("matrix", "--input", "x=flat.npy"))).toEqual([1, 6]);
  expect(shapesOf(await json("matrix", "--input", "x=deep.npy"))).toEqual([2, 3]);
  const { exit, error } = await json("matrix", "--input", "x=wide.npy");
  expect(exit).toBe(2);
  expect(error).toMatchObject({ code: "SHAPE_MISMATCH", found: "3 axes, [2, 1, 3]" });
  expect(error?.["fix"]).toContain("--shape x=");
  for (const shape of ["3x2", "3,2"]) {
    expect(
      shapesOf(await json("matrix", "--input", "x=wide.npy", "--shape", `x=${shape}`)),
    ).toEqual([3, 2]);
  }
  for (const [shape, code] of [
    ["x=2x2", "SHAPE_MISMATCH"],
    ["x=6", "SHAPE_MISMATCH"],
    ["x=-1x6", "USAGE"],
    ["y=1x6", "USAGE"],
  ] as const) {
    const outcome = await refusal("matrix", "--input", "x=flat.npy", "--shape", shape);
    expect(outcome).toBe(`2 ${code}`);
  }
});

test("annulus run refuses a shape that the manifest fixes otherwise", async () => {
  await save("x.npy", writeNpy(vector(new Float32Array(5))));
  expect(await refusal("twice", "--input", "x=x.npy")).toBe("2 SHAPE_MISMATCH");
});

const inputOf = (name: string) => [
  ...["--input", `x=all.safetensors:${name}`],
  ...["--output", "y=y.npy"],
];

test("annulus run widens halves for an f32 kernel and converts nothing else", async () => {
  const bf16 = { dtype: "bf16", shape: [4], data: f32ArrayToBf16(X) } as const;
  const f16 = { dtype: "f16", shape: [4], data: new Float16Array(X) } as const;
  const i32 = { dtype: "i32", shape: [4], data: new Int32Array(X) } as const;
  await save("all.safetensors", writeSafetensors(Object.entries({ bf16, f16, i32 })));
  await save("x.npy", writeNpy(vector()));
  for (const name of ["bf16", "f16"]) {
    expect((await run("copy", ...inputOf(name))).exit).toBe(0);
    expect(readNpy(await load("y.npy"))).toEqual(vector());
  }
  expect((await run("copy_f16", ...inputOf("f16"))).exit).toBe(0);
  expect(readNpy(await load("y.npy"))).toEqual(f16);
  expect(await refusal("copy", ...inputOf("i32"))).toBe("2 DTYPE_MISMATCH");
  expect(await refusal("copy_f16", "--input", "x=x.npy")).toBe("2 DTYPE_MISMATCH");
});

/** Runs the kernel `code` with these params. */
function params(...pairs: string[]): Promise<Told> {
  return json("code", "--input", "x=x.npy", ...pairs.flatMap((pair) => ["--param", pair]));
}

test("annulus run takes params by value and by the names of values", async () => {
  await save("x.npy", writeNpy(vector()));
  expect((await params("code=fine", "flag=true", "scale=1e-5")).exit).toBe(0);
  expect((await params("code=0", "wide=18446744073709551615")).exit).toBe(0);
  const failed = await params("code=bad_input");
  expect([failed.exit, failed.error?.code]).toEqual([4, "KERNEL_CODE"]);
  for (const pair of ["code=other", "code=-1", "flag=yes", "wide=1.5", "scale=big", "scale= "]) {
    const { exit, error } = await params(pair);
    expect([pair, exit, error?.code]).toEqual([pair, 2, "PARAM_INVALID"]);
  }
  expect((await params("code=other")).error?.["expected"]).toBe(
    "one of fine, bad_input, or a number",
  );
  expect((await params("no=1")).error?.code).toBe("PARAM_INVALID");
});

test("annulus run asks for a dimension that no input has", async () => {
  const { exit, error } = await json("zeros");
  expect([exit, error?.code, error?.["fix"]]).toEqual([2, "SHAPE_MISMATCH", "Pass --dim n=N."]);
  expect((await json("zeros", "--dim", "n=3"))["dims"]).toEqual({ n: 3 });
  expect(await refusal("zeros", "--dim", "n=three")).toBe("2 USAGE");
  expect(await refusal("zeros", "--dim", "n=4294967296")).toBe("2 USAGE");
  expect(await refusal("zeros", "--dim", "m=3")).toBe("2 SHAPE_MISMATCH");
});

/** Runs the kernel `twice`, which has the outputs y and z. */
function twice(...outputs: string[]): Promise<Told> {
  return json("twice", "--input", "x=x.npy", ...outputs.flatMap((output) => ["--output", output]));
}

test("annulus run writes several outputs, to files of their own or to one", async () => {
  await save("x.npy", writeNpy(vector()));
  expect((await twice("y=y.npy", "z=z.safetensors")).exit).toBe(0);
  expect(openSafetensors(await load("z.safetensors")).get("z")).toEqual(vector());
  expect((await twice("y=both.safetensors", "z=both.safetensors")).exit).toBe(0);
  expect([...openSafetensors(await load("both.safetensors")).entries.keys()]).toEqual(["y", "z"]);
  for (const output of ["q=q.npy", "y=y.txt", "y=y", "y="]) {
    const { exit, error } = await twice(output);
    expect([output, exit, error?.code]).toEqual([output, 2, "USAGE"]);
  }
  expect((await twice("y=one.npy", "z=./one.npy")).error?.code).toBe("USAGE");
});

test("annulus run finds an unwritable output before it runs, and leaves what was there", async () => {
  await save("x.npy", writeNpy(vector()));
  await mkdir(join(cwd, "folder.npy"));
  for (const output of ["none/y.npy", "folder.npy", "x.npy/y.npy"]) {
    // The endless kernel would be told by another code.
    const outcome = await refusal("endless", "--input", "x=x.npy", "--output", `y=${output}`);
    expect(outcome).toBe("1 OUTPUT_UNWRITABLE");
  }
  await save("y.npy", Uint8Array.of(7));
  const failed = await refusal("trap", "--input", "x=x.npy", "--output", "y=y.npy");
  expect(failed).toBe("4 KERNEL_MEMORY");
  expect(await load("y.npy")).toEqual(Buffer.of(7));
  expect((await readdir(cwd)).toSorted()).toEqual(["folder.npy", "x.npy", "y.npy"]);
});

test("annulus run refuses tensors beyond a kernel's memory, and files beyond what Node reads", async () => {
  const data = new Float32Array(2 ** 19); // 2 MiB in and 2 MiB out: the 64 pages hold the module too.
  await save("large.npy", writeNpy({ dtype: "f32", shape: [data.length], data }));
  expect(await refusal("copy", "--input", "x=large.npy")).toBe("4 OUT_OF_MEMORY");
  await save("huge.npy", new Uint8Array());
  await truncate(join(cwd, "huge.npy"), 2 ** 31 - 1); // Sparse: it takes no space.
  expect(await refusal("copy", "--input", "x=huge.npy")).toBe("2 TENSOR_FILE_TOO_LARGE");
});

test("annulus run stops a kernel at the budget asked for, and no later than its grant", async () => {
  await save("x.npy", writeNpy(vector()));
  const endless = (...argv: string[]) => json("endless", "--input", "x=x.npy", ...argv);
  const { exit, error } = await endless("--budget-ms", "30");
  expect([exit, error?.code]).toEqual([4, "KERNEL_DEADLINE"]);
  const small = await endless("--preset", "embedded"); // 100 ticks of 1 ms.
  expect([small.exit, small.error?.code]).toEqual([4, "KERNEL_DEADLINE"]);
  const input = ["--input", "x=x.npy", "--budget-ms"];
  expect((await json("copy", ...input, "25"))["budget"]).toMatchObject({
    ticks: 3,
    ticks_asked: 3,
  });
  const wide = await run("copy", ...input, "999999");
  expect(wide.out).toContain("of 6000 ticks of 10 ms used; 100000 were asked for");
});

test("annulus run says which inputs are missing, and which it does not know", async () => {
  await save("x.npy", writeNpy(vector()));
  const { exit, error } = await json("copy");
  expect(exit).toBe(2);
  expect(error).toMatchObject({
    code: "USAGE",
    expected: "x: f32 [n]",
    fix: "Pass --input x=FILE.",
  });
  expect(await refusal("copy", "--input", "x=x.npy", "--input", "w=x.npy")).toBe("2 USAGE");
});

test.each([
  [["--input", "x"]],
  [["--input", "=x.npy"]],
  [["--input", "x=x.npy", "--input", "x=x.npy"]],
  [["--input", "x=x.npy", "--repeat", "0"]],
  [["--input", "x=x.npy", "--repeat", "1.5"]],
  [["--input", "x=x.npy", "--repeat", "10000001"]],
  [["--input", "x=x.npy", "--budget-ms", "0"]],
  [["--input", "x=x.npy", "--budget-ms", "-1"]],
  [["--input", "x=x.npy", "--preset", "toaster"]],
  [["--input", "x=x.npy", "another"]],
])("annulus run copy %j is a mistake of usage", async (argv) => {
  expect(await refusal("copy", ...argv)).toBe("2 USAGE");
});
