import { beforeEach, describe, expect, test } from "vitest";
import { failureIn } from "../../pack/failure-of.fixture.ts";
import { type Evidence, kernelHash, type VerifiedPack } from "../../pack/mod.ts";
import { kernelModule, verifiedPack } from "../../sandbox/kernel.fixture.ts";
import { KEPT_MAX, VerifiedPacks } from "./pack-verified.ts";

/** Packs of one name and version, whose kernels have one id, each signed by a key of its own. */
const module = await kernelModule();
const make = (): Promise<VerifiedPack> => verifiedPack([{ module }]);
const ours = await make();
let packs = new VerifiedPacks();
beforeEach(() => (packs = new VerifiedPacks()));

test("VerifiedPacks.of() verifies a pack once, also where two ask at the same time", async () => {
  const [one, two] = [packs.of(ours.copyEvidence()), packs.of(ours.copyEvidence())];
  const pack = await one;
  expect(pack).not.toBe(ours); // This thread's own.
  expect([await two, await packs.of(ours.copyEvidence())]).toEqual([pack, pack]);
  expect((await two) === pack && packs.size === 1).toBe(true);
  expect(pack.keyId).toBe(ours.keyId);
});

/** Changes of a copy of what was verified. */
const altered = (path: string) => (evidence: Evidence) => {
  const file = evidence.files.get(path)!;
  file[file.length - 1]! ^= 1;
  return evidence;
};
const without = (path: string) => (evidence: Evidence) => ({
  ...evidence,
  files: new Map([...evidence.files].filter(([name]) => name !== path)),
});
const replaced = (path: string, by: Uint8Array<ArrayBuffer>) => (evidence: Evidence) => ({
  ...evidence,
  files: new Map([...evidence.files, [path, by]]),
});
const decided = (changes: object) => (evidence: Evidence) => ({
  ...evidence,
  decision: { ...evidence.decision, ...changes },
});
const other = await kernelModule({ forward: "(i32.const 1)" });

describe("VerifiedPacks.of() finds no pack that it has verified for one", () => {
  test.each<[string, (evidence: Evidence) => Evidence, string]>([
    ["with an altered module", altered("0.wasm"), "HASH_MISMATCH"],
    ["with another module", replaced("0.wasm", other), "HASH_MISMATCH"],
    ["with an altered manifest", altered("kernels.json"), "NO_TRUSTED_KEY"],
    ["without a signature", without("kernels.json.sig"), "PACK_UNSIGNED"],
    ["without trust in its key", decided({ trust: { keys: [] } }), "NO_TRUSTED_KEY"],
    ["for another runtime", decided({ runtimeVersion: "99.0.0" }), "RUNTIME_TOO_NEW"],
  ])("%s", async (_, change, code) => {
    const pack = await packs.of(ours.copyEvidence());
    for (const _again of [1, 2])
      expect((await failureIn(packs.of(change(ours.copyEvidence())))).code).toBe(code);
    expect(packs.size).toBe(1); // What was refused is not kept.
    expect(await packs.of(ours.copyEvidence())).toBe(pack);
  });

  test("of the same name, version and kernels, signed by another", async () => {
    const theirs = await make();
    const [pack, another] = [
      await packs.of(ours.copyEvidence()),
      await packs.of(theirs.copyEvidence()),
    ];
    expect([pack.manifest.name, pack.manifest.version]).toEqual([
      another.manifest.name,
      another.manifest.version,
    ]);
    expect([pack.keyId, another.keyId]).toEqual([ours.keyId, theirs.keyId]);
    expect(pack.keyId).not.toBe(another.keyId);
  });
});

test("VerifiedPacks.of() keeps what was verified, whatever becomes of what came", async () => {
  const evidence = ours.copyEvidence();
  const verifying = packs.of(evidence);
  for (const file of evidence.files.values()) file.fill(0); // While it is being verified.
  const pack = await verifying;
  const { kernels } = pack;
  expect(await kernelHash(kernels[0]!.copyBytes())).toBe(ours.kernels[0]!.hash);
  expect((await failureIn(packs.of(evidence))).code).toBe("INVALID_SIGNATURE");
});

test("VerifiedPacks keeps the packs that were used last, and no more than it may", async () => {
  const many = await Promise.all(Array.from({ length: KEPT_MAX + 1 }, make));
  const first = await packs.of(many[0]!.copyEvidence());
  for (const pack of many.slice(1, KEPT_MAX)) await packs.of(pack.copyEvidence());
  const second = await packs.of(many[1]!.copyEvidence());
  const third = await packs.of(many[2]!.copyEvidence());
  for (const pack of [...many.slice(3, KEPT_MAX), many[1]!]) await packs.of(pack.copyEvidence());
  expect(await packs.of(many[0]!.copyEvidence())).toBe(first); // The last that is driven out.
  await packs.of(many[KEPT_MAX]!.copyEvidence()); // Drives out the third.
  expect(packs.size).toBe(KEPT_MAX);
  expect(await packs.of(many[0]!.copyEvidence())).toBe(first);
  expect(await packs.of(many[1]!.copyEvidence())).toBe(second);
  expect(await packs.of(many[2]!.copyEvidence())).not.toBe(third);
});
