// kv_pack_q8, plainly, one f32 operation after the other: the judge of every faster version.

import { f32ToF16 } from "../../src/tensor/mod.ts";

/** GGML's Q8_0 of `x`, whose length is a multiple of 32. Undefined where a block cannot hold it. */
export function packQ8(x: Float32Array): Uint8Array | undefined {
  const packed = new DataView(new ArrayBuffer((x.length / 32) * 34));
  for (let block = 0; block < x.length / 32; block++) {
    const values = [...x.subarray(32 * block, 32 * block + 32)];
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
