// Q8_0, packed and unpacked plainly, one f32 operation after the other: the judge of every faster version.

import type { Reference } from "../base/mod.ts";
import { KERNEL_CODES } from "../layout/mod.ts";
import { f16ToF32, f32ToF16 } from "../tensor/mod.ts";
import { bytesIn, bytesOut, floatsIn, floatsOut } from "./tensors.ts";

/** GGML's Q8_0 of `x`, whose length is a multiple of 32. Undefined where a block cannot hold it. */
export function packQ8(x: ArrayLike<number>): Uint8Array | undefined {
  const packed = new DataView(new ArrayBuffer((x.length / 32) * 34));
  for (let block = 0; block < x.length / 32; block++) {
    const values = Array.from({ length: 32 }, (_, i) => x[32 * block + i]!);
    const d = Math.fround(Math.max(...values.map(Math.abs)) / 127);
    if (!(d < 65520)) return undefined;
    const inverse = Math.fround(1 / d);
    const factor = inverse === Infinity ? 0 : inverse;
    packed.setUint16(34 * block, f32ToF16(d), true);
    values.forEach((value, i) => {
      const scaled = Math.fround(value * factor);
      const rounded = Math.sign(scaled) * Math.floor(Math.abs(scaled) + 0.5); // f64: no tie is lost.
      packed.setInt8(34 * block + 2 + i, rounded);
    });
  }
  return new Uint8Array(packed.buffer);
}

/** The f32 of GGML's Q8_0 blocks. Undefined where a scale is no number. */
export function unpackQ8(packed: Uint8Array): Float32Array | undefined {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  const x = new Float32Array((packed.length / 34) * 32);
  for (let block = 0; block < packed.length / 34; block++) {
    const d = f16ToF32(view.getUint16(34 * block, true));
    if (!Number.isFinite(d)) return undefined;
    for (let i = 0; i < 32; i++) x[32 * block + i] = view.getInt8(34 * block + 2 + i) * d;
  }
  return x;
}

export const packQ8Reference: Reference = (call) => {
  const x = floatsIn(call, "x", "rows", "blocks", 32);
  if (x === undefined) return KERNEL_CODES.INVALID_INPUT;
  const packed = bytesOut(call, "packed", "rows", "blocks", 34);
  if (packed === undefined) return KERNEL_CODES.INVALID_OUTPUT;
  const blocks = packQ8(x);
  if (blocks === undefined) return KERNEL_CODES.INVALID_INPUT;
  packed.set(blocks);
  return KERNEL_CODES.OK;
};

export const unpackQ8Reference: Reference = (call) => {
  const packed = bytesIn(call, "packed", "rows", "blocks", 34);
  if (packed === undefined) return KERNEL_CODES.INVALID_INPUT;
  const x = floatsOut(call, "x", "rows", "blocks", 32);
  if (x === undefined) return KERNEL_CODES.INVALID_OUTPUT;
  const values = unpackQ8(packed);
  if (values === undefined) return KERNEL_CODES.INVALID_INPUT;
  x.set(values);
  return KERNEL_CODES.OK;
};
