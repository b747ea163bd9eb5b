// Kernels of packs for tests of actors, and what those tests ask again and again.

import { expect } from "vitest";
import { Failure } from "../../base/mod.ts";
import { kernelModule, type KernelText, verifiedPack } from "../../sandbox/kernel.fixture.ts";
import type { PackKernel } from "./pack-kernel.ts";

/** y[0] = x[0] + calls of this instance so far. x[0] decides how it ends; 10 and more are ordinary. */
export const HOW = { code: 1, trap: 2, spin: 3, divide: 4, outside: 5, grow: 6, fill: 7 } as const;

/** `grow` asks for more pages than any grant, `fill` for what is granted: y[0] is what it got. */
const ENDS: KernelText = {
  fields: "(global $calls (mut f32) (f32.const 0))",
  forward: `(local $x f32)
    (local.set $x (f32.load (i32.load (local.get $at))))
    (f32.store (i32.load offset=16 (local.get $at)) (f32.add (local.get $x) (global.get $calls)))
    (global.set $calls (f32.add (global.get $calls) (f32.const 1)))
    (if (f32.eq (local.get $x) (f32.const ${HOW.code})) (then (return (i32.const 3))))
    (if (f32.eq (local.get $x) (f32.const ${HOW.trap})) (then unreachable))
    (if (f32.eq (local.get $x) (f32.const ${HOW.spin})) (then (loop $spin (br $spin))))
    (if (f32.eq (local.get $x) (f32.const ${HOW.divide}))
      (then (drop (i32.div_u (i32.const 1) (i32.const 0)))))
    (if (f32.eq (local.get $x) (f32.const ${HOW.outside}))
      (then (i32.store (i32.const -8) (i32.const 1))))
    (if (f32.eq (local.get $x) (f32.const ${HOW.grow}))
      (then (if (i32.eq (memory.grow (i32.const 60000)) (i32.const -1))
        (then (return (i32.const 4))))))
    (if (f32.eq (local.get $x) (f32.const ${HOW.fill}))
      (then (f32.store (i32.load offset=16 (local.get $at))
        (f32.convert_i32_s (memory.grow (i32.const 1))))))
    (i32.const 0)`,
};

export const ends = await verifiedPack([{ module: await kernelModule(ENDS) }]);

/** What an invocation with this first element comes to: y[0], or the failure's code. */
export async function outcome(kernel: PackKernel, x: number): Promise<unknown> {
  kernel.inputs["x"]![0] = x;
  return kernel.invoke().then(() => kernel.outputs["y"]![0], codeOf);
}

export function codeOf(error: unknown): string {
  if (error instanceof Failure) return error.code;
  throw error;
}

/** Once a thread has so many of the kernel's messages. */
export async function running(kernel: PackKernel, count = 1): Promise<void> {
  await expect.poll(() => kernel.metrics.inHand, { timeout: 10_000, interval: 1 }).toBe(count);
}
