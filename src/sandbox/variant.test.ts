import { expect, test } from "vitest";
import { failureIn, failureOf } from "../pack/failure-of.fixture.ts";
import { hasFeature } from "../pack/mod.ts";
import { kernelModule, stillSandbox, verified } from "./kernel.fixture.ts";
import { PRESETS } from "./presets.ts";
import type { SandboxOptions } from "./sandbox.ts";
import { KernelError } from "./trap.ts";
import { EMBEDDED, kernelWith, RELAXED, RESULTS, TEXTS, writing } from "./variant.fixture.ts";
import { chooseModule, deniedTo } from "./variant.ts";

const NOTHING: ReadonlySet<string> = new Set();
const RELAXED_HERE = { node: { min_version: "24.0.0", features: [...RELAXED.features] } };
const X = { inputs: { x: { shape: [1], data: new Float32Array(1) } } };

/** Which module a sandbox of these options runs: as it says, and as it computes. */
async function ranBy(options: SandboxOptions, variants = [EMBEDDED, RELAXED]): Promise<string> {
  await using sandbox = await stillSandbox(options);
  const kernel = await sandbox.load(await kernelWith(variants));
  const [result] = kernel.call(X)["y"]!.data as Float32Array;
  expect(result).toBe(RESULTS[kernel.variant as keyof typeof RESULTS]);
  return kernel.variant;
}

test("chooseModule() takes what asks most of all that the engine has", async () => {
  const kernel = await kernelWith([EMBEDDED, RELAXED]);
  const chosen = (...lacking: string[]) =>
    chooseModule(kernel, "auto", NOTHING, (name) => !lacking.includes(name)).variant;
  expect(chosen()).toBe("relaxed");
  expect(chosen("relaxed-simd")).toBe("baseline");
  expect(chosen("simd", "relaxed-simd")).toBe("embedded");
  expect(chooseModule(kernel, "baseline", NOTHING, () => false).variant).toBe("baseline");
});

/** What is taken of variants, each of which needs one feature, by an engine that has all. */
async function firstOf(...ids: readonly (readonly [string, string])[]): Promise<string> {
  const variants = ids.map(([id, feature]) => ({ ...RELAXED, id, features: [feature] }));
  return chooseModule(await kernelWith(variants), "auto", NOTHING, () => true).variant;
}

test("chooseModule() keeps the manifest's order between two that fit, and skips unknown features", async () => {
  expect(await firstOf(["one", "threads"], ["two", "relaxed-simd"])).toBe("one");
  expect(await firstOf(["two", "relaxed-simd"], ["one", "threads"])).toBe("two");
  expect(await firstOf(["one", "telepathy"])).toBe("baseline");
});

test("deniedTo() denies relaxed simd to fuel mode, where a run must repeat on every machine", () => {
  expect([...deniedTo(PRESETS.server, "epoch")]).not.toContain("relaxed-simd");
  expect([...deniedTo(PRESETS.server, "fuel")]).toContain("relaxed-simd");
});

test("Sandbox.load() runs the variant that fits, and says which", async () => {
  const best = hasFeature("relaxed-simd") ? "relaxed" : "baseline";
  expect(await ranBy({})).toBe(best);
  expect(await ranBy({ variant: "auto" })).toBe(best);
  expect(await ranBy({ variant: "baseline" })).toBe("baseline");
  expect(await ranBy({ interrupt: "fuel" })).toBe("baseline");
  expect(await ranBy({ preset: "embedded" })).toBe("embedded");
  expect(await ranBy({}, [EMBEDDED])).toBe("baseline");
});

test("Sandbox.load() names what is missing where no variant fits", async () => {
  await using sandbox = await stillSandbox({ preset: "embedded" });
  const failure = await failureIn(sandbox.load(await kernelWith([RELAXED])));
  expect(failure.code).toBe("MODULE_REFUSED");
  expect(failure.issues.map(({ code, found }) => `${code} ${found}`)).toEqual([
    "feature-denied a use of simd",
  ]);
  await using pinned = await stillSandbox({ preset: "embedded", variant: "baseline" });
  expect((await failureIn(pinned.load(await kernelWith([EMBEDDED])))).code).toBe("MODULE_REFUSED");
});

test("Sandbox.load() in fuel mode refuses a baseline that uses relaxed simd", async () => {
  const module = await kernelModule(TEXTS.relaxed);
  const kernel = await verified(module, { platforms: RELAXED_HERE });
  await using sandbox = await stillSandbox({ interrupt: "fuel" });
  const failure = await failureIn(sandbox.load(kernel));
  expect(failure.issues.map(({ code, found }) => `${code} ${found}`)).toEqual([
    "feature-denied a use of relaxed-simd",
  ]);
});

test("a trap in a variant names the variant, whose functions and offsets it reports", async () => {
  await using sandbox = await stillSandbox({ preset: "embedded" });
  const trapping = { ...EMBEDDED, text: { forward: "unreachable" } };
  const kernel = await sandbox.load(await kernelWith([trapping]));
  const error = failureOf(() => kernel.call(X));
  expect(error).toBeInstanceOf(KernelError);
  expect(error).toMatchObject({ kernel: "test", variant: "embedded" });
  expect(error.message).toContain('kernel "test", variant "embedded"');
});

test("two variants of one kernel are two modules to the cache, and each admits its own features", async () => {
  await using sandbox = await stillSandbox({ preset: "embedded" });
  const [one, two] = [await kernelWith([EMBEDDED]), await kernelWith([EMBEDDED])];
  await sandbox.load(one);
  await sandbox.load(two); // The same bytes of another pack's key.
  expect(sandbox.counts()).toMatchObject({ compiles: 1, kernels: 2, modules: 1 });
  const liar = { ...EMBEDDED, text: writing("(f32.convert_i32_s (i32.extend8_s (i32.const 1)))") };
  const failure = await failureIn(sandbox.load(await kernelWith([liar])));
  expect(failure.issues[0]).toMatchObject({
    code: "feature-undeclared",
    found: "a use of sign-ext",
  });
});
