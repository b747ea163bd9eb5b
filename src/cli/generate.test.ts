import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { reference, TINY_LLAMA } from "../../test/tiny-llama.fixture.ts";
import { kernelHash } from "../pack/mod.ts";
import { kernelModule } from "../sandbox/kernel.fixture.ts";
import { CORE_PACK } from "./core-pack.ts";
import { annulus, type Outcome } from "./command.fixture.ts";

let cwd = "";
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), "annulus-generate-"));
});
afterAll(() => rm(cwd, { recursive: true }));

const expected = await reference();
const { prompt, greedy_text: text } = expected.prompts[1]!;

function generate(...argv: string[]): Promise<Outcome> {
  return annulus(cwd, "generate", "--model", TINY_LLAMA, "--prompt", prompt, ...argv);
}

function drawn(seed: string): Promise<Outcome> {
  const chance = ["--temperature", "1.5", "--top-p", "0.95", "--seed", seed];
  return generate("--allow-unsigned", "--max-tokens", "40", ...chance);
}

/** What a script sees of a refusal. */
async function refusal(...argv: string[]): Promise<string> {
  const { exit, out } = await annulus(cwd, "generate", ...argv, "--json");
  const { error } = JSON.parse(out) as { readonly error: { readonly code: string } };
  return `${exit} ${error.code}`;
}

test("annulus generate writes the text alone to standard output, and the summary beside it", async () => {
  const { exit, out, err } = await generate("--max-tokens", "96", "--allow-unsigned");
  expect(exit).toBe(0);
  expect(prompt + out).toBe(`${text}\n`);
  expect(err).toMatch(/^text {4}96 tokens, .* tokens\/s, ended at --max-tokens$/m);
  expect(err).toMatch(
    /sandboxed [\d.]+ % \(.*rmsnorm_f32 [\d.]+ %.*\), native .*products.*, host /,
  );
  expect(err).toContain("UNSIGNED");
});

test("annulus generate --json tells one document with text, tokens and times", async () => {
  const { exit, out } = await generate("--max-tokens", "5", "--allow-unsigned", "--json");
  const told = JSON.parse(out) as Record<string, unknown>;
  expect(exit).toBe(0);
  expect(told).toMatchObject({
    ok: true,
    ended: "tokens",
    text: text.slice(prompt.length, prompt.length + 5),
    prompt_tokens: [...Buffer.from(prompt)],
    seed: null,
    cache_bytes_per_token: 6 * 2 * 2 * 32 * 4,
  });
  expect(told["time"]).toContainEqual(
    expect.objectContaining({ what: "rope_f32", worker: "sandbox", calls: 6 * 5 }),
  );
});

test.each(["adapter", "adapter/adapter_model.safetensors"])(
  "annulus generate --lora takes %s",
  async (path) => {
    const { greedy_text: adapted } = expected.adapter[1]!;
    const lora = join(TINY_LLAMA, path);
    const { out, err } = await generate("--allow-unsigned", "--max-tokens", "96", "--lora", lora);
    expect(prompt + out).toBe(`${adapted}\n`);
    expect(err).toContain("lora_apply_f32");
  },
);

test("annulus generate --kv q8_0 packs and unpacks in the sandbox", async () => {
  const { exit, err } = await generate("--allow-unsigned", "--max-tokens", "5", "--kv", "q8_0");
  expect(exit).toBe(0);
  expect(err).toMatch(/sandboxed .*kv_unpack_q8 .*native/);
});

/** A copy of the core pack, unsigned, whose norm traps at every call. */
async function packWithBrokenNorm(): Promise<string> {
  const folder = join(cwd, "broken");
  await cp(CORE_PACK, folder, { recursive: true });
  const file = join(folder, "kernels.json");
  const manifest = JSON.parse(await readFile(file, "utf8")) as {
    readonly kernels: readonly { readonly id: string; readonly path: string }[];
  };
  const module = await kernelModule({ forward: "unreachable" });
  const hash = await kernelHash(module);
  const kernels = manifest.kernels.map((entry) => {
    return entry.id === "rmsnorm_f32"
      ? { ...entry, entry_point: "forward", hash, variants: undefined }
      : entry;
  });
  const { path } = kernels.find(({ id }) => id === "rmsnorm_f32")!;
  await writeFile(join(folder, path), module);
  await writeFile(file, JSON.stringify({ ...manifest, kernels }));
  return folder;
}

test("annulus generate goes on where a kernel traps, and says so", async () => {
  const pack = await packWithBrokenNorm();
  const { exit, out, err } = await generate(
    "--max-tokens",
    "96",
    "--allow-unsigned",
    "--pack",
    pack,
  );
  expect(exit).toBe(0);
  expect(prompt + out).toBe(`${text}\n`);
  expect(err).toMatch(
    /^DEGRADED +rmsnorm_f32 failed: \d+ calls computed by the reference rmsnorm_/m,
  );
  expect(err).toMatch(/host .*instead of rmsnorm_f32/);
});

test("annulus generate opts into what runs outside the sandbox, and logs it", async () => {
  const { err } = await generate("--max-tokens", "3", "--allow-unsigned", "--audit", "audit.log");
  expect(err).toMatch(
    /^bypass +native, .*attention \(attention\) 18 calls, .*products \(native\)/m,
  );
  const log = await readFile(join(cwd, "audit.log"), "utf8");
  const events = log
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(events.filter(({ type }) => type === "bypass-admitted")).toMatchObject([
    { kind: "attention", optedInBy: "annulus generate" },
    { kind: "native", optedInBy: "annulus generate" },
  ]);
});

