import { expect, test } from "vitest";
import { PACK_LIMITS } from "../base/mod.ts";
import { buildPack } from "./build.ts";
import { kernelHash } from "./digest.ts";
import { failureIn, failureOf } from "./failure-of.fixture.ts";
import { memoryFiles } from "./files.ts";
import { parseManifest, printManifest, validateForVerify } from "./manifest.ts";
import type { PackSource } from "./manifest-schema.ts";
import { SAMPLE, sampleWith } from "./sample-manifest.fixture.ts";
import { hostTrusting, moduleOf, signedPack } from "./signed-pack.fixture.ts";
import { modulesOf } from "./variants.ts";
import { verifyPack } from "./verify.ts";

const RELAXED = { id: "relaxed", path: "rope/relaxed.wasm", features: ["simd", "relaxed-simd"] };
const PLAIN = { id: "embedded", path: "rope/embedded.wasm", features: [] };
const AT = ["kernels", 0, "variants"] as const;

const withHash = async <Draft extends object>(draft: Draft, mark: number) => ({
  ...draft,
  hash: await kernelHash(moduleOf(mark)),
});

/** The sample, with the plain variant before the relaxed one, and the files of both. */
async function packOf(changes: { readonly platforms?: object } = {}) {
  const variants = [await withHash(PLAIN, 2), await withHash(RELAXED, 1)];
  const files = await signedPack({ kernel: { variants, ...changes } });
  return files.set(RELAXED.path, moduleOf(1)).set(PLAIN.path, moduleOf(2));
}

const parsed = (variants: unknown) => parseManifest(sampleWith([AT, variants]));
const faults = (variants: unknown) =>
  failureOf(() => parsed(variants)).issues.map(({ code, at }) => `${code} ${at}`);
const draft = (changes: object = {}) => ({ ...RELAXED, hash: "sha256:1", ...changes });

const many = (count: number) =>
  Array.from({ length: count }, (_, i) => draft({ id: `v${i}`, path: `v${i}.wasm` }));

test("modulesOf() puts what asks more than the baseline before it, and the rest behind", async () => {
  const pack = await verifyPack(memoryFiles(await packOf()), await hostTrusting());
  const [kernel] = pack.kernels;
  expect(kernel!.modules.map(({ variant }) => variant)).toEqual([
    "relaxed",
    "baseline",
    "embedded",
  ]);
  expect(kernel!.modules[1]!.features).toEqual(["simd", "bulk-memory"]);
  expect(modulesOf(parseManifest(sampleWith()).kernels[0]!)).toHaveLength(1);
});

test("verifyPack() reads, hashes and keeps every variant, and leaves nothing of it open", async () => {
  const files = await packOf();
  const pack = await verifyPack(memoryFiles(files), await hostTrusting());
  expect(pack.warnings).toEqual([]);
  const kernel = pack.kernels[0]!;
  for (const { path, variant, hash } of kernel.modules) {
    const bytes = kernel.copyBytes(variant);
    expect(bytes).toEqual(files.get(path));
    expect(await kernelHash(bytes)).toBe(hash);
    bytes.fill(0);
    expect(await kernelHash(kernel.copyBytes(variant))).toBe(hash);
  }
  expect(Object.isFrozen(kernel.modules) && kernel.modules.every(Object.isFrozen)).toBe(true);
  expect(kernel.copyBytes()).toEqual(moduleOf(0));
  const failure = failureOf(() => kernel.copyBytes("toString"));
  expect(failure.message).toContain("one of relaxed, baseline, embedded");
});

test("parseManifest() takes packs without variants as before, and prints variants as it read them", () => {
  expect(parseManifest(sampleWith()).kernels[0]).not.toHaveProperty("variants");
  const manifest = parsed([draft(), { id: "plain", path: "p.wasm", hash: "sha256:2" }]);
  expect(manifest.kernels[0]!.variants![1]!.features).toEqual([]);
  expect(parseManifest(printManifest(manifest))).toEqual(manifest);
});

