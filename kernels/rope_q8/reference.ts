// rope in Q8_0 blocks, plainly: unpacked, turned in f64, packed: the judge of every faster version.

import { packQ8 } from "../kv_pack_q8/reference.ts";
import { unpackQ8 } from "../kv_unpack_q8/reference.ts";
import { rope, type RopeOptions, type RopeShape } from "../rope_f32/reference.ts";

/** The turned values, before they are packed anew. */
export function ropeQ8(
  blocks: Uint8Array,
  angles: Float32Array,
  shape: RopeShape,
  options: RopeOptions,
): Float64Array {
  return rope(unpackQ8(blocks)!, angles, shape, options);
}

export { packQ8, unpackQ8 };
