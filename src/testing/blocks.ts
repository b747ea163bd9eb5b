// Blocks: GGML's Q8_0 read as numbers, for outputs that are judged by what they stand for.

import { f16ToF32 } from "../tensor/mod.ts";

const BLOCK_BYTES = 34;
const CODES = 32;

/** Each block's 32 codes times its scale. */
export function unpackBlocks(bytes: Uint8Array): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const blocks = bytes.length / BLOCK_BYTES;
  return Float32Array.from({ length: blocks * CODES }, (_, i) => {
    const at = Math.floor(i / CODES) * BLOCK_BYTES;
    return f16ToF32(view.getUint16(at, true)) * view.getInt8(at + 2 + (i % CODES));
  });
}
