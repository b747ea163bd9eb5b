// Tiny: all of Annulus in one file, to be read first. A kernel is written, packed and signed; a host that
// trusts the signer runs it on tensors, refuses the pack when a byte of it changes, and stops a kernel
// that would never end, in its own thread.

import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { KernelError, loadPack, Sandbox, trustKeys, type VerifiedPack } from "../src/index.node.ts";
import {
  buildPack,
  compileAssemblyScript,
  generateSigningKey,
  writeTar,
} from "../src/pack.node.ts";

// The author's side: two kernels in AssemblyScript. The host calls `kernel_forward` with a descriptor,
// which says where in the kernel's memory its tensors and params lie.

const FILE = join(import.meta.dirname, "tiny.as.ts"); // Nowhere on disk.
const KERNELS: Readonly<Record<string, string>> = {
  scale: `
    const x = inputAOffset(desc), y = outputOffset(desc), end = x + inputASize(desc);
    const factor = load<f32>(paramsOffset(desc));
    for (let i = x; i < end; i += 4) store<f32>(y + i - x, load<f32>(i) * factor);
    return OK;`,
  endless: "while (true) {} return OK;",
};

function source(id: string): string {
  return `
    import { inputAOffset, inputASize, outputOffset, paramsOffset, OK } from "annulus/generated/abi.as";
    export { kernel_init, kernel_cleanup } from "annulus/kernels/std/stateless";
    export function kernel_info(info: usize): i32 { return OK; }
    export function kernel_forward(desc: usize): i32 { ${KERNELS[id]} }`;
}

// The manifest's part on each: what it takes, what it gives, what it may use.
const entry = (id: string) =>
  ({
    id,
    name: id,
    category: "custom",
    path: `${id}.wasm`,
    source: `${id}.as.ts`,
    entry_point: "kernel_forward",
    inputs: [{ name: "x", dtype: "f32", shape: ["rows", "dim"] }],
    outputs: [{ name: "y", dtype: "f32", shape: ["rows", "dim"] }],
    params: { factor: { type: "f32", default: 1, min: -100, max: 100 } },
    resource_limits: { max_memory_pages: 16, max_epoch_ticks: 100, max_table_elements: 0 },
  }) as const;

/** The pack as one file, and the public key by which a host may come to trust it. */
async function signedArchive() {
  const { key } = await generateSigningKey();
  const about = {
    name: "tiny",
    version: "1.0.0",
    description: "Two kernels",
    min_runtime_version: "0.1.0",
    max_runtime_version: "1.0.0",
    created_at: "2026-01-18T00:00:00Z",
    author: { name: "Me", email: "me@example.invalid" },
  };
  const files = await buildPack(
    { ...about, kernels: [entry("scale"), entry("endless")] },
    {
      compile: ({ id }) => compileAssemblyScript(FILE, undefined, new Map([[FILE, source(id)]])),
      read: () => Promise.reject(new Error("every kernel has a source")),
      signingKey: key.publicText,
    },
  );
  const signature = await key.sign(files.get("kernels.json")!);
  const archive = writeTar(new Map([...files, ["kernels.json.sig", signature]]));
  return { archive, publicKey: key.publicText };
}

// The host's side.

let archive: Uint8Array;
let publicKey: string;
let pack: VerifiedPack;
beforeAll(async () => {
  ({ archive, publicKey } = await signedArchive());
  pack = await loadPack(archive, { trust: await trustKeys(publicKey) });
});

test("a kernel runs on tensors that lie in its own memory", async () => {
  await using sandbox = await Sandbox.create({ preset: "server" });
  const kernel = await sandbox.load(pack, "scale");
  using call = kernel.prepare({ inputs: { x: [2, 3] }, params: { factor: 10 } });
  call.inputs.x.set([1, 2, 3, 4, 5, 6]);
  call.run();
  expect(call.outputs["y"]).toEqual(Float32Array.of(10, 20, 30, 40, 50, 60));
});

test("or on tensors by value, in one line", async () => {
  await using sandbox = await Sandbox.create();
  const kernel = await sandbox.load(pack, "scale");
  const x = { shape: [1, 2], data: Float32Array.of(3, 4) };
  const { y } = kernel.call({ inputs: { x }, params: { factor: -1 } });
  expect(y).toEqual({ shape: [1, 2], data: Float32Array.of(-3, -4) });
});

test("a pack with one byte changed is refused, wherever the byte is", async () => {
  const trust = await trustKeys(publicKey);
  for (const text of ['"tiny"', "kernel_forward"]) {
    const changed = archive.slice();
    changed[Buffer.from(changed).lastIndexOf(text) + 2]! ^= 1; // In the manifest, in a module.
    await expect(loadPack(changed, { trust })).rejects.toMatchObject({
      code: expect.stringMatching(/^(NO_TRUSTED_KEY|HASH_MISMATCH)$/),
    });
  }
});

test("a pack signed by a stranger is refused", async () => {
  const stranger = await trustKeys((await generateSigningKey()).key.publicText);
  await expect(loadPack(archive, { trust: stranger })).rejects.toMatchObject({
    code: "NO_TRUSTED_KEY",
  });
});

test("a kernel that never ends is stopped in this thread, and everything goes on", async () => {
  await using sandbox = await Sandbox.create();
  const endless = await sandbox.load(pack, "endless");
  const scale = await sandbox.load(pack, "scale");
  const x = { shape: [1, 1], data: Float32Array.of(1) };
  expect(() => endless.call({ inputs: { x }, budgetMs: 20 })).toThrow(KernelError);
  expect(() => endless.call({ inputs: { x }, budgetMs: 20 })).toThrow("budget");
  expect(scale.call({ inputs: { x } })["y"]?.data).toEqual(x.data);
});
