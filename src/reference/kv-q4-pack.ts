// kv_pack_q4, plainly, one f32 operation after the other: the judge of every faster version.

import type { Reference, ReferenceCall } from "../base/mod.ts";
import { KERNEL_CODES } from "../layout/mod.ts";
import { f16ToF32, f32ToF16 } from "../tensor/mod.ts";
import { bytesOut, dim, floatsIn, param } from "./tensors.ts";

/** Formats whose blocks run along a row. `kivi_v2` has codes of 2 bits, the others of 4. */
export type Q4Format = "q4_0" | "q4_1" | "kivi_v" | "kivi_v2";

export const BLOCK_BYTES = { q4_0: 18, q4_1: 20, kivi_v: 20, kivi_v2: 12 } as const;

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
export function packKiviKeys(
  x: ArrayLike<number>,
  channels: number,
  format: "kivi_v" | "kivi_v2" = "kivi_v",
): Uint8Array | undefined {
  return packQ4(turned(x, 32, channels), format);
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
  const head = writeHead(values, target, 15);
  if (head === undefined) return false;
  const [d, least] = head;
  const scaled = (value: number) => Math.fround(Math.fround(value - least) * inverseOf(d));
  writeCodes(target, 4, values, (value) => scaled(value) + 0.5);
  return true;
}

/** Writes a block's step and least value, and gives them as they were before f16 rounded them. */
function writeHead(
  values: readonly number[],
  target: DataView,
  most: number,
): readonly [step: number, least: number] | undefined {
  let [least, greatest] = [values[0]!, values[0]!];
  for (const value of values) {
    if (!Number.isFinite(value)) return undefined;
    if (value < least) least = value;
    if (value > greatest) greatest = value;
  }
  const d = Math.fround(Math.fround(greatest - least) / most);
  if (!(d < 65520) || !(Math.abs(least) < 65520)) return undefined;
  target.setUint16(0, f32ToF16(d), true);
  target.setUint16(2, f32ToF16(least), true);
  return [d, least];
}

/** KIVI's blocks, whose codes of `bits` bits follow each other, the first lowest. */
function packKivi(values: readonly number[], target: DataView, bits: number): boolean {
  const most = 2 ** bits - 1;
  if (writeHead(values, target, most) === undefined) return false;
  const step = f16ToF32(target.getUint16(0, true));
  const least = f16ToF32(target.getUint16(2, true));
  const codes = values.map((value) => {
    const steps = Math.fround(Math.fround(value - least) / step);
    return step === 0 ? 0 : Math.min(most, Math.max(0, nearestEven(steps)));
  });
  for (let at = 4; at < target.byteLength; at++) {
    const own = codes.splice(0, 8 / bits);
    target.setUint8(
      at,
      own.reduceRight((byte, code) => (byte << bits) | code, 0),
    );
  }
  return true;
}

function nearestEven(value: number): number {
  const low = Math.floor(value);
  if (value - low !== 0.5) return Math.round(value);
  return low % 2 === 0 ? low : low + 1;
}

const PACKERS: Readonly<Record<Q4Format, typeof packQ40>> = {
  q4_0: packQ40,
  q4_1: packQ41,
  kivi_v: (values, target) => packKivi(values, target, 4),
  kivi_v2: (values, target) => packKivi(values, target, 2),
};

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
const FORMATS = [undefined, "q4_0", "q4_1", "kivi_k", "kivi_v", "kivi_k2", "kivi_v2"] as const;

type KeysFormat = "kivi_k" | "kivi_k2";

/** Whether a format's blocks run along 32 rows. */
export function isOfKeys(format: Q4Format | KeysFormat): format is KeysFormat {
  return format === "kivi_k" || format === "kivi_k2";
}

/** The format of the same blocks along a row. */
export function alongRow(format: Q4Format | KeysFormat): Q4Format {
  return isOfKeys(format) ? valuesLike(format) : format;
}

/** The format of values whose blocks are like those of the keys. */
export function valuesLike(format: KeysFormat): "kivi_v" | "kivi_v2" {
  return format === "kivi_k" ? "kivi_v" : "kivi_v2";
}

/** The format that a call chose; undefined where it chose none. */
export function formatOf(call: ReferenceCall): (typeof FORMATS)[number] {
  return FORMATS[param(call, "format")];
}

export const packQ4Reference: Reference = (call) => {
  const format = formatOf(call);
  if (format === undefined) return KERNEL_CODES.INVALID_PARAMS;
  const x = floatsIn(call, "x", "rows", "blocks", 32);
  if (x === undefined) return KERNEL_CODES.INVALID_INPUT;
  const bytes = BLOCK_BYTES[alongRow(format)];
  const packed = bytesOut(call, "packed", "rows", "blocks", bytes);
  if (packed === undefined || dim(call, "block_bytes") !== bytes)
    return KERNEL_CODES.INVALID_OUTPUT;
  if (isOfKeys(format) && dim(call, "rows") % 32 !== 0) return KERNEL_CODES.INVALID_INPUT;
  const channels = 32 * dim(call, "blocks");
  const blocks = isOfKeys(format)
    ? packKiviKeys(x, channels, valuesLike(format))
    : packQ4(x, format);
  if (blocks === undefined) return KERNEL_CODES.INVALID_INPUT;
  packed.set(blocks);
  return KERNEL_CODES.OK;
};
