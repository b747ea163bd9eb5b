// Endless kernel: the smallest kernel that never ends unless told to, written byte by byte, so that
// `annulus doctor` needs no compiler. Its param `spin` says whether to go on for ever.

import { DESCRIPTOR } from "../layout/mod.ts";
import { buildPack, memoryFiles, type PackFiles, SIGNATURE_PATH } from "../pack/mod.ts";
import { MANIFEST_PATH, type PackSource, type SigningKey } from "../pack/mod.ts";

const SOURCE = {
  name: "annulus-doctor",
  version: "0.1.0",
  description: "A kernel that does not end by itself",
  min_runtime_version: "0.0.0",
  max_runtime_version: "1000.0.0",
  created_at: "2026-01-18T00:00:00Z",
  author: { name: "annulus doctor", email: "annulus@example.invalid" },
  kernels: [
    {
      id: "endless",
      name: "Runs until it is stopped",
      category: "custom",
      path: "endless.wasm",
      entry_point: "run",
      inputs: [],
      outputs: [],
      params: { spin: { type: "bool", default: true } },
      resource_limits: { max_memory_pages: 2, max_epoch_ticks: 1000, max_table_elements: 0 },
      platforms: { node: { min_version: "0.0.0" } },
    },
  ],
} as const satisfies PackSource;

/** The files of a pack with this one kernel, signed by `key`. */
export async function endlessPack(key: SigningKey): Promise<PackFiles> {
  const files = await buildPack(SOURCE, {
    read: async () => endlessModule(),
    compile: () => Promise.reject(new Error("the kernel has no source")),
    signingKey: key.publicText,
  });
  const signature = await key.sign(files.get(MANIFEST_PATH)!);
  return memoryFiles(new Map([...files, [SIGNATURE_PATH, signature]]));
}

const I32 = 0x7f;
const END = 0x0b;
const OK = [0x41, 0]; // i32.const 0.

/** While the first param is set: the descriptor names the params, they begin with `spin`. */
const WHILE_SPIN = [
  ...[0x03, 0x40], // loop
  ...[0x20, 0], //      local.get 0, the descriptor
  ...[0x28, 2, DESCRIPTOR.fields.params_offset.at], // i32.load
  ...[0x28, 2, 0], //   i32.load
  ...[0x0d, 0], //      br_if, back to the loop
  END,
];

function endlessModule(): Uint8Array<ArrayBuffer> {
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [type(1), type(2), type(0)]),
    ...section(3, [[0], [1], [0], [2]]), // The four functions' types.
    ...section(5, [[0, 1]]), // One page.
    ...section(7, [
      exported("run", 0, 0),
      exported("kernel_init", 0, 1),
      exported("kernel_info", 0, 2),
      exported("kernel_cleanup", 0, 3),
      exported("memory", 2, 0),
    ]),
    ...section(10, [body([...WHILE_SPIN, ...OK]), body(OK), body(OK), body(OK)]),
  ]);
}

/** Every length here is below 128, so that it takes one byte. */
function section(id: number, items: readonly (readonly number[])[]): number[] {
  const payload = [items.length, ...items.flat()];
  return [id, payload.length, ...payload];
}

/** A function of `params` times i32 that returns an i32. */
function type(params: number): number[] {
  return [0x60, params, ...Array.from({ length: params }, () => I32), 1, I32];
}

function exported(name: string, kind: number, index: number): number[] {
  return [name.length, ...new TextEncoder().encode(name), kind, index];
}

function body(code: readonly number[]): number[] {
  return [code.length + 2, 0, ...code, END];
}
