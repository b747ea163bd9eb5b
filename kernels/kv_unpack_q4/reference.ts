// kv_unpack_q4, plainly: the judge of every faster version.

import { f16ToF32 } from "../../src/tensor/mod.ts";
import { BLOCK_BYTES, type Q4Format, turned } from "../kv_pack_q4/reference.ts";

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
      const [place, isHigh] = format === "kivi_v" ? [i >> 1, i % 2 === 1] : [i % 16, i >= 16];
      const byte = packed[at + bytes - 16 + place]!;
      const code = isHigh ? byte >> 4 : byte & 15;
      x[32 * block + i] = format === "q4_0" ? (code - 8) * d : Math.fround(code * d) + least;
    }
  }
  return x;
}

/** What `packKiviKeys` made, as rows of `channels` values. */
export function unpackKiviKeys(packed: Uint8Array, channels: number): Float32Array | undefined {
  const x = unpackQ4(packed, "kivi_v");
  return x && turned(x, channels, 32);
}
