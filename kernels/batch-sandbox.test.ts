// Every core kernel in a batch: the same bits as one call for each request, over requests of any shapes.

import * as fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { viewOf } from "../src/base/mod.ts";
import { type KernelEntry, type VerifiedKernel } from "../src/pack.node.ts";
import { type Kernel, Sandbox } from "../src/sandbox.node.ts";
import { signedPack } from "./signed-pack.fixture.ts";
import { normals } from "./testing.ts";

const pack = await signedPack();
const sandbox = await Sandbox.create();
afterAll(() => sandbox[Symbol.asyncDispose]());

/** Values of symbols that are not free: a rotation needs half of an even size, a block its bytes. */
function dimsOf(entry: KernelEntry, sizes: readonly number[]): Record<string, number> {
  const symbols = [...new Set([...entry.inputs, ...entry.outputs].flatMap(({ shape }) => shape))];
  const dims: Record<string, number> = {};
  symbols.forEach((symbol, i) => {
    if (typeof symbol === "string") dims[symbol] = sizes[i % sizes.length]!;
  });
  if ("dim_half" in dims) dims["dim"] = dims["dim_half"]! * 2;
  if ("block_bytes" in dims) dims["block_bytes"] = 18;
  return dims;
}

const PARAMS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  layout: { layout: "half_split" },
  packing: { packing: "halves" },
  format: { format: "q4_0" },
};

/** A request of `entry` with the sizes given, filled from `seed`. */
function requestOf(entry: KernelEntry, sizes: readonly number[], seed: number) {
  const dims = dimsOf(entry, sizes);
  const inputs = Object.fromEntries(
    entry.inputs.map(({ name, dtype, shape }, i) => {
      const bound = shape.map((dim) => (typeof dim === "number" ? dim : dims[dim]!));
      const count = bound.reduce((product, size) => product * size, 1);
      const values = normals(count, seed + i);
      const size = viewOf(dtype, new ArrayBuffer(16), 0, 0).BYTES_PER_ELEMENT;
      const data = viewOf(dtype, new ArrayBuffer(count * size), 0, count * size);
      // Packed blocks and indices are small numbers: 0 and 1 are codes, scales and adapters.
      data.set(values.map((value) => (dtype.startsWith("f") ? value : Number(value > 0))) as never);
      return [name, { shape: bound, data }];
    }),
  );
  const params = Object.assign({}, ...Object.keys(entry.params).map((name) => PARAMS[name] ?? {}));
  const bytes = dims["block_bytes"];
  return bytes === undefined || !needsBytes(entry)
    ? { inputs, params }
    : { inputs, params, dims: { block_bytes: bytes } };
}

/** Whether only an output has `block_bytes`. */
function needsBytes({ inputs }: KernelEntry): boolean {
  return !inputs.some(({ shape }) => shape.includes("block_bytes"));
}

type Outcome = ReturnType<Kernel["call"]> | string;

/** What one call gives, or the code that it ends in. */
function outcomeOf(kernel: Kernel, request: Parameters<Kernel["call"]>[0]): Outcome {
  try {
    return kernel.call(request);
  } catch (error) {
    return (error as { readonly code: string }).code;
  }
}

const sizes = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 3 });
const requests = fc.array(fc.tuple(sizes, fc.nat(1000)), { minLength: 1, maxLength: 5 });

test.each(pack.kernels.map((kernel): [string, VerifiedKernel] => [kernel.entry.id, kernel]))(
  "%s gives the same bits in a batch",
  async (id, { entry }) => {
    const kernel = await sandbox.load(pack, id);
    let computed = 0;
    const law = fc.property(requests, (all) => {
      const asked = all.map(([size, seed]) => requestOf(entry, size, seed));
      const single = asked.map((request) => outcomeOf(kernel, request));
      const good = asked.filter((_, i) => typeof single[i] !== "string");
      computed += good.length;
      expect(kernel.callBatch({ requests: good })).toEqual(
        single.filter((outcome) => typeof outcome !== "string"),
      );
      const failed = single.findIndex((outcome) => typeof outcome === "string");
      if (failed < 0) return;
      expect(() => kernel.callBatch({ requests: asked })).toThrow(
        expect.objectContaining({ code: single[failed], request: failed }),
      );
    });
    fc.assert(law, { numRuns: 20 });
    expect(computed).toBeGreaterThan(20); // Requests that only fail would prove little.
  },
);
