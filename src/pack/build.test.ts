import { expect, test } from "vitest";
import { PACK_LIMITS } from "../base/mod.ts";
import { buildPack, type BuildSeams } from "./build.ts";
import { kernelHash } from "./digest.ts";
import { failureIn } from "./failure-of.fixture.ts";
import { memoryFiles } from "./files.ts";
import { parseManifest } from "./manifest.ts";
import type { PackSource } from "./manifest-schema.ts";
import { SAMPLE } from "./sample-manifest.fixture.ts";
import { hostTrusting, keyOf, moduleOf } from "./signed-pack.fixture.ts";
import { verifyPack } from "./verify.ts";

const { hash: _hash, ...KERNEL } = SAMPLE.kernels[0]!;
const SOURCE = {
  ...SAMPLE,
  author: { name: "A", email: "a@example.com" },
  kernels: [
    { ...KERNEL, source: "rope/kernel.ts" },
    { ...KERNEL, id: "copy", path: "copy/copy.wasm", platforms: {} },
  ],
  fallbacks: { rope_f32: "copy" },
} as unknown as PackSource;

const SEAMS: BuildSeams = {
  read: async () => moduleOf(2),
  compile: async () => moduleOf(1),
};

const manifestIn = (files: ReadonlyMap<string, Uint8Array>) =>
  parseManifest(files.get("kernels.json")!);
const built = async (change: object, seams: Partial<BuildSeams> = {}) =>
  buildPack({ ...SOURCE, ...change } as PackSource, { ...SEAMS, ...seams });
const features = (module: Uint8Array) => (module.at(-1) === 2 ? ["simd", "bulk-memory"] : []);
const reading = (bytes: number) => ({ read: async () => new Uint8Array(bytes) });

test("buildPack() compiles, reads, hashes and prints, and what it made verifies once signed", async () => {
  const key = await keyOf(1);
  const files = new Map(await built({}, { signingKey: key.publicText }));
  expect([...files.keys()]).toEqual(["kernels.json", "copy/copy.wasm", "rope/rope_f32.wasm"]);
  const manifest = manifestIn(files);
  expect(manifest.kernels.map(({ hash }) => hash)).toEqual([
    await kernelHash(moduleOf(1)),
    await kernelHash(moduleOf(2)),
  ]);
  expect(manifest.author.signing_key).toBe(key.publicText);
  expect(manifest.kernels[0]).not.toHaveProperty("source");
  files.set("kernels.json.sig", await key.sign(files.get("kernels.json")!));
  const pack = await verifyPack(memoryFiles(files), await hostTrusting());
  expect(pack.warnings).toEqual([]);
});

test("buildPack() gives the same bytes for the same source, whatever the order of its keys", async () => {
  const reversed = Object.fromEntries(Object.entries(SOURCE).toReversed());
  expect(await built({})).toEqual(await built({}));
  const again = await buildPack(reversed as unknown as PackSource, SEAMS);
  expect(again).toEqual(await built({}));
});

test("buildPack() fills in the features that a module uses where the source names none", async () => {
  const [rope, copy] = manifestIn(await built({}, { features })).kernels;
  expect(rope!.platforms["wasmtime"]!.features).toEqual(["simd", "bulk-memory"]);
  expect(rope!.platforms["node"]).toMatchObject({ min_version: "24.0.0", features: [] });
  expect(copy!.platforms["node"]!.features).toEqual(["bulk-memory", "simd"]);
  const named = { ...KERNEL, platforms: { node: { min_version: "25.0.0", features: ["gc"] } } };
  const kept = manifestIn(await built({ kernels: [named], fallbacks: {} }, { features }));
  expect(kept.kernels[0]!.platforms["node"]).toMatchObject({
    min_version: "25.0.0",
    features: ["gc"],
  });
});

test("buildPack() refuses a source with faults, and names them all", async () => {
  const failure = await failureIn(built({ version: "1", created_at: "now" }));
  expect(failure.code).toBe("PACK_SOURCE_INVALID");
  expect(failure.issues.map(({ code }) => code)).toEqual(["VERSION_INVALID", "TIMESTAMP_INVALID"]);
  const twins = { kernels: [SOURCE.kernels[0], SOURCE.kernels[0]], fallbacks: {} };
  expect((await failureIn(built(twins))).issues).toMatchObject([{ code: "KERNEL_ID_DUPLICATE" }]);
});

test("buildPack() refuses one path that two kernels build from different sources", async () => {
  const [rope, copy] = SOURCE.kernels;
  const shared = { kernels: [rope, { ...copy, path: rope!.path }], fallbacks: {} };
  expect((await failureIn(built(shared))).code).toBe("PACK_SOURCE_INVALID");
  const same = { kernels: [rope, { ...rope, id: "again" }], fallbacks: {} };
  expect((await built(same)).size).toBe(2);
});

test("buildPack() refuses a module larger than a host would read", async () => {
  const max = PACK_LIMITS.kernelBytesMax;
  expect((await built({}, reading(max))).get("copy/copy.wasm")).toHaveLength(max);
  expect((await failureIn(built({}, reading(max + 1)))).code).toBe("PACK_TOO_LARGE");
});