test("annulus generate draws the same text again for the same seed", async () => {
  const [first, again, other] = [await drawn("7"), await drawn("7"), await drawn("8")];
  expect(again.out).toBe(first.out);
  expect(other.out).not.toBe(first.out);
});

test("annulus generate ends where the model's context is full", async () => {
  const long = "a".repeat(250);
  const argv = ["--model", TINY_LLAMA, "--allow-unsigned", "--max-tokens", "20", "--json"];
  const { out } = await annulus(cwd, "generate", ...argv, "--prompt", long);
  expect(JSON.parse(out)).toMatchObject({ ended: "context" });
  expect((JSON.parse(out) as { readonly tokens: readonly number[] }).tokens.length).toBe(7);
  const tooLong = await annulus(cwd, "generate", ...argv, "--prompt", "a".repeat(257));
  expect(tooLong.exit).toBe(2);
  expect(tooLong.out).toContain("CONTEXT_FULL");
});

test("annulus generate refuses what it cannot use, each with its code", async () => {
  const model = ["--model", TINY_LLAMA];
  const asked = [...model, "--prompt", "x"];
  const unsigned = "--allow-unsigned";
  expect(await refusal(...asked)).toBe("3 PACK_UNSIGNED");
  expect(await refusal("--prompt", "x", unsigned)).toBe("2 USAGE");
  expect(await refusal(...model, unsigned)).toBe("2 USAGE");
  expect(await refusal(...asked, unsigned, "--kv", "f8")).toBe("2 USAGE");
  expect(await refusal(...asked, unsigned, "--top-p", "0")).toBe("2 USAGE");
  expect(await refusal(...asked, unsigned, "--temperature", "-1")).toBe("2 USAGE");
  for (const wrong of ["0", "-1", "1.5", "many"])
    expect(await refusal(...asked, unsigned, "--max-tokens", wrong)).toBe("2 USAGE");
  for (const wrong of ["1.01", "-0.1", "NaN"])
    expect(await refusal(...asked, unsigned, "--top-p", wrong)).toBe("2 USAGE");
  for (const wrong of ["101", "hot", ""])
    expect(await refusal(...asked, unsigned, "--temperature", wrong)).toBe("2 USAGE");
  expect(await refusal(...asked, unsigned, "--lora", cwd)).toBe("2 MODEL_MISMATCH");
  const { err } = await annulus(cwd, "generate", ...asked, unsigned, "--lora", "nowhere");
  expect(err).toContain("an adapter's folder, with adapter_config.json");
  expect(await refusal("--model", "nowhere", "--prompt", "x", unsigned)).toBe("2 INPUT_UNREADABLE");
  expect(await refusal("--model", cwd, "--prompt", "x", unsigned)).toBe("2 MODEL_MISMATCH");
});

/** The refusal of tiny-llama's folder with one file changed, or gone where `change` gives undefined. */
async function changedFile(
  file: string,
  change: (bytes: Buffer) => Uint8Array | string | undefined,
  ...argv: string[]
): Promise<string> {
  const folder = await mkdtemp(join(cwd, "changed-"));
  await cp(TINY_LLAMA, folder, { recursive: true });
  const changed = change(await readFile(join(folder, file)));
  if (changed === undefined) await rm(join(folder, file));
  else await writeFile(join(folder, file), changed);
  return refusal("--model", folder, "--prompt", "x", "--allow-unsigned", ...argv);
}

const replaced = (from: string, to: string) => (bytes: Buffer) =>
  bytes.toString().replace(from, to);
const cut = (bytes: Buffer) => bytes.subarray(0, bytes.length - 1);
const gone = () => undefined;
const adapted = ["--lora", join(TINY_LLAMA, "adapter")];

test.each<[string, string, (bytes: Buffer) => Uint8Array | string | undefined, string, string[]]>([
  ["no config", "config.json", gone, "2 MODEL_MISMATCH", []],
  ["a config that is cut off", "config.json", cut, "2 MODEL_FILE_INVALID", []],
  ["another architecture", "config.json", replaced("LlamaFor", "Other"), "2 MODEL_UNSUPPORTED", []],
  [
    "an adapter for other widths",
    "config.json",
    replaced("512", "504"),
    "2 MODEL_MISMATCH",
    adapted,
  ],
  ["another model's weights", "config.json", replaced("512", "504"), "2 MODEL_MISMATCH", []],
  ["no tokenizer", "tokenizer.json", gone, "2 MODEL_MISMATCH", []],
  ["a tokenizer that is none", "tokenizer.json", () => "{}", "2 MODEL_FILE_INVALID", []],
  ["a larger tokenizer", "config.json", replaced(": 256,", ": 255,"), "2 MODEL_MISMATCH", []],
  ["no weights", "model.safetensors", gone, "2 MODEL_MISMATCH", []],
  ["weights that are cut off", "model.safetensors", cut, "2 TENSOR_FILE_INVALID", []],
  ["weights that are none", "model.safetensors", () => "weights", "2 TENSOR_FILE_INVALID", []],
])("annulus generate refuses %s", async (_, file, change, code, argv) => {
  expect(await changedFile(file, change, ...argv)).toBe(code);
});

test("annulus generate refuses an empty prompt where the model has no token to begin with", async () => {
  const asked = ["--model", TINY_LLAMA, "--prompt", "", "--allow-unsigned"];
  expect(await refusal(...asked)).toBe("2 USAGE");
});
