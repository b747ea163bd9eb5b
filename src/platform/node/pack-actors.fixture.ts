// What tests of pack actors ask again and again.

import { expect } from "vitest";
import { Failure } from "../../base/mod.ts";
import type { PackKernel } from "./pack-kernel.ts";

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
