// Same: whether two contenders did the same work, which must be so before their times are compared.

import type { TensorView } from "../../src/base/mod.ts";

/** Relative to the largest value: each side rounds in its own way, and f16 has eleven bits. */
const ERROR_MAX = { f32: 1e-4, f16: 5e-3 } as const;

/** Share of packed bytes that may differ: a sum rounded otherwise now and then gives another code. */
const BYTES_MAX = 1e-3;

/** Fails where `theirs` is not what `ours` is. */
export function requireSame(what: string, ours: TensorView, theirs: TensorView): void {
  if (ours.length !== theirs.length)
    throw new Error(`${what}: ${theirs.length} values where ours are ${ours.length}`);
  const isPacked = ours instanceof Uint8Array;
  const found = isPacked ? shareThatDiffers(ours, theirs) : relativeError(ours, theirs);
  const limit = isPacked ? BYTES_MAX : ERROR_MAX[ours instanceof Float16Array ? "f16" : "f32"];
  if (!(found <= limit)) throw new Error(`${what}: results differ by ${found}: not the same work`);
}

function relativeError(ours: TensorView, theirs: TensorView): number {
  let largest = 0;
  let error = 0;
  for (let i = 0; i < ours.length; i++) {
    largest = Math.max(largest, Math.abs(theirs[i]!));
    error = Math.max(error, Math.abs(ours[i]! - theirs[i]!));
  }
  return error === 0 ? 0 : error / largest;
}

function shareThatDiffers(ours: TensorView, theirs: TensorView): number {
  let different = 0;
  for (let i = 0; i < ours.length; i++) if (ours[i] !== theirs[i]) different++;
  return different / ours.length;
}
