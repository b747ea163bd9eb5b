// 02 Build and sign: a kernel's author, and the host that decides whom it trusts.
// The command line does the same: annulus pack keygen, build, verify.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Failure, loadPack, Sandbox, trustKeys } from "../src/index.node.ts";
import { buildPack, compileAssemblyScript, generateSigningKey } from "../src/pack.node.ts";
import { type PackSource, writeTar } from "../src/pack.node.ts";

// The author: a kernel in AssemblyScript, and a manifest that says what it takes and may use.
const file = join(import.meta.dirname, "halve.as.ts");
const text = `
  import { inputAOffset, inputASize, outputOffset, OK } from "annulus/generated/abi.as";
  export { kernel_init, kernel_cleanup } from "annulus/kernels/std/stateless";
  export function kernel_info(info: usize): i32 { return OK; }
  export function kernel_forward(desc: usize): i32 {
    const x = inputAOffset(desc), y = outputOffset(desc), bytes = inputASize(desc);
    for (let i: u32 = 0; i < bytes; i += 4) store<f32>(y + i, load<f32>(x + i) / 2);
    return OK;
  }`;
const source: PackSource = {
  name: "my-pack",
  version: "1.0.0",
  description: "One kernel",
  min_runtime_version: "0.1.0",
  max_runtime_version: "1.0.0",
  created_at: "2026-01-18T00:00:00Z",
  author: { name: "Me", email: "me@example.invalid" },
  kernels: [
    {
      ...{ id: "halve", name: "Half of it", category: "custom", path: "halve.wasm" },
      source: "halve.as.ts",
      entry_point: "kernel_forward",
      inputs: [{ name: "x", dtype: "f32", shape: ["n"] }],
      outputs: [{ name: "y", dtype: "f32", shape: ["n"] }],
      resource_limits: { max_memory_pages: 16, max_epoch_ticks: 100, max_table_elements: 0 },
    },
  ],
};
const { key } = await generateSigningKey();
const files = await buildPack(source, {
  compile: () => compileAssemblyScript(file, undefined, new Map([[file, text]])),
  read: readFile, // Of kernels that come as `.wasm`.
  signingKey: key.publicText,
});
const signature = await key.sign(files.get("kernels.json")!);
const archive = writeTar(new Map([...files, ["kernels.json.sig", signature]]));
console.log(`built ${[...files.keys()].join(", ")}; signed by ${key.id}`);

// The host: it trusts the author's public key, which reached it by another way than the pack.
const pack = await loadPack(archive, { trust: await trustKeys(key.publicText) });
await using sandbox = await Sandbox.create();
const kernel = await sandbox.load(pack, "halve");
const x = { shape: [3], data: Float32Array.of(1, 2, 3) };
console.log("halves:", kernel.call({ inputs: { x } })["y"]?.data);

// Anybody else's host does not.
const stranger = await trustKeys((await generateSigningKey()).key.publicText);
const refusal: unknown = await loadPack(archive, { trust: stranger }).catch((e: unknown) => e);
console.log("a stranger's host:", refusal instanceof Failure ? refusal.code : refusal);
