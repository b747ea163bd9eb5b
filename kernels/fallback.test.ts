// Every kernel of the pack, put out of action: what stands in for it gives what it would have given,
// says so, and refuses what it would have refused.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { TensorView } from "../src/base/mod.ts";
import {
  buildPack,
  generateSigningKey,
  type KernelSource,
  loadPack,
  memoryFiles,
  SIGNATURE_PATH,
  trustKeys,
  type VerifiedPack,
} from "../src/pack.node.ts";
import { unpackQ8 } from "../src/reference/mod.ts";
import { type CallShapes, KernelError, Sandbox, type SandboxEvent } from "../src/sandbox.node.ts";
import { SCRIBBLES, LOOPS, returning, TRAPS } from "../src/sandbox/fallback.fixture.ts";
import { assembleText, kernelText } from "../src/sandbox/kernel.fixture.ts";
import { pack as source } from "./pack.ts";
import { REQUESTS } from "./requests.ts";

const PACKED = join(import.meta.dirname, "../packs/core");

/** The pack as its author would sign it, with modules of the test's own where it gives any. */
async function signedPack(moduleOf: (path: string) => Promise<Uint8Array>): Promise<VerifiedPack> {
  const { key } = await generateSigningKey();
  const seams = { read: moduleOf, compile: ({ path }: { path: string }) => moduleOf(path) };
  const files = new Map(await buildPack(source, { ...seams, signingKey: key.publicText }));
  files.set(SIGNATURE_PATH, await key.sign(files.get("kernels.json")!));
  return loadPack(memoryFiles(files), { trust: await trustKeys(key.publicText) });
}

const kernels: readonly KernelSource[] = source.kernels;
const pathsOf = ({ path, variants = [] }: KernelSource) => [
  path,
  ...variants.map((each) => each.path),
];

/** Every kernel of the pack as one that fails, under its own contract and entry point. */
async function sabotagedPack(forward: string): Promise<VerifiedPack> {
  return signedPack(async (path) => {
    const { entry_point: name } = kernels.find((kernel) => pathsOf(kernel).includes(path))!;
    const text = kernelText({ forward }).replace('(export "forward")', `(export "${name}")`);
    return assembleText(text);
  });
}

const SABOTAGES = [
  { how: "traps", forward: TRAPS.forward!, code: "KERNEL_UNREACHABLE" },
  {
    how: "overwrites its inputs and traps",
    forward: SCRIBBLES.forward!,
    code: "KERNEL_UNREACHABLE",
  },
  { how: "never returns", forward: LOOPS.forward!, code: "KERNEL_DEADLINE" },
  { how: "returns INTERNAL_ERROR", forward: returning(6).forward!, code: "KERNEL_CODE" },
] as const;

const events: SandboxEvent[] = [];
const sandbox = await Sandbox.create({ onEvent: (event) => events.push(event) });
afterAll(() => sandbox[Symbol.asyncDispose]());

const whole = await signedPack((path) => readFile(join(PACKED, path)));
const broken = await Promise.all(
  SABOTAGES.map(async (sabotage) => ({ ...sabotage, pack: await sabotagedPack(sabotage.forward) })),
);

test("every kernel of the pack has a fallback, and every request is one of its own", () => {
  expect(Object.keys(source.fallbacks).toSorted()).toEqual(
    source.kernels.map(({ id }) => id).toSorted(),
  );
  expect(new Set(REQUESTS.map(({ kernel }) => kernel.id)).size).toBe(source.kernels.length);
});

/** How far floats may lie apart; bytes are those of Q8_0 blocks, or the same. */
function expectNear(actual: TensorView, expected: TensorView, id: string): void {
  if (expected instanceof Uint8Array && id.startsWith("rope_q8"))
    return expectNear(unpackQ8(actual as Uint8Array)!, unpackQ8(expected)!, "values of rope_q8");
  expect(actual.constructor).toBe(expected.constructor);
  if (expected instanceof Uint8Array) return expect(actual).toEqual(expected);
  const tolerance = id.endsWith("q8") ? 0.05 : expected instanceof Float16Array ? 2e-3 : 1e-5;
  const errors = [...expected].map(
    (value, i) => Math.abs(value - actual[i]!) / (1 + Math.abs(value)),
  );
  expect(Math.max(...errors)).toBeLessThan(tolerance);
}

describe.each(REQUESTS)("$kernel.id", ({ kernel: { id }, accepted, refused }) => {
  test.each(broken)("$how, and its reference gives what it would have given", async (sabotage) => {
    const kernel = await sandbox.load(whole, id);
    const chain = await sandbox.chain(sabotage.pack, id);
    for (const request of accepted) {
      events.length = 0;
      const budget = sabotage.code === "KERNEL_DEADLINE" ? { budgetTicks: 1 } : {};
      const { outputs, degraded, by, failures } = chain.call({ ...request, ...budget });
      expect([degraded, by.kind]).toEqual([true, "reference"]);
      expect(failures.map(({ error }) => error.code)).toEqual([sabotage.code]);
      const trapped = sabotage.code === "KERNEL_CODE" ? [] : ["trapped", "discarded"];
      expect(events.map(({ type }) => type)).toEqual([...trapped, "falling-back", "degraded"]);
      for (const [name, { shape, data }] of Object.entries(kernel.call(request))) {
        expect(outputs[name]!.shape).toEqual(shape);
        expectNear(outputs[name]!.data, data, id);
      }
    }
    expect(chain.counts()).toMatchObject({
      degraded: accepted.length,
      links: [{ failed: accepted.length }, { answered: accepted.length }],
    });
  });

  test("prepared: a kernel that overwrites its inputs spoils neither them nor the result", async () => {
    const chain = await sandbox.chain(broken[1]!.pack, id);
    for (const request of accepted) {
      const { inputs, params, dims } = request;
      const given = Object.entries(inputs);
      const shapes = Object.fromEntries(given.map(([name, { shape }]) => [name, shape]));
      using call = chain.prepare({ inputs: shapes as CallShapes, params, dims });
      for (const [name, { data }] of given) call.inputs[name]!.set(data as never);
      expect(call.outOfPlace).toBeUndefined();
      expect(call.run().degraded).toBe(true);
      const { outputs } = chain.call(request);
      for (const [name, { data }] of Object.entries(outputs))
        expect(Buffer.compare(bytesOf(call.outputs[name]!), bytesOf(data))).toBe(0);
      for (const [name, { data }] of given)
        expect(Buffer.compare(bytesOf(call.inputs[name]!), bytesOf(data))).toBe(0);
    }
  });

  if (refused.length === 0) return;
  test.each(refused)("refuses $why, and so does its reference", async ({ code, ...request }) => {
    const kernel = await sandbox.load(whole, id);
    const chain = await sandbox.chain(broken[0]!.pack, id);
    expect(returned(() => kernel.call(request))).toBe(code);
    expect(returned(() => chain.call(request))).toBe(code);
  });
});

const bytesOf = ({ buffer, byteOffset, byteLength }: TensorView) =>
  new Uint8Array(buffer, byteOffset, byteLength);

/** The code that a kernel or a reference returned. */
function returned(call: () => unknown): number | undefined {
  try {
    call();
  } catch (error) {
    if (error instanceof KernelError) return error.returned;
    throw error;
  }
  return 0;
}
