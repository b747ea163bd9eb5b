import { expect, test } from "vitest";
import { Failure, PACK_LIMITS } from "../base/mod.ts";
import { kernelHash } from "./digest.ts";
import { failureIn, failureOf } from "./failure-of.fixture.ts";
import { memoryFiles } from "./files.ts";
import { type TrustPolicy, trustKeys } from "./keyring.ts";
import { parseManifest } from "./manifest.ts";
import {
  hostTrusting,
  keyOf,
  moduleOf,
  NOW,
  type PackChanges,
  signedPack,
} from "./signed-pack.fixture.ts";
import { writeTar } from "./tar.ts";
import { isVerifiedKernel, isVerifiedPack, verifyPack } from "./verify.ts";
import type { AuditEvent, VerifyOptions } from "./verify-options.ts";

const PATH = "rope/rope_f32.wasm";

async function verify(changes: PackChanges = {}, options: Partial<VerifyOptions> = {}) {
  const { trust, ...rest } = options;
  return verifyPack(memoryFiles(await signedPack(changes)), await hostTrusting(trust, rest));
}

async function refusal(changes: PackChanges = {}, options: Partial<VerifyOptions> = {}) {
  return failureIn(verify(changes, options));
}

async function trusting(change: Partial<TrustPolicy>, entry: object = {}): Promise<TrustPolicy> {
  const { keys } = await trustKeys((await keyOf(1)).publicKey);
  return { keys: keys.map((key) => ({ ...key, ...entry })), ...change };
}

const diskFull = () => {
  throw new Error("the disk is full");
};
const isoOf = (ms: number) => new Date(ms).toISOString();
const acceptsKey = async (entry: object) => verify({}, { trust: await trusting({}, entry) });
const refusesKey = async (entry: object) => refusal({}, { trust: await trusting({}, entry) });
const floor = async (version: string) => ({
  trust: await trusting({ minimum_versions: { "test-kernels": version, other: "9.0.0" } }),
});
const asking = (feature: string) => ({
  kernel: { platforms: { node: { min_version: "20.0.0", features: [feature] } } },
});
const withPlatforms = (platforms: object) => ({ kernel: { platforms } });
const on = (name: string) => ({ platform: { name, version: "1.0.0" } });
const needsNode = (min_version: string) => ({ kernel: { platforms: { node: { min_version } } } });

test("verifyPack() returns a pack with its kernels, from files and from a tar alike", async () => {
  const files = await signedPack();
  const { id } = await keyOf(1);
  for (const source of [memoryFiles(files), writeTar(files)]) {
    const pack = await verifyPack(source, await hostTrusting());
    expect(isVerifiedPack(pack)).toBe(true);
    expect(pack).toMatchObject({ signed: true, keyId: id, warnings: [] });
    expect(pack.kernels).toHaveLength(1);
    const kernel = pack.kernel("rope_f32");
    expect(isVerifiedKernel(kernel)).toBe(true);
    expect(kernel).toMatchObject({ packName: "test-kernels", packVersion: "1.0.0", keyId: id });
    expect(kernel.copyBytes()).toEqual(files.get(PATH));
    expect(kernel.hash).toBe(await kernelHash(kernel.copyBytes()));
  }
});

test("VerifiedPack.kernel() fails for an id that the pack does not have", async () => {
  const pack = await verify();
  for (const id of ["rope", "toString", "__proto__"]) {
    expect(failureOf(() => pack.kernel(id)).code).toBe("KERNEL_NOT_FOUND");
  }
});

test("VerifiedKernel.copyBytes() lends nothing: changing a copy changes no other", async () => {
  const kernel = (await verify()).kernel("rope_f32");
  kernel.copyBytes().fill(0);
  expect(await kernelHash(kernel.copyBytes())).toBe(kernel.hash);
});

test("verifyPack() refuses an unsigned pack, unless told otherwise, and then says so", async () => {
  const files = await signedPack();
  files.delete("kernels.json.sig");
  const events: AuditEvent[] = [];
  const audit = (event: AuditEvent) => void events.push(event);
  const closed = await hostTrusting(undefined, { audit });
  expect((await failureIn(verifyPack(memoryFiles(files), closed))).code).toBe("PACK_UNSIGNED");
  const pack = await verifyPack(memoryFiles(files), { ...closed, allowUnsigned: true });
  expect(pack).toMatchObject({ signed: false, keyId: undefined });
  expect(pack.kernel("rope_f32").keyId).toBe(undefined);
  expect(events).toMatchObject([
    { at: NOW, event: "pack-refused", code: "PACK_UNSIGNED" },
    { at: NOW, event: "unsigned-pack-accepted", pack: "test-kernels", version: "1.0.0" },
  ]);
});

