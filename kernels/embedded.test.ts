// The committed pack on the smallest device class: 128 KiB for module and tensors, no SIMD, and 100 ms.

import { afterAll, describe, expect, test } from "vitest";
import { failureOf } from "../src/pack/failure-of.fixture.ts";
import { inspect } from "../src/sandbox/mod.ts";
import { Sandbox } from "../src/sandbox.node.ts";
import { CORE_HINTS, judge, referenceOf, REFERENCES } from "../src/testing.node.ts";
import { REQUESTS } from "./requests.ts";
import { signedPack } from "./signed-pack.fixture.ts";

const pack = await signedPack();
const sandbox = await Sandbox.create({ preset: "embedded" });
afterAll(() => sandbox[Symbol.asyncDispose]());

describe.each(REQUESTS)("$kernel.id on an embedded device", ({ kernel: { id }, accepted }) => {
  test("needs no feature and one page, of which it leaves most to the tensors", async () => {
    const report = inspect(pack.kernel(id).copyBytes("embedded"));
    expect(report.features).toEqual([]);
    expect(report.memories).toMatchObject([{ minPages: 1 }]);
    const module = new WebAssembly.Module(pack.kernel(id).copyBytes("embedded"));
    const { __heap_base } = new WebAssembly.Instance(module).exports;
    expect((__heap_base as WebAssembly.Global).value).toBeLessThan(4096);
  });

  test("runs every request that the other builds take", async () => {
    const kernel = await sandbox.load(pack, id);
    expect(kernel.variant).toBe("embedded");
    for (const request of accepted) expect(Object.keys(kernel.call(request))).not.toEqual([]);
  });

  test("lies within its accuracy of its reference, in memory that small", async () => {
    const verified = pack.kernel(id);
    const { name, reference } = referenceOf(pack, id, REFERENCES)!;
    const kernel = await sandbox.load(verified);
    const tested = { verified, kernel, sandbox: Sandbox.create };
    const options = { seed: 22, cases: 20, hints: CORE_HINTS.get(name) };
    expect((await judge(tested, reference, options)).compared).toBeGreaterThan(8);
  });

  test("refuses tensors beyond its memory by OUT_OF_MEMORY, and then runs others", async () => {
    const kernel = await sandbox.load(pack, id);
    const [request] = accepted;
    const [grown] = kernel.entry.inputs[0]!.shape;
    const large = kernel.entry.inputs.map(({ name, shape }) => {
      const sizes = request!.inputs[name]!.shape;
      return [name, sizes.map((size, i) => (shape[i] === grown ? size * 4096 : size))];
    });
    const { block_bytes } = request!.dims;
    const inputs = Object.fromEntries(large) as Record<string, number[]>;
    const dims = "packed" in inputs || block_bytes === undefined ? {} : { block_bytes };
    const setup = { inputs, params: request!.params, dims };
    const failure = failureOf(() => kernel.prepare(setup));
    expect(failure.code).toBe("OUT_OF_MEMORY");
    expect(kernel.call(request!)).toBeDefined();
  });
});
