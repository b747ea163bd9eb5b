// Rotation: the angles by which positions turn queries and keys, and the factor on what they turn.
//
// Two rules depend on how long a text is. The length is chosen once, when a decoder opens: keys stay in
// the cache as they were turned, and a rule that changed midway would turn queries away from them.

import { type AngleProfile, ropeAngles, ropeFrequencies } from "../rope/mod.ts";
import type { RopeConfig } from "./rope-config.ts";

export class Rotation {
  /** What cosines and sines are multiplied by. */
  readonly scale: number;
  readonly #frequencies: Float64Array;
  readonly #profile: AngleProfile;

  /** `length`: the positions that a text may have. */
  constructor(rope: RopeConfig, length: number, profile: AngleProfile) {
    const { frequencies, scale } = ropeFrequencies({ ...rope, length });
    this.scale = scale;
    this.#frequencies = frequencies;
    this.#profile = profile;
  }

  /** Angles in radians of `count` positions: [count, dims / 2]. */
  angles(first: number, count: number): Float32Array {
    const positions = Array.from({ length: count }, (_, i) => first + i);
    return ropeAngles(this.#frequencies, positions, this.#profile);
  }
}