test("verifyPack() judges a signature that is there, even where unsigned packs are allowed", async () => {
  const signer = await keyOf(2);
  expect((await refusal({ signer }, { allowUnsigned: true })).code).toBe("NO_TRUSTED_KEY");
});

test("verifyPack() records an acceptance, and accepts nothing that it cannot record", async () => {
  const events: AuditEvent[] = [];
  await verify({}, { audit: (event) => void events.push(event) });
  expect(events).toMatchObject([{ event: "pack-accepted", keyId: (await keyOf(1)).id }]);
  await expect(verify({}, { audit: diskFull })).rejects.toThrow("the disk is full");
});

test("verifyPack() finds the signer among several keys, and names those it tried", async () => {
  const keys = await Promise.all([3, 2, 1].map(keyOf));
  const trust = await trustKeys(...keys.map((key) => key.publicKey));
  expect((await verify({}, { trust })).keyId).toBe(keys[2]!.id);
  const strangers = { trust: { keys: trust.keys.slice(0, 2) } };
  const failure = await refusal({}, strangers);
  expect(failure.code).toBe("NO_TRUSTED_KEY");
  expect(failure.detail).toEqual({ trusted: [keys[0]!.id, keys[1]!.id] });
  expect((await refusal({}, { trust: { keys: [] } })).code).toBe("NO_TRUSTED_KEY");
});

test.each([0, 63, 65, 128])(
  "verifyPack() refuses a signature of %i bytes as malformed",
  async (length) => {
    const files = await signedPack();
    files.set("kernels.json.sig", new Uint8Array(length));
    const failure = await failureIn(verifyPack(memoryFiles(files), await hostTrusting()));
    expect(failure.code).toBe("INVALID_SIGNATURE");
  },
);

test("verifyPack() holds a key's window on both sides, to the millisecond", async () => {
  expect(await acceptsKey({ not_before: isoOf(NOW), not_after: isoOf(NOW) })).toBeDefined();
  const early = await refusesKey({ not_before: isoOf(NOW + 1) });
  expect(early.code).toBe("KEY_NOT_YET_VALID");
  expect(early.detail).toMatchObject({ required: isoOf(NOW + 1), actual: isoOf(NOW) });
  expect((await refusesKey({ not_after: isoOf(NOW - 1) })).code).toBe("KEY_EXPIRED");
});

test("verifyPack() refuses a revoked key, also one that it still lists", async () => {
  const { id } = await keyOf(1);
  const trust = await trusting({ revoked_keys: [id.toUpperCase()] });
  const failure = await refusal({}, { trust });
  expect(failure.code).toBe("KEY_REVOKED");
  expect(failure.detail).toEqual({ keyId: id });
});

test("verifyPack() refuses a revoked kernel, signed or not", async () => {
  const trust = await trusting({ revoked_kernels: [await kernelHash(moduleOf(0))] });
  expect((await refusal({}, { trust })).detail).toMatchObject({ kernel: "rope_f32" });
  expect((await refusal({}, { trust })).code).toBe("KERNEL_REVOKED");
  const files = await signedPack();
  files.delete("kernels.json.sig");
  const options = await hostTrusting(trust, { allowUnsigned: true });
  expect((await failureIn(verifyPack(memoryFiles(files), options))).code).toBe("KERNEL_REVOKED");
});

test("verifyPack() refuses a manifest whose author is not its signer", async () => {
  const other = await keyOf(2);
  const author = { name: "A", email: "a@example.com", signing_key: other.publicText };
  const trust = await trustKeys((await keyOf(1)).publicKey, other.publicKey);
  expect((await refusal({ manifest: { author } }, { trust })).code).toBe("KEY_MISMATCH");
});

