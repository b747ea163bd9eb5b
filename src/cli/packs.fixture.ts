// Packs fixture: a signed pack of tiny kernels that end in every way a kernel can.

import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import wabtInit from "wabt";
import {
  buildPack,
  generateSigningKey,
  MANIFEST_PATH,
  type PackSource,
  printKeyring,
  SIGNATURE_PATH,
  type SigningKey,
  trustKeys,
} from "../pack/mod.ts";

type KernelSource = PackSource["kernels"][number];
type Tensors = KernelSource["inputs"];

const wabt = await wabtInit();

/** The ABI's functions around a forward function, as its author would write them. */
function moduleOf(forward: string): Uint8Array {
  const parsed = wabt.parseWat(
    "kernel.wat",
    `(module (memory (export "memory") 1)
      (func (export "kernel_init") (param i32 i32) (result i32) (i32.const 0))
      (func (export "kernel_info") (param i32) (result i32) (i32.const 0))
      (func (export "kernel_cleanup") (result i32) (i32.const 0))
      (func $run (export "run") (param $d i32) (result i32) ${forward}))`,
    { simd: true, bulk_memory: true },
  );
  try {
    return parsed.toBinary({ write_debug_names: true }).buffer;
  } finally {
    parsed.destroy();
  }
}

/** Descriptor words by their offsets: A 0 and 4, B 8, output 16 and 20, params 32. */
const word = (at: number): string => `(i32.load offset=${at} (local.get $d))`;
/** Copies the input to `at` bytes behind the start of the outputs. */
const copyTo = (at: number): string =>
  `(memory.copy (i32.add ${word(16)} (i32.const ${at})) ${word(0)} ${word(4)})`;
const COPY = `${copyTo(0)} (i32.const 0)`;

interface Kernel {
  readonly forward: string;
  readonly inputs?: Tensors;
  readonly outputs?: Tensors;
  readonly params?: KernelSource["params"];
}

const vector = (name: string, dtype: Tensors[number]["dtype"] = "f32"): Tensors[number] => {
  return { name, dtype, shape: ["n"] };
};

const KERNELS: Readonly<Record<string, Kernel>> = {
  copy: { forward: COPY },
  copy_f16: {
    forward: COPY,
    inputs: [vector("x", "f16")],
    outputs: [vector("y", "f16")],
  },
  /** Two outputs of 4 elements, 16 bytes each: the second begins where the first ends. */
  twice: {
    forward: `${copyTo(16)} ${COPY}`,
    inputs: [{ name: "x", dtype: "f32", shape: [4] }],
    outputs: [
      { name: "y", dtype: "f32", shape: [4] },
      { name: "z", dtype: "f32", shape: [4] },
    ],
  },
  matrix: {
    forward: COPY,
    inputs: [{ name: "x", dtype: "f32", shape: ["rows", "cols"] }],
    outputs: [{ name: "y", dtype: "f32", shape: ["rows", "cols"] }],
  },
  /** Zeros: only `--dim` can say how many. */
  zeros: { forward: "(i32.const 0)", inputs: [] },
  endless: { forward: "(loop (br 0)) (i32.const 0)" },
  trap: { forward: "(drop (i32.load (i32.const -1))) (i32.const 0)" },
  /** Returns its param `code`, the first word of the params. */
  code: {
    forward: "(i32.load (i32.load offset=32 (local.get $d)))",
    params: {
      code: { type: "u32", default: 0, values: { fine: 0, bad_input: 1 } },
      flag: { type: "bool", default: false },
      wide: { type: "u64", default: 0 },
      scale: { type: "f32", default: 1 },
    },
  },
};

const entry = ([id, kernel]: [string, Kernel]): KernelSource => ({
  id,
  name: id,
  category: "custom",
  path: `${id}.wasm`,
  entry_point: "run",
  inputs: kernel.inputs ?? [vector("x")],
  outputs: kernel.outputs ?? [vector("y")],
  params: kernel.params ?? {},
  resource_limits: { max_memory_pages: 64, max_epoch_ticks: 6000, max_table_elements: 0 },
  platforms: { node: { min_version: "24.0.0", features: ["bulk-memory"] } },
});

/** The files of the pack, signed by `key`. */
async function tinyPack(key: SigningKey): Promise<ReadonlyMap<string, Uint8Array>> {
  const source: PackSource = {
    name: "tiny",
    version: "1.2.3",
    description: "Kernels that end in every way",
    min_runtime_version: "0.1.0",
    max_runtime_version: "1.0.0",
    created_at: "2026-01-18T00:00:00Z",
    author: { name: "A", email: "a@example.com" },
    kernels: Object.entries(KERNELS).map(entry),
  };
  const files = await buildPack(source, {
    read: async (path) => moduleOf(KERNELS[path.replace(".wasm", "")]!.forward),
    compile: () => Promise.reject(new Error("no kernel has a source")),
    signingKey: key.publicText,
  });
  const manifest = files.get(MANIFEST_PATH)!;
  return new Map([...files, [SIGNATURE_PATH, await key.sign(manifest)]]);
}

/** Writes the pack to `folder`/pack, and a key ring that trusts its key to `folder`/trust.json. */
export async function writeTinyPack(folder: string): Promise<void> {
  const { key } = await generateSigningKey();
  for (const [path, bytes] of await tinyPack(key)) {
    const file = join(folder, "pack", path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, bytes);
  }
  const trust = await trustKeys(key.publicKey);
  await writeFile(join(folder, "trust.json"), printKeyring(trust));
}
