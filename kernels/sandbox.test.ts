// The committed pack in the sandbox: signed, verified, loaded and called as a user would.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { Failure } from "../src/base/mod.ts";
import {
  buildPack,
  generateSigningKey,
  loadPack,
  memoryFiles,
  SIGNATURE_PATH,
  trustKeys,
} from "../src/pack.node.ts";
import { Sandbox } from "../src/sandbox.node.ts";
import { pack as source } from "./pack.ts";
import {
  lora,
  packKiviKeys,
  packQ4,
  packQ8,
  rmsnorm,
  rope,
  ropeAngles,
  swiglu,
  unpackKiviKeys,
  unpackQ4,
  unpackQ8,
} from "../src/reference/mod.ts";
import { absoluteError, normals, relativeError } from "./testing.ts";

const PACKED = join(import.meta.dirname, "../packs/core");

const committed = (path: string) => readFile(join(PACKED, path));

/** packs/core as its author would sign it: the same modules, and the key's name in the manifest. */
async function signedPack() {
  const { key } = await generateSigningKey();
  const seams = { read: committed, compile: ({ path }: { path: string }) => committed(path) };
  const files = new Map(await buildPack(source, { ...seams, signingKey: key.publicText }));
  files.set(SIGNATURE_PATH, await key.sign(files.get("kernels.json")!));
  return loadPack(memoryFiles(files), { trust: await trustKeys(key.publicText) });
}

const pack = await signedPack();
const sandbox = await Sandbox.create();
afterAll(() => sandbox[Symbol.asyncDispose]());

function f32(data: Float32Array, ...shape: number[]) {
  return { data, shape };
}

const load = (id: string) => sandbox.load(pack, id);

test("the core pack verifies without a warning", () => {
  expect(pack.warnings).toEqual([]);
});

test("rmsnorm_f32 runs in the sandbox, prepared and not", async () => {
  const kernel = await sandbox.load(pack, "rmsnorm_f32");
  const [x, weight] = [normals(3 * 100, 1), normals(100, 2)];
  const expected = rmsnorm(x, weight, 1e-5);
  const { y } = kernel.call({ inputs: { x: f32(x, 3, 100), weight: f32(weight, 100) } });
  expect(relativeError(y!.data as Float32Array, expected)).toBeLessThan(1e-5);

  using call = kernel.prepare({ inputs: { x: [3, 100], weight: [100] }, params: { eps: 1e-5 } });
  (call.inputs.x as Float32Array).set(x);
  (call.inputs.weight as Float32Array).set(weight);
  call.run();
  expect(call.outputs["y"]).toEqual(y!.data);
});

test("rope_f32 runs in the sandbox, its layout by name", async () => {
  const kernel = await sandbox.load(pack, "rope_f32");
  const shape = { batch: 1, seq: 3, heads: 2, dim: 40 };
  const [x, freqs] = [normals(240, 3), ropeAngles([0, 9, 131_071], 16, 1e4)];
  const inputs = { x: f32(x, 1, 3, 2, 40), freqs: f32(freqs, 3, 16) };
  const { y } = kernel.call({ inputs, params: { layout: "half_split" } });
  const expected = rope(x, freqs, shape, { layout: "half_split" });
  expect(absoluteError(y!.data as Float32Array, expected)).toBeLessThan(1e-6);
});

test("swiglu_f32 runs in the sandbox", async () => {
  const kernel = await sandbox.load(pack, "swiglu_f32");
  const [gate, up] = [normals(2 * 99, 4, 5), normals(2 * 99, 5)];
  const { y } = kernel.call({ inputs: { gate: f32(gate, 2, 99), up: f32(up, 2, 99) } });
  expect(relativeError(y!.data as Float32Array, swiglu(gate, up))).toBeLessThan(2e-6);
});

test("kv_pack_q8 and kv_unpack_q8 run in the sandbox, their shapes bound by the input's", async () => {
  const [pack8, unpack8] = [await load("kv_pack_q8"), await load("kv_unpack_q8")];
  const x = normals(3 * 128, 6);
  const { packed } = pack8.call({ inputs: { x: f32(x, 3, 4, 32) } });
  expect(packed!.shape).toEqual([3, 4, 34]);
  expect(packed!.data).toEqual(packQ8(x));
  const back = unpack8.call({ inputs: { packed: packed! } });
  expect(back["x"]).toEqual(f32(unpackQ8(packQ8(x)!)!, 3, 4, 32));
});

test("kv_pack_q4 and kv_unpack_q4 run in the sandbox, the bytes of a block told in dims", async () => {
  const [pack4, unpack4] = [await load("kv_pack_q4"), await load("kv_unpack_q4")];
  const x = normals(2 * 64, 7);
  const params = { format: "q4_1" };
  const inputs = { x: f32(x, 2, 2, 32) };
  const { packed } = pack4.call({ inputs, params, dims: { block_bytes: 20 } });
  expect(packed!.data).toEqual(packQ4(x, "q4_1"));
  const back = unpack4.call({ inputs: { packed: packed! }, params });
  expect(back["x"]).toEqual(f32(unpackQ4(packQ4(x, "q4_1")!, "q4_1")!, 2, 2, 32));
});

