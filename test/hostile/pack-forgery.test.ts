// Forged kernels: nothing but verifyPack makes one, and nothing changes one afterwards.

import { expect, test } from "vitest";
import { failureOf } from "../../src/pack/failure-of.fixture.ts";
import {
  isVerifiedKernel,
  isVerifiedPack,
  kernelHash,
  memoryFiles,
  type PackFiles,
  verifyPack,
} from "../../src/pack/mod.ts";
import { hostTrusting, moduleOf, signedPack } from "../../src/pack/signed-pack.fixture.ts";

const evil = () => moduleOf(66);
const MODULE = "rope/rope_f32.wasm";
const good = async () => verifyPack(memoryFiles(await signedPack()), await hostTrusting());

test("what looks like a kernel or a pack is none", async () => {
  const pack = await good();
  const [kernel] = pack.kernels;
  const prototype = Object.getPrototypeOf(kernel) as object;
  const copy = { ...kernel!, copyBytes: () => moduleOf(66) };
  const forgeries = [
    copy,
    structuredClone({ ...kernel! }),
    Object.create(prototype),
    Object.create(kernel!),
    Object.setPrototypeOf({ ...copy }, prototype),
    Object.create(prototype, Object.getOwnPropertyDescriptors(copy)),
    new Proxy(kernel!, {}),
    new Proxy(pack, {}),
    prototype,
    pack.constructor,
    null,
    undefined,
    "kernel",
    0,
  ] as unknown[];
  for (const forgery of forgeries) {
    expect(isVerifiedKernel(forgery)).toBe(false);
    expect(isVerifiedPack(forgery)).toBe(false);
  }
  expect(isVerifiedKernel(pack)).toBe(false);
  expect(isVerifiedPack(kernel)).toBe(false);
});

test("the classes of a true kernel and pack make no second one", async () => {
  const pack = await good();
  for (const true_ of [pack, pack.kernels[0]!]) {
    const Maker = true_.constructor as new (...args: unknown[]) => object;
    const facts = [{ ...true_ }, moduleOf(66), {}];
    for (const token of [undefined, Symbol("verified"), Symbol.for("verified"), true_]) {
      expect(failureOf(() => new Maker(token, ...facts)).code).toBe("NOT_VERIFIED");
      expect(failureOf(() => Reflect.construct(Maker, [token, ...facts], Object)).code).toBe(
        "NOT_VERIFIED",
      );
    }
    class Heir extends Maker {}
    expect(failureOf(() => new Heir(Symbol("verified"), ...facts)).code).toBe("NOT_VERIFIED");
  }
});

test("a base class slipped under the class does not stamp a stranger", async () => {
  const [kernel] = (await good()).kernels;
  const stranger = {};
  const Evil = function evil() {
    return stranger;
  };
  expect(() => Object.setPrototypeOf(kernel!.constructor, Evil)).toThrow(TypeError);
  expect(isVerifiedKernel(stranger)).toBe(false);
});

test("a true kernel cannot be changed, nor its entry, nor how its bytes are read", async () => {
  const pack = await good();
  const [kernel] = pack.kernels;
  const attempts = [
    () => Object.defineProperty(kernel, "copyBytes", { value: evil }),
    () => Object.assign(kernel!, { copyBytes: evil }),
    () => Object.assign(Object.getPrototypeOf(kernel) as object, { copyBytes: evil }),
    () => Object.assign(kernel!.constructor, { made: () => true }),
    () => Object.assign(kernel!, { hash: "sha256:0" }),
    () => Object.setPrototypeOf(kernel!, { copyBytes: evil }),
    () => Object.assign(kernel!.entry, { entry_point: "evil" }),
    () => Object.assign(kernel!.entry.resource_limits, { max_memory_pages: 65_536 }),
    () => Object.assign(kernel!.entry.inputs[0]!.shape, ["seq"]),
    () => Object.assign(kernel!.entry.params["theta"]!, { default: 0 }),
    () => (pack.kernels as unknown[]).push(kernel),
    () => Object.assign(pack.manifest, { name: "evil" }),
  ];
  for (const attempt of attempts) expect(attempt).toThrow(TypeError);
  kernel!.copyBytes().fill(0);
  expect(await kernelHash(kernel!.copyBytes())).toBe(kernel!.hash);
});

/** A source that does to each file what `change` says, after the bytes were handed out. */
async function lending(
  change: (bytes: Uint8Array, path: string) => Uint8Array,
): Promise<PackFiles> {
  const files = await signedPack();
  return {
    list: async () => [...files.keys()],
    read: async (path) => change(files.get(path)!.slice(), path),
  };
}

test("bytes that a source changes after lending them are not the bytes that are kept", async () => {
  for (const turns of [0, 1, 2, 5, 20]) {
    const source = await lending((bytes, path) => {
      if (path === MODULE) void later(turns).then(() => bytes.fill(0x66));
      return bytes;
    });
    const pack = await verifyPack(source, await hostTrusting()).catch((error: unknown) => error);
    if (!isVerifiedPack(pack)) continue; // Refused, because the change came before the copy.
    await later(50);
    const [kernel] = pack.kernels;
    expect(await kernelHash(kernel!.copyBytes())).toBe(kernel!.hash);
  }
});

async function later(turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await Promise.resolve();
}

test("bytes in shared memory, which another thread may write, are copied before they are hashed", async () => {
  const shared: Uint8Array[] = [];
  const source = await lending((bytes) => {
    const view = new Uint8Array(new SharedArrayBuffer(bytes.length));
    view.set(bytes);
    shared.push(view);
    return view;
  });
  const pack = await verifyPack(source, await hostTrusting());
  for (const view of shared) view.fill(0x66);
  const [kernel] = pack.kernels;
  expect(await kernelHash(kernel!.copyBytes())).toBe(kernel!.hash);
});

test("an array class of the attacker's own, which lends out its copies, keeps no hold", async () => {
  const held: Uint8Array[] = [];
  class Evil extends Uint8Array {
    static get [Symbol.species](): unknown {
      return function Holder(length: number) {
        const view = new Uint8Array(length);
        held.push(view);
        return view;
      };
    }
    override slice(): Uint8Array<ArrayBuffer> {
      return this as never;
    }
  }
  const source = await lending((bytes) => {
    const evilBytes = new Evil(bytes.length);
    evilBytes.set(bytes);
    held.push(evilBytes);
    return evilBytes;
  });
  const pack = await verifyPack(source, await hostTrusting());
  for (const view of held) Uint8Array.prototype.fill.call(view, 0x66);
  const [kernel] = pack.kernels;
  expect(await kernelHash(kernel!.copyBytes())).toBe(kernel!.hash);
});

test("a policy that changes while a pack is judged does not change the judgement", async () => {
  const options = await hostTrusting();
  const policy = structuredClone(options.trust) as { keys: unknown[]; revoked_keys?: string[] };
  policy.revoked_keys = [options.trust.keys[0]!.id];
  const judged = verifyPack(memoryFiles(await signedPack()), {
    ...options,
    trust: policy as never,
  });
  policy.revoked_keys = [];
  await expect(judged).rejects.toMatchObject({ code: "KEY_REVOKED" });
});
