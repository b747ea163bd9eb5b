// kv_unpack_q4, plainly: the judge of every faster version.

import type { Reference } from "../base/mod.ts";
import { KERNEL_CODES } from "../layout/mod.ts";
import { f16ToF32 } from "../tensor/mod.ts";
import {
  alongRow,
  BLOCK_BYTES,
  formatOf,
  isOfKeys,
  type Q4Format,
  turned,
  valuesLike,
} from "./kv-q4-pack.ts";
import { bytesIn, dim, floatsOut } from "./tensors.ts";

/** The f32 of blocks that `packQ4` made. Undefined where a block's scale or minimum is no number. */
export function unpackQ4(packed: Uint8Array, format: Q4Format): Float32Array | undefined {
  const bytes = BLOCK_BYTES[format];
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  const x = new Float32Array((packed.length / bytes) * 32);
  for (let block = 0; block < packed.length / bytes; block++) {
    const at = bytes * block;
    const d = f16ToF32(view.getUint16(at, true));
    const least = format === "q4_0" ? 0 : f16ToF32(view.getUint16(at + 2, true));
    if (!Number.isFinite(d) || !Number.isFinite(least)) return undefined;
    for (let i = 0; i < 32; i++) {
      const code = codeOf(packed.subarray(at, at + bytes), format, i);
      x[32 * block + i] = format === "q4_0" ? (code - 8) * d : Math.fround(code * d) + least;
    }
  }
  return x;
}

/** The code of value `i` of a block. */
function codeOf(block: Uint8Array, format: Q4Format, i: number): number {
  if (format === "kivi_v2") return (block[4 + (i >> 2)]! >> (2 * (i % 4))) & 3;
  const [place, isHigh] = format === "kivi_v" ? [i >> 1, i % 2 === 1] : [i % 16, i >= 16];
  const byte = block[block.length - 16 + place]!;
  return isHigh ? byte >> 4 : byte & 15;
}

/** What `packKiviKeys` made, as rows of `channels` values. */
export function unpackKiviKeys(
  packed: Uint8Array,
  channels: number,
  format: "kivi_v" | "kivi_v2" = "kivi_v",
): Float32Array | undefined {
  const x = unpackQ4(packed, format);
  return x && turned(x, channels, 32);
}

export const unpackQ4Reference: Reference = (call) => {
  const format = formatOf(call);
  if (format === undefined) return KERNEL_CODES.INVALID_PARAMS;
  const bytes = BLOCK_BYTES[alongRow(format)];
  const packed = bytesIn(call, "packed", "rows", "blocks", bytes);
  if (packed === undefined || dim(call, "block_bytes") !== bytes) return KERNEL_CODES.INVALID_INPUT;
  const x = floatsOut(call, "x", "rows", "blocks", 32);
  if (x === undefined) return KERNEL_CODES.INVALID_OUTPUT;
  if (isOfKeys(format) && dim(call, "rows") % 32 !== 0) return KERNEL_CODES.INVALID_INPUT;
  const channels = 32 * dim(call, "blocks");
  const values = isOfKeys(format)
    ? unpackKiviKeys(packed, channels, valuesLike(format))
    : unpackQ4(packed, format);
  if (values === undefined) return KERNEL_CODES.INVALID_INPUT;
  x.set(values);
  return KERNEL_CODES.OK;
};
