// kv_pack_q4, plainly, one f32 operation after the other: the judge of every faster version.

import type { Reference, ReferenceCall } from "../base/mod.ts";
import { KERNEL_CODES } from "../layout/mod.ts";
import { f16ToF32, f32ToF16 } from "../tensor/mod.ts";
import { bytesOut, dim, floatsIn, param } from "./tensors.ts";

export type Q4Format = "q4_0" | "q4_1" | "kivi_v";

export const BLOCK_BYTES = { q4_0: 18, q4_1: 20, kivi_v: 20 } as const;

/** The blocks of `x`, whose length is a multiple of 32. Undefined where a block cannot hold it. */
export function packQ4(x: ArrayLike<number>, format: Q4Format): Uint8Array | undefined {
  const bytes = BLOCK_BYTES[format];
  const packed = new Uint8Array((x.length / 32) * bytes);
  for (let block = 0; block < x.length / 32; block++) {
    const values = Array.from({ length: 32 }, (_, i) => x[32 * block + i]!);
    const target = new DataView(packed.buffer, bytes * block, bytes);
    if (!PACKERS[format](values, target)) return undefined;
  }
  return packed;
}

/** KIVI's keys: `packQ4` of blocks that run along 32 rows of `channels` values each. */
export function packKiviKeys(x: ArrayLike<number>, channels: number): Uint8Array | undefined {
  return packQ4(turned(x, 32, channels), "kivi_v");
}

/** Each group of `rows` times `columns` values with its rows as columns. */
export function turned(x: ArrayLike<number>, rows: number, columns: number): Float32Array {
  return Float32Array.from(x, (_, at) => {
    const [group, within] = [Math.floor(at / (rows * columns)), at % (rows * columns)];
    return x[group * rows * columns + (within % rows) * columns + Math.floor(within / rows)]!;
  });
}

function packQ40(values: readonly number[], target: DataView): boolean {
  if (values.some(Number.isNaN)) return false;
  let largest = 0;
  for (const value of values) if (Math.abs(value) > Math.abs(largest)) largest = value;
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

function packKiviValues(values: readonly number[], target: DataView): boolean {
  const header = new DataView(new ArrayBuffer(20));
  if (!packQ41(values, header)) return false; // The same step and least value.
  target.setUint32(0, header.getUint32(0));
  const [step, least] = [0, 2].map((at) => f16ToF32(header.getUint16(at, true))) as [
    number,
    number,
  ];
  const codes = values.map((value) => {
    const steps = Math.fround(Math.fround(value - least) / step);
    return step === 0 ? 0 : Math.min(15, Math.max(0, nearestEven(steps)));
  });
  for (let j = 0; j < 16; j++) target.setUint8(4 + j, codes[2 * j]! | (codes[2 * j + 1]! << 4));
  return true;
}

function nearestEven(value: number): number {
  const low = Math.floor(value);
  if (value - low !== 0.5) return Math.round(value);
  return low % 2 === 0 ? low : low + 1;
}

const PACKERS = { q4_0: packQ40, q4_1: packQ41, kivi_v: packKiviValues } as const;

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

/** The formats by their numbers in the manifests. */
const FORMATS = [undefined, "q4_0", "q4_1", "kivi_k", "kivi_v"] as const;

/** The format that a call chose; undefined where it chose none. */
export function formatOf(call: ReferenceCall): (typeof FORMATS)[number] {
  return FORMATS[param(call, "format")];
}

export const packQ4Reference: Reference = (call) => {
  const format = formatOf(call);
  if (format === undefined) return KERNEL_CODES.INVALID_PARAMS;
  const x = floatsIn(call, "x", "rows", "blocks", 32);
  if (x === undefined) return KERNEL_CODES.INVALID_INPUT;
  const packed = bytesOut(call, "packed", "rows", "blocks", blockBytesOf(format));
  if (packed === undefined || dim(call, "block_bytes") !== blockBytesOf(format))
    return KERNEL_CODES.INVALID_OUTPUT;
  if (format === "kivi_k" && dim(call, "rows") % 32 !== 0) return KERNEL_CODES.INVALID_INPUT;
  const channels = 32 * dim(call, "blocks");
  const blocks = format === "kivi_k" ? packKiviKeys(x, channels) : packQ4(x, format);
  if (blocks === undefined) return KERNEL_CODES.INVALID_INPUT;
  packed.set(blocks);
  return KERNEL_CODES.OK;
};

export function blockBytesOf(format: Q4Format | "kivi_k"): number {
  return BLOCK_BYTES[format === "kivi_k" ? "kivi_v" : format];
}
