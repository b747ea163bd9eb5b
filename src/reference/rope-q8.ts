// rope in Q8_0 blocks, plainly: unpacked, turned in f64, packed: the judge of every faster version.

import { assert, type Reference } from "../base/mod.ts";
import { KERNEL_CODES } from "../layout/mod.ts";
import { packQ8, unpackQ8 } from "./kv-q8.ts";
import { rope, ropeOptions, type RopeOptions, type RopeShape } from "./rope.ts";
import { bytesIn, bytesOut, dim, floatsIn } from "./tensors.ts";

/** The turned values, before they are packed anew. Every block must have a scale that is a number. */
export function ropeQ8(
  blocks: Uint8Array,
  angles: ArrayLike<number>,
  shape: RopeShape,
  options: RopeOptions,
): Float64Array {
  const x = unpackQ8(blocks);
  assert(x !== undefined, "the scale of every block is a number");
  return rope(x, angles, shape, options);
}

/** rope_q8. Blocks of a head in which nothing turns are copied as they are, whatever they hold. */
export const ropeQ8Reference: Reference = (call) => {
  const options = ropeOptions(call);
  if (options === undefined) return KERNEL_CODES.INVALID_PARAMS;
  const [blocks, half] = [dim(call, "blocks"), dim(call, "dim_half")];
  if (half > 16 * blocks) return KERNEL_CODES.INVALID_INPUT;
  const x = bytesIn(call, "x", "batch", "seq", "heads", "blocks", 34);
  const freqs = floatsIn(call, "freqs", "seq", "dim_half");
  if (x === undefined || freqs === undefined) return KERNEL_CODES.INVALID_INPUT;
  const y = bytesOut(call, "y", "batch", "seq", "heads", "blocks", 34);
  if (y === undefined) return KERNEL_CODES.INVALID_OUTPUT;

  const turning = Math.ceil(half / 16); // Blocks of a head.
  const [batch, seq, heads] = [dim(call, "batch"), dim(call, "seq"), dim(call, "heads")];
  const values = unpackQ8(firstOfRows(x, 34 * blocks, 34 * turning));
  if (values === undefined) return KERNEL_CODES.INVALID_INPUT;
  const turned = rope(values, freqs, { batch, seq, heads, dim: 32 * turning }, options);
  const packed = packQ8(Float32Array.from(turned));
  if (packed === undefined) return KERNEL_CODES.INVALID_INPUT;
  y.set(x);
  for (let row = 0; row < batch * seq * heads; row++)
    y.set(packed.subarray(row * 34 * turning, (row + 1) * 34 * turning), row * 34 * blocks);
  return KERNEL_CODES.OK;
};

/** The first `bytes` bytes of every row of `rowBytes`, end to end. */
function firstOfRows(rows: Uint8Array, rowBytes: number, bytes: number): Uint8Array {
  return rows.filter((_, at) => at % rowBytes < bytes);
}
