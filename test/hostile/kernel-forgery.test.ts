// Whatever poses as a verified kernel or pack: the sandbox takes none of it, and compiles nothing.

import { expect, test } from "vitest";
import { failureIn } from "../../src/pack/failure-of.fixture.ts";
import type { VerifiedKernel, VerifiedPack } from "../../src/pack/mod.ts";
import {
  kernelModule,
  stillSandbox,
  verified,
  verifiedPack,
} from "../../src/sandbox/kernel.fixture.ts";

const kernel = await verified();
const pack = await verifiedPack([{ module: await kernelModule() }]);
const evil = await kernelModule({ forward: "unreachable" });

/** All that can be read of an object, in an object of one's own. */
const copyOf = (value: object) =>
  Object.defineProperties({}, Object.getOwnPropertyDescriptors(value));

const withPrototype = (value: object) =>
  Object.create(Object.getPrototypeOf(value), Object.getOwnPropertyDescriptors(value));

const posing: readonly (readonly [what: string, value: unknown])[] = [
  ["nothing", undefined],
  ["null", null],
  ["a text", "test"],
  ["bytes", evil],
  ["a module", new WebAssembly.Module(evil)],
  ["a kernel's properties", copyOf(kernel)],
  ["a kernel's properties with other bytes", { ...copyOf(kernel), copyBytes: () => evil }],
  ["a kernel's clone", structuredClone({ ...kernel })],
  ["a kernel's prototype", Object.create(Object.getPrototypeOf(kernel) as object)],
  ["a kernel's prototype and properties", withPrototype(kernel)],
  ["an object whose prototype is a kernel", Object.create(kernel)],
  ["a proxy of a kernel", new Proxy(kernel, {})],
  [
    "a proxy of a kernel with other bytes",
    new Proxy(kernel, {
      get: (target, key) => (key === "copyBytes" ? () => evil : Reflect.get(target, key)),
    }),
  ],
  ["a pack's properties", copyOf(pack)],
  ["a pack's prototype and properties", withPrototype(pack)],
  ["a proxy of a pack", new Proxy(pack, {})],
  ["a pack that gives a true kernel", { kernel: () => kernel, kernels: [kernel] }],
  ["an object whose prototype is a pack", Object.create(pack)],
];

test.each(posing)("load() refuses %s", async (_, value) => {
  await using sandbox = await stillSandbox();
  for (const id of [undefined, "test"]) {
    const failure = await failureIn(sandbox.load(value as VerifiedKernel, id));
    expect(failure.code).toBe("NOT_VERIFIED");
  }
  expect(sandbox.counts()).toEqual({ compiles: 0, cacheHits: 0, kernels: 0, modules: 0 });
});

test("nobody can make a kernel or a pack with the constructors that are in reach", () => {
  for (const made of [kernel, pack]) {
    const { constructor } = made as object as { constructor: new (...facts: unknown[]) => object };
    for (const key of [undefined, Symbol("verified"), Symbol.for("verified")])
      expect(() => new constructor(key, made, evil)).toThrow("Only a verified pack");
  }
});

const swap = (target: object, key: string) => () =>
  Object.defineProperty(target, key, { value: () => evil });

test("nobody can give a kernel other bytes, or a pack another kernel", async () => {
  for (const target of [kernel, Object.getPrototypeOf(kernel) as object])
    expect(swap(target, "copyBytes")).toThrow(TypeError);
  for (const target of [pack, Object.getPrototypeOf(pack) as object])
    expect(swap(target, "kernel")).toThrow(TypeError);
  kernel.copyBytes().fill(0); // A copy, so this changes nothing.
  await using sandbox = await stillSandbox();
  const loaded = await sandbox.load(kernel);
  expect(loaded.call({ inputs: { x: { shape: [1], data: new Float32Array(1) } } })).toBeDefined();
});

test("nobody can change an entry after it was verified", async () => {
  await using sandbox = await stillSandbox();
  const { entry } = await sandbox.load(kernel);
  for (const frozen of [entry, entry.resource_limits, entry.inputs, entry.inputs[0], entry.params])
    expect(Object.isFrozen(frozen)).toBe(true);
});

test("a true pack is taken, by its own id only", async () => {
  await using sandbox = await stillSandbox();
  const load = (from: VerifiedPack, id: string) => sandbox.load(from, id);
  expect((await load(pack, "test")).id).toBe("test");
  for (const id of ["__proto__", "constructor", "", "test "])
    expect((await failureIn(load(pack, id))).code).toBe("KERNEL_NOT_FOUND");
});
