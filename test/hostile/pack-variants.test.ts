// Variants that attack: modules that are not what was signed, or not what they claim to be. None runs,
// and none is passed over in silence for one that would.

import { expect, test } from "vitest";
import { failureIn } from "../../src/pack/failure-of.fixture.ts";
import { kernelHash, type PackFiles, trustKeys, verifyPack } from "../../src/pack/mod.ts";
import { hostTrusting, keyOf, moduleOf, signedPack } from "../../src/pack/signed-pack.fixture.ts";
import { memoryFiles } from "../../src/pack/mod.ts";
import { stillSandbox } from "../../src/sandbox/kernel.fixture.ts";
import { EMBEDDED, kernelWith, RELAXED, TEXTS } from "../../src/sandbox/variant.fixture.ts";

const PATH = "rope/variant.wasm";

/** A signed pack whose one variant has the hash of module 1. */
async function files(changes: object = {}): Promise<Map<string, Uint8Array>> {
  const hash = await kernelHash(moduleOf(1));
  const variants = [{ id: "other", path: PATH, hash, features: [], ...changes }];
  return (await signedPack({ kernel: { variants } })).set(PATH, moduleOf(1));
}

const refusal = async (
  pack: ReadonlyMap<string, Uint8Array>,
  from: PackFiles = memoryFiles(pack),
) => failureIn(verifyPack(from, await hostTrusting()));

test("a variant whose bytes are not those that were signed is refused, though no host would run it", async () => {
  const failure = await refusal((await files()).set(PATH, moduleOf(2)));
  expect(failure.code).toBe("HASH_MISMATCH");
  expect(failure.at).toBe(PATH);
  expect(failure.detail).toMatchObject({ kernel: "rope_f32", variant: "other" });
  const unknown = (await files({ features: ["telepathy"] })).set(PATH, moduleOf(2));
  expect((await refusal(unknown)).code).toBe("HASH_MISMATCH");
});

test("a variant that is missing is refused", async () => {
  const pack = await files();
  pack.delete(PATH);
  expect((await refusal(pack)).code).toBe("PACK_UNREADABLE");
});

test("a variant that changes between two reads is read once, and stays as it was read", async () => {
  const pack = await files();
  const reads: string[] = [];
  const lent = moduleOf(1);
  const fickle: PackFiles = {
    list: async () => [...pack.keys()],
    read: async (path) => {
      reads.push(path);
      return path === PATH ? lent : pack.get(path)!;
    },
  };
  const verified = await verifyPack(fickle, await hostTrusting());
  lent.fill(0);
  expect(reads.filter((path) => path === PATH)).toEqual([PATH]);
  expect(verified.kernels[0]!.copyBytes("other")).toEqual(moduleOf(1));
});

test("a variant whose hash is revoked takes the pack with it", async () => {
  const keys = (await trustKeys((await keyOf(1)).publicKey)).keys;
  const revoked_kernels = [await kernelHash(moduleOf(1))];
  const trust = { keys, revoked_kernels };
  const failure = await failureIn(
    verifyPack(memoryFiles(await files()), await hostTrusting(trust)),
  );
  expect(failure.code).toBe("KERNEL_REVOKED");
});

test.each(["__proto__", "constructor", "toString", "relaxed "])(
  "a kernel has no variant %j, whatever its objects inherit",
  async (name) => {
    const [kernel] = (await verifyPack(memoryFiles(await files()), await hostTrusting())).kernels;
    expect((await failureIn((async () => kernel!.copyBytes(name))())).code).toBe(
      "KERNEL_NOT_FOUND",
    );
  },
);

test("a variant that claims to need no simd and uses it is refused, and no other runs instead", async () => {
  for (const preset of ["server", "embedded"] as const) {
    await using sandbox = await stillSandbox({ preset });
    const liar = {
      ...EMBEDDED,
      features: preset === "server" ? ["bulk-memory"] : [],
      text: TEXTS.baseline,
    };
    const failure = await failureIn(sandbox.load(await kernelWith([liar])));
    expect(failure.code).toBe("MODULE_REFUSED");
    expect(failure.issues.map(({ found }) => found)).toEqual(["a use of simd"]);
    expect(sandbox.counts()).toMatchObject({ kernels: 0, modules: 0 });
  }
});

test("a variant with another entry point, or other imports, is refused", async () => {
  await using sandbox = await stillSandbox({ preset: "embedded" });
  const kernel = await kernelWith([EMBEDDED], { entry_point: "elsewhere" });
  const failure = await failureIn(sandbox.load(kernel));
  expect(failure.issues.map(({ found }) => found)).toEqual(['no exported function "elsewhere"']);
  const importing = { ...EMBEDDED, text: { fields: '(import "env" "f" (func))' } };
  const second = await failureIn(sandbox.load(await kernelWith([importing])));
  expect(second.issues.map(({ code }) => code)).toEqual(["import-not-allowed"]);
});

test("a pack cannot talk a host that repeats runs, or pins the baseline, into relaxed simd", async () => {
  for (const options of [{ interrupt: "fuel" }, { variant: "baseline" }] as const) {
    await using sandbox = await stillSandbox(options);
    const liar = { ...RELAXED, features: ["bulk-memory"] }; // Declares something harmless instead.
    const found = await sandbox.load(await kernelWith([liar])).then(
      (kernel) => kernel.variant,
      ({ code }: { code: string }) => code,
    );
    expect(found).toBe("variant" in options ? "baseline" : "MODULE_REFUSED");
  }
});

test("the modules of a kernel cannot be changed after it was verified", async () => {
  const kernel = await kernelWith([RELAXED]);
  for (const frozen of [kernel.modules, ...kernel.modules, kernel.entry.variants!])
    expect(Object.isFrozen(frozen)).toBe(true);
});
