// Modules: kernels that compute nothing, or next to it, so that what surrounds them can be timed.

import wabt from "wabt";

import { LIMITS, PLATFORMS } from "../../kernels/defaults.ts";
import type { KernelSource } from "../../src/pack/mod.ts";

/** The functions of the ABI that these kernels have to have but nobody waits for. */
const ABI = `
  (memory (export "memory") 1)
  (func (export "kernel_init") (param i32 i32) (result i32) (i32.const 0))
  (func (export "kernel_info") (param i32) (result i32) (i32.const 0))
  (func (export "kernel_cleanup") (result i32) (i32.const 0))`;

/** Returns at once. */
export function emptyModule(): Promise<Uint8Array<ArrayBuffer>> {
  return assemble(`(module ${ABI}
    (func (export "kernel_forward") (param i32) (result i32) (i32.const 0)))`);
}

/** Counts down from `turns` in a loop that does nothing else: every turn is one epoch check. */
export function countdownModule(turns: number): Promise<Uint8Array<ArrayBuffer>> {
  return assemble(`(module ${ABI}
    (func (export "kernel_forward") (param i32) (result i32)
      (local.set 0 (i32.const ${turns}))
      (loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
      (i32.const 0)))`);
}

async function assemble(wat: string): Promise<Uint8Array<ArrayBuffer>> {
  const tools = await wabt();
  const module = tools.parseWat("kernel.wat", wat);
  try {
    return new Uint8Array(module.toBinary({}).buffer);
  } finally {
    module.destroy();
  }
}

/** The same module with a custom section, so that no cache knows its bytes. */
export function marked(module: Uint8Array, mark: number): Uint8Array<ArrayBuffer> {
  const word = [mark & 255, (mark >> 8) & 255, (mark >> 16) & 255, mark >>> 24];
  return Uint8Array.from([...module, 0, 6, 1, 0x6d, ...word]); // Section 0, 6 bytes, name "m".
}

/** A manifest entry for such a module: one vector in, one out. */
export function plainKernel(id: string): KernelSource {
  return {
    id,
    name: id,
    category: "activation",
    path: `bench/${id}.wasm`,
    entry_point: "kernel_forward",
    inputs: [{ name: "x", dtype: "f32", shape: ["n"] }],
    outputs: [{ name: "y", dtype: "f32", shape: ["n"] }],
    resource_limits: LIMITS,
    platforms: PLATFORMS,
  };
}
