// The verbs that show variants, on the core pack.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { hasFeature } from "../pack/mod.ts";
import { writeNpy } from "../tensor/mod.ts";
import { annulus } from "./command.fixture.ts";
import { CORE_PACK } from "./core-pack.ts";

let cwd = "";
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), "annulus-variants-"));
  const data = Float32Array.of(1, -2, 3);
  await writeFile(join(cwd, "x.npy"), writeNpy({ dtype: "f32", shape: [1, 3], data }));
});
afterAll(() => rm(cwd, { recursive: true }));

const BEST = hasFeature("relaxed-simd") ? "relaxed" : "baseline";
const SWIGLU = ["swiglu_f32", "--input", "gate=x.npy", "--input", "up=x.npy", "--allow-unsigned"];

const run = (...options: string[]) => annulus(cwd, "run", ...SWIGLU, ...options);

interface Shown {
  readonly id: string;
  readonly variants: readonly Readonly<Record<string, unknown>>[];
}

/** What `annulus pack VERB` tells of swiglu_f32. */
async function shownBy(...argv: string[]): Promise<Shown> {
  const { out } = await annulus(cwd, "pack", ...argv, "--json");
  const { kernels } = JSON.parse(out) as { readonly kernels: readonly Shown[] };
  return kernels.find(({ id }) => id === "swiglu_f32")!;
}

test("annulus run takes the variant that fits, or the baseline where told, and says which", async () => {
  const cases = [
    [[], BEST],
    [["--variant", "baseline"], "baseline"],
    [["--preset", "embedded"], "embedded"],
  ] as const;
  for (const [options, variant] of cases) {
    const { exit, out } = await run(...options, "--json");
    expect(exit).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ kernel: { id: "swiglu_f32", variant } });
    const text = await run(...options);
    expect(text.out).toMatch(new RegExp(`^kernel {2}swiglu_f32, ${variant}, sha256:`, "m"));
  }
});

test("annulus run refuses a choice of variant that there is not, and a baseline that cannot run", async () => {
  expect((await run("--variant", "fastest")).exit).toBe(2);
  const { exit, err } = await run("--variant", "baseline", "--preset", "embedded");
  expect(exit).toBe(3);
  expect(err).toContain("a use of simd");
});

test("annulus pack inspect and verify show each variant with its features and its hash", async () => {
  const inspected = await shownBy("inspect", CORE_PACK);
  expect(inspected.variants).toMatchObject([
    { id: "relaxed", features: ["relaxed-simd", "simd"], module: "matches its hash" },
    { id: "embedded", features: [], module: "matches its hash" },
  ]);
  const verified = await shownBy("verify", CORE_PACK, "--allow-unsigned");
  expect(verified.variants.map(({ variant, hash }) => ({ id: variant, hash }))).toEqual(
    inspected.variants.map(({ id, hash }) => ({ id, hash })),
  );
  const { out } = await annulus(cwd, "pack", "inspect", CORE_PACK);
  expect(out).toMatch(/^ {4}embedded +no feature +sha256:[0-9a-f]{64} +matches its hash$/m);
});

test("annulus doctor says which variant of each core kernel runs here", async () => {
  const { out } = await annulus(cwd, "doctor");
  expect(out).toContain(BEST === "relaxed" ? "swiglu_f32 (relaxed)" : "swiglu_f32,");
});
