// kv_pack_q4, plainly, one f32 operation after the other: the judge of every faster version.

import { f32ToF16 } from "../../src/tensor/mod.ts";

export type Q4Format = "q4_0" | "q4_1";

export const BLOCK_BYTES = { q4_0: 18, q4_1: 20 } as const;

/** The blocks of `x`, whose length is a multiple of 32. Undefined where a block cannot hold it. */
export function packQ4(x: Float32Array, format: Q4Format): Uint8Array | undefined {
  const bytes = BLOCK_BYTES[format];
  const packed = new Uint8Array((x.length / 32) * bytes);
  for (let block = 0; block < x.length / 32; block++) {
    const values = [...x.subarray(32 * block, 32 * block + 32)];
    const target = new DataView(packed.buffer, bytes * block, bytes);
    const done = format === "q4_0" ? packQ40(values, target) : packQ41(values, target);
    if (!done) return undefined;
  }
  return packed;
}

function packQ40(values: readonly number[], target: DataView): boolean {
  let largest = 0;
  for (const value of values) if (!(Math.abs(value) <= Math.abs(largest))) largest = value;
  const d = largest / -8;
  if (!(Math.abs(d) < 65520)) return false;
  target.setUint16(0, f32ToF16(d), true);
  writeCodes(target, 2, values, (value) => Math.fround(value * inverseOf(d)) + 8.5);
  return true;
}

function packQ41(values: readonly number[], target: DataView): boolean {
  let [least, greatest] = [values[0]!, values[0]!];
  for (const value of values) {
    if (!Number.isFinite(value)) return false;
    if (value < least) least = value;
    if (value > greatest) greatest = value;
  }
  const d = Math.fround(Math.fround(greatest - least) / 15);
  if (!(d < 65520) || !(Math.abs(least) < 65520)) return false;
  target.setUint16(0, f32ToF16(d), true);
  target.setUint16(2, f32ToF16(least), true);
  const scaled = (value: number) => Math.fround(Math.fround(value - least) * inverseOf(d));
  writeCodes(target, 4, values, (value) => scaled(value) + 0.5);
  return true;
}

/** 1 / d as f32; 0 where there is none. */
function inverseOf(d: number): number {
  const inverse = Math.fround(1 / d);
  return Number.isFinite(inverse) ? inverse : 0;
}

/** Byte j: the code of value j, and above it that of value j + 16. */
function writeCodes(
  target: DataView,
  at: number,
  values: readonly number[],
  code: (value: number) => number,
): void {
  const codes = values.map((value) => Math.min(15, Math.trunc(Math.fround(code(value)))));
  for (let j = 0; j < 16; j++) target.setUint8(at + j, codes[j]! | (codes[j + 16]! << 4));
}