test("verifyPack() takes the author's key in any form, when it is the signer's", async () => {
  const { publicText } = await keyOf(1);
  const signing_key = publicText.slice("ed25519:".length).replace("=", "");
  const author = { name: "A", email: "a@example.com", signing_key };
  expect(await verify({ manifest: { author } })).toBeDefined();
});

test("verifyPack() refuses a placeholder hash, and a hash of other bytes", async () => {
  expect((await refusal({ kernel: { hash: "sha256:abc123" } })).code).toBe("MANIFEST_INVALID");
  const expected = await kernelHash(moduleOf(1));
  const failure = await refusal({ kernel: { hash: expected } });
  expect(failure.code).toBe("HASH_MISMATCH");
  const actual = await kernelHash(moduleOf(0));
  expect(failure.detail).toEqual({ kernel: "rope_f32", variant: "baseline", expected, actual });
});

test("verifyPack() takes a hash in upper case and prints it in lower case", async () => {
  const hash = await kernelHash(moduleOf(0));
  const upper = `sha256:${hash.slice(7).toUpperCase()}`;
  expect((await verify({ kernel: { hash: upper } })).kernel("rope_f32").hash).toBe(hash);
});

test("verifyPack() refuses a pack below the lowest version accepted, and takes that version", async () => {
  expect(await verify({}, await floor("1.0.0"))).toBeDefined();
  const failure = await refusal({}, await floor("1.0.1"));
  expect(failure.code).toBe("PACK_DOWNGRADE");
  expect(failure.detail).toEqual({ pack: "test-kernels", required: "1.0.1", actual: "1.0.0" });
  const preview = { manifest: { version: "1.0.0-rc.1" } };
  expect((await refusal(preview, await floor("1.0.0"))).code).toBe("PACK_DOWNGRADE");
  const tenth = { manifest: { version: "0.10.0" } };
  expect(await verify(tenth, await floor("0.9.0"))).toBeDefined();
});

test.each([
  ["0.5.0", undefined],
  ["1.0.0", undefined],
  ["0.10.0", undefined],
  ["0.5.0+build.7", undefined],
  ["0.4.9", "RUNTIME_TOO_OLD"],
  ["0.5.0-rc.1", "RUNTIME_TOO_OLD"],
  ["1.0.1", "RUNTIME_TOO_NEW"],
  ["1.0.1-rc.1", "RUNTIME_TOO_NEW"],
])("verifyPack() in the window 0.5.0 to 1.0.0, by runtime %s: %s", async (runtimeVersion, code) => {
  const outcome = verify({}, { runtimeVersion });
  if (code === undefined) expect(await outcome).toBeDefined();
  else expect((await failureIn(outcome)).code).toBe(code);
});

test("a refused runtime window says what it needs and what is there", async () => {
  expect((await refusal({}, { runtimeVersion: "0.4.0" })).detail).toEqual({
    required: "0.5.0",
    actual: "0.4.0",
  });
  expect((await refusal({}, { runtimeVersion: "1.1.0" })).detail).toEqual({
    max_supported: "1.0.0",
    actual: "1.1.0",
  });
});

test("verifyPack() refuses features that the engine lacks, or that nobody knows", async () => {
  const failure = await refusal({}, { hasFeature: (feature) => feature !== "bulk-memory" });
  expect(failure.code).toBe("MISSING_FEATURE");
  expect(failure.detail).toEqual({ kernel: "rope_f32", feature: "bulk-memory" });
  expect((await refusal(asking("fp16"))).code).toBe("MISSING_FEATURE");
  expect((await refusal(asking("telepathy"), { hasFeature: () => true })).code).toBe(
    "MISSING_FEATURE",
  );
  expect(await verify(asking("simd"))).toBeDefined();
});

test("verifyPack() asks the host's own platform first, then the engine it stands in for", async () => {
  const impossible = { min_version: "1.0.0", features: ["fp16"] };
  const easy = { min_version: "1.0.0" };
  expect(await verify(withPlatforms({ node: easy, wasmtime: impossible }))).toBeDefined();
  const other = withPlatforms({ node: impossible, wamr: impossible, wasmtime: easy });
  expect(await verify(other, on("browser"))).toBeDefined();
  expect((await refusal(other, on("embedded"))).code).toBe("MISSING_FEATURE");
  const foreign = await verify(withPlatforms({ wamr: impossible }));
  expect(foreign.warnings).toMatchObject([{ code: "PLATFORM_UNNAMED" }]);
});

