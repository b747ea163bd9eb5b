// kv_unpack_q8, plainly: the judge of every faster version.

import { f16ToF32 } from "../../src/tensor/mod.ts";

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