test.each([
  ["an id twice", [draft(), draft()], "VARIANT_ID_DUPLICATE /kernels/0/variants/1/id"],
  ["the baseline's id", [draft({ id: "baseline" })], "VARIANT_ID_TAKEN /kernels/0/variants/0/id"],
  ["no id", [draft({ id: undefined })], "KEY_MISSING /kernels/0/variants/0/id"],
  ["a path out", [draft({ path: "../x.wasm" })], "PATH_INVALID /kernels/0/variants/0/path"],
  [
    "the manifest's path",
    [draft({ path: "kernels.json" })],
    "PATH_TAKEN /kernels/0/variants/0/path",
  ],
  ["no hash", [draft({ hash: undefined })], "KEY_MISSING /kernels/0/variants/0/hash"],
  [
    "the baseline's path with another hash",
    [draft({ path: SAMPLE.kernels[0]!.path })],
    "PATH_CONFLICT /kernels/0/variants/0/path",
  ],
  [
    "features that are no list",
    [draft({ features: "simd" })],
    "TYPE_WRONG /kernels/0/variants/0/features",
  ],
])("parseManifest() refuses a variant with %s", (_, variants, fault) => {
  expect(faults(variants)).toEqual([fault]);
});

test("parseManifest() takes as many variants as its limit says, and not one more", () => {
  expect(parsed(many(PACK_LIMITS.variantsMax)).kernels[0]!.variants).toHaveLength(
    PACK_LIMITS.variantsMax,
  );
  expect(faults(many(PACK_LIMITS.variantsMax + 1))).toEqual(["TOO_MANY /kernels/0/variants"]);
});

test("validateForVerify() refuses the placeholder hash of a variant", () => {
  const failure = failureOf(() => validateForVerify(parsed([draft()]), { signed: false }));
  const at = failure.issues.map(({ at: pointer }) => pointer);
  expect(at).toEqual(["/kernels/0/hash", "/kernels/0/variants/0/hash"]);
});

test("verifyPack() lets a kernel pass whose baseline this engine cannot run, if a variant fits", async () => {
  const files = memoryFiles(await packOf());
  const options = await hostTrusting(undefined, {
    hasFeature: (feature) => !feature.includes("simd"),
  });
  expect((await verifyPack(files, options)).kernels).toHaveLength(1);

  const relaxedOnly = await signedPack({ kernel: { variants: [await withHash(RELAXED, 1)] } });
  relaxedOnly.set(RELAXED.path, moduleOf(1));
  const failure = await failureIn(verifyPack(memoryFiles(relaxedOnly), options));
  expect(failure.code).toBe("MISSING_FEATURE");
});

test("buildPack() builds each variant for its features, and fills in what the source leaves out", async () => {
  const { hash: _hash, ...kernel } = SAMPLE.kernels[0]!;
  const compiled: string[] = [];
  const source = (changes: object) => ({
    ...SAMPLE,
    author: { name: "A", email: "a@example.com" },
    kernels: [{ ...kernel, source: "k.ts", ...changes }],
  });
  const seams = {
    read: async () => moduleOf(3),
    compile: async ({
      id,
      path,
      features,
    }: {
      id: string;
      path: string;
      features?: readonly string[] | undefined;
    }) => {
      compiled.push(`${id} ${path} ${features?.join("+")}`);
      return moduleOf(features === undefined ? 0 : 1);
    },
    features: (module: Uint8Array) => (module.at(-1) === 3 ? ["threads", "simd"] : ["simd"]),
  };
  const variants = [
    { ...RELAXED, source: "k.ts" },
    { id: "read", path: "read.wasm" },
  ];
  const built = await buildPack(source({ variants }) as unknown as PackSource, seams);
  expect(compiled).toEqual([
    "rope_f32 rope/rope_f32.wasm undefined",
    "rope_f32 rope/relaxed.wasm simd+relaxed-simd",
  ]);
  expect(parseManifest(built.get("kernels.json")!).kernels[0]!.variants).toEqual([
    { ...RELAXED, hash: await kernelHash(moduleOf(1)) },
    {
      id: "read",
      path: "read.wasm",
      hash: await kernelHash(moduleOf(3)),
      features: ["simd", "threads"],
    },
  ]);
  const clash = source({ variants: [{ ...RELAXED, path: kernel.path, source: "k.ts" }] });
  const failure = await failureIn(buildPack(clash as unknown as PackSource, seams));
  expect(failure.code).toBe("PACK_SOURCE_INVALID");
  expect(failure.found).toContain("another module builds");
});