test("verifyPack() holds a platform's lowest version, but not against an alias", async () => {
  expect(await verify(needsNode("24.0.0"))).toBeDefined();
  const failure = await refusal(needsNode("24.0.1"));
  expect(failure.code).toBe("PLATFORM_TOO_OLD");
  expect(failure.detail).toMatchObject({ required: "24.0.1", actual: "24.0.0" });
  const wasmtime = { kernel: { platforms: { wasmtime: { min_version: "99.0.0" } } } };
  expect(await verify(wasmtime)).toBeDefined();
});

test("verifyPack() holds each ceiling on both sides, and only warns of a long budget", async () => {
  const limits = {
    ...{ max_memory_pages: 256, max_epoch_ticks: 1000, max_table_elements: 1024 },
    ...{ max_stack_size: 4096, max_globals: 8 },
  };
  const kernel = { resource_limits: limits };
  expect(await verify({ kernel }, { ceilings: limits })).toMatchObject({ warnings: [] });
  for (const limit of [
    "max_memory_pages",
    "max_table_elements",
    "max_stack_size",
    "max_globals",
  ] as const) {
    const ceilings = { ...limits, [limit]: limits[limit] - 1 };
    const failure = await refusal({ kernel }, { ceilings });
    expect(failure.code).toBe("LIMIT_EXCEEDED");
    expect(failure.detail).toEqual({
      kernel: "rope_f32",
      limit,
      required: limits[limit],
      actual: limits[limit] - 1,
    });
  }
  const short = await verify({ kernel }, { ceilings: { max_epoch_ticks: 999 } });
  expect(short.warnings).toMatchObject([{ code: "BUDGET_CLAMPED" }]);
});

test("verifyPack() takes a fallback in the pack or on the host, and no other", async () => {
  const manifest = { fallbacks: { rope_f32: "rope_reference" } };
  const failure = await refusal({ manifest });
  expect(failure.code).toBe("FALLBACK_UNKNOWN");
  expect(failure.detail).toEqual({ kernel: "rope_f32", fallback: "rope_reference" });
  const pack = await verify({ manifest }, { references: new Set(["rope_reference"]) });
  expect(pack.fallback("rope_f32")).toBe("rope_reference");
});

test("verifyPack() refuses a pack without its manifest or a module", async () => {
  for (const path of ["kernels.json", PATH]) {
    const files = await signedPack();
    files.delete(path);
    const failure = await failureIn(verifyPack(memoryFiles(files), await hostTrusting()));
    expect(failure.code).toBe("PACK_UNREADABLE");
    expect(failure.at).toBe(path);
  }
});

test("verifyPack() warns of unknown keys and of files that nobody signed", async () => {
  const files = await signedPack({ manifest: { licence: "MIT" } });
  files.set("notes.txt", new Uint8Array(1));
  const pack = await verifyPack(memoryFiles(files), await hostTrusting());
  expect(pack.warnings.map((issue) => `${issue.code} ${issue.at}`)).toEqual([
    "KEY_UNKNOWN /licence",
    "FILE_UNEXPECTED /notes.txt",
  ]);
});

test("verifyPack() reads a module that two kernels share once", async () => {
  const base = JSON.parse(new TextDecoder().decode((await signedPack()).get("kernels.json")));
  const twin = { ...base.kernels[0], id: "rope_again", entry_point: "again" };
  const files = memoryFiles(await signedPack({ manifest: { kernels: [base.kernels[0], twin] } }));
  const reads: string[] = [];
  const counting = {
    list: () => files.list(),
    read: (path: string, bytesMax: number) => (reads.push(path), files.read(path, bytesMax)),
  };
  const pack = await verifyPack(counting, await hostTrusting());
  expect(pack.kernels.map(({ entry }) => entry.id)).toEqual(["rope_f32", "rope_again"]);
  expect(reads).toEqual(["kernels.json", "kernels.json.sig", PATH]);
});