test("lora_apply_f32 runs in the sandbox, its six inputs where the kernel looks for them", async () => {
  const kernel = await load("lora_apply_f32");
  const shape = { tokens: 3, in: 10, out: 7, rank: 3 };
  const tensors = {
    x: normals(30, 1),
    a: normals(2 * 30, 2),
    b: normals(2 * 21, 3),
    scales: Float32Array.of(2, 0.5),
    base: normals(21, 4),
    adapter: Int32Array.of(1, -1, 0),
  };
  const inputs = {
    x: f32(tensors.x, 3, 10),
    a: f32(tensors.a, 2, 3, 10),
    b: f32(tensors.b, 2, 7, 3),
    scales: f32(tensors.scales, 2),
    base: f32(tensors.base, 3, 7),
    adapter: { data: tensors.adapter, shape: [3] },
  };
  const { y } = kernel.call({ inputs });
  expect(absoluteError(y!.data as Float32Array, lora(shape, tensors).y)).toBeLessThan(1e-4);
});

test("kv_pack_q8_f16 and kv_unpack_q8_f16 run in the sandbox, from f16 to f16", async () => {
  const [pack8, unpack8] = [await load("kv_pack_q8_f16"), await load("kv_unpack_q8_f16")];
  const x = Float16Array.from(normals(3 * 128, 6));
  const { packed } = pack8.call({ inputs: { x: { data: x, shape: [3, 4, 32] } } });
  expect(packed!.data).toEqual(packQ8(x));
  const back = unpack8.call({ inputs: { packed: packed! } });
  expect(back["x"]!.data).toEqual(Float16Array.from(unpackQ8(packQ8(x)!)!));
});

test.each([
  ["kivi_k", "kivi_v", 20],
  ["kivi_k2", "kivi_v2", 12],
] as const)(
  "kv_pack_q4 and its f16 twin pack keys as %s in the sandbox",
  async (format, like, bytes) => {
    const [wide, narrow] = [await load("kv_pack_q4"), await load("kv_pack_q4_f16")];
    const [wideBack, halfBack] = [await load("kv_unpack_q4"), await load("kv_unpack_q4_f16")];
    const x = Float16Array.from(normals(64 * 32, 7));
    const more = { params: { format }, dims: { block_bytes: bytes } };
    const expected = packKiviKeys(x, 32, like)!;
    const back = unpackKiviKeys(expected, 32, like)!;

    const packed = wide.call({ inputs: { x: f32(Float32Array.from(x), 64, 1, 32) }, ...more });
    expect(packed["packed"]!.data).toEqual(expected);
    const halves = narrow.call({ inputs: { x: { data: x, shape: [64, 1, 32] } }, ...more });
    expect(halves["packed"]!.data).toEqual(expected);
    const inputs = { packed: packed["packed"]! };
    expect(wideBack.call({ inputs, params: { format } })["x"]!.data).toEqual(back);
    const narrowed = halfBack.call({ inputs, params: { format } });
    expect(narrowed["x"]!.data).toEqual(Float16Array.from(back));
  },
);

const half = (length: number, seed: number) => Float16Array.from(normals(length, seed));

test("lora_apply_f16 runs in the sandbox, its scales f32 among tensors of f16", async () => {
  const kernel = await load("lora_apply_f16");
  const shape = { tokens: 5, in: 10, out: 7, rank: 3 };
  const tensors = {
    x: half(50, 1),
    a: half(2 * 30, 2),
    b: half(2 * 21, 3),
    scales: Float32Array.of(2, 0.5),
    base: half(35, 4),
    adapter: Int32Array.of(1, 1, 1, 1, -1),
  };
  const shapes = {
    x: [5, 10],
    a: [2, 3, 10],
    b: [2, 7, 3],
    scales: [2],
    base: [5, 7],
    adapter: [5],
  };
  const inputs = Object.fromEntries(
    Object.entries(shapes).map(([name, own]) => {
      return [name, { data: tensors[name as keyof typeof tensors], shape: own }];
    }),
  );
  const { y } = kernel.call({ inputs });
  const { y: expected, magnitudes } = lora(shape, tensors);
  for (const [i, value] of (y!.data as Float16Array).entries())
    expect(Math.abs(value - expected[i]!)).toBeLessThan(2 ** -10 * magnitudes[i]!);
});

describe("a code that a kernel returns", () => {
  test("rope_f32 without a layout fails as KERNEL_CODE, and the next call works", async () => {
    const kernel = await sandbox.load(pack, "rope_f32");
    const inputs = { x: f32(normals(8, 6), 1, 1, 1, 8), freqs: f32(new Float32Array(4), 1, 4) };
    let failure: unknown;
    try {
      kernel.call({ inputs });
    } catch (error) {
      failure = error;
    }
    expect(failure).toBeInstanceOf(Failure);
    expect((failure as Failure).code).toBe("KERNEL_CODE");
    expect(String(failure)).toContain("INVALID_PARAMS");
    const { y } = kernel.call({ inputs, params: { layout: "interleaved" } });
    expect(y!.data).toEqual(inputs.x.data);
  });
});