test("verifyPack() bounds each file, also from a source that ignores its bound", async () => {
  for (const [path, max] of [
    ["kernels.json", PACK_LIMITS.manifestBytesMax],
    ["kernels.json.sig", PACK_LIMITS.signatureFileBytesMax],
    [PATH, PACK_LIMITS.kernelBytesMax],
  ] as const) {
    const files = await signedPack();
    files.set(path, new Uint8Array(max + 1));
    const careless = {
      list: async () => [...files.keys()],
      read: async (name: string) => files.get(name)!,
    };
    for (const source of [memoryFiles(files), careless]) {
      expect((await failureIn(verifyPack(source, await hostTrusting()))).code).toBe(
        "PACK_TOO_LARGE",
      );
    }
  }
});

/** A pack of a hundred kernels, each of a module of its own. */
async function hundred(): Promise<Map<string, Uint8Array>> {
  const [kernel] = parseManifest((await signedPack()).get("kernels.json")!).kernels;
  const modules = Array.from({ length: 100 }, (_, i) => moduleOf(i));
  const kernels = modules.map(async (module, i) => {
    return { ...kernel, id: `k${i}`, path: `k${i}.wasm`, hash: await kernelHash(module) };
  });
  const files = await signedPack({ manifest: { kernels: await Promise.all(kernels) } });
  modules.forEach((module, i) => files.set(`k${i}.wasm`, module));
  return files;
}

/** `files` as a source that answers in an order of its own, and counts what it is asked at a time. */
function slowly(files: ReadonlyMap<string, Uint8Array>, turnsOf: (path: string) => number) {
  const plain = memoryFiles(files);
  const counts = { open: 0, most: 0, reads: 0 };
  const read = async (path: string, bytesMax: number) => {
    counts.reads++;
    counts.most = Math.max(counts.most, ++counts.open);
    for (let turns = turnsOf(path); turns > 0; turns--) await Promise.resolve();
    try {
      return await plain.read(path, bytesMax);
    } finally {
      counts.open--;
    }
  };
  return { source: { list: plain.list, read }, counts };
}

test("verifyPack() reads a hundred modules, some at a time, in whatever order they come", async () => {
  const files = await hundred();
  for (const turnsOf of [
    () => 9,
    (path: string) => (path.length * 7 + path.charCodeAt(2) * 13) % 50,
  ]) {
    const { source, counts } = slowly(files, turnsOf);
    const pack = await verifyPack(source, await hostTrusting());
    expect(pack.kernels.map(({ entry }) => entry.id)).toEqual(
      Array.from({ length: 100 }, (_, i) => `k${i}`),
    );
    pack.kernels.forEach((each, i) => expect(each.copyBytes()).toEqual(moduleOf(i)));
    expect(counts).toEqual({ open: 0, most: PACK_LIMITS.readsMax, reads: 102 });
  }
});

test("verifyPack() tells of the failure that stands first in the manifest, whichever came first", async () => {
  const files = await hundred();
  files.set("k43.wasm", moduleOf(99)); // Its neighbour fails at once, itself after many turns.
  files.delete("k44.wasm");
  files.delete("k90.wasm");
  const { source, counts } = slowly(files, (path) => (path === "k43.wasm" ? 100 : 0));
  const failure = await failureIn(verifyPack(source, await hostTrusting()));
  expect([failure.code, failure.at]).toEqual(["HASH_MISMATCH", "k43.wasm"]);
  expect(counts.open).toBe(0); // Nothing is left reading.
  expect(counts.reads).toBeLessThan(60); // Nor begun behind it.
});

test("verifyPack() bounds the modules of a pack together, on both sides", async () => {
  const module = new Uint8Array(PACK_LIMITS.kernelBytesMax);
  const fitting = PACK_LIMITS.archiveBytesMax / module.length;
  const hash = await kernelHash(module);
  const [kernel] = parseManifest((await signedPack()).get("kernels.json")!).kernels;
  for (const [count, code] of [
    [fitting, "accepted"],
    [fitting + 1, "PACK_TOO_LARGE"],
  ] as const) {
    const kernels = Array.from({ length: count }, (_, index) => {
      return { ...kernel, id: `k${index}`, path: `k${index}.wasm`, hash };
    });
    const files = await signedPack({ manifest: { kernels } });
    for (const { path } of kernels) files.set(path, module);
    const outcome = await verifyPack(memoryFiles(files), await hostTrusting()).then(
      () => "accepted",
      (error: unknown) => (error instanceof Failure ? error.code : error),
    );
    expect(outcome).toBe(code);
  }
});
