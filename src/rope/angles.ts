// Angles: position times frequency, as f32, in one of two profiles.
//
// exact: f64, less whole turns, then rounded: off by 2e-7 at any position. Without that, an f32 of the
// angle itself is off by 4e-3 at 131,071.
// hf-f32: an f32 frequency times an f32 position, rounded, as Hugging Face's model code has it. It is off
// by up to 2.4e-4 at position 4,096 and 7.8e-3 at 131,071, and gives what those models were run with.

import { Failure } from "../base/mod.ts";

export type AngleProfile = "exact" | "hf-f32";

/** Angles in radians, [positions, frequencies], for the input `freqs` of the rope kernels. */
export function ropeAngles(
  frequencies: Float64Array,
  positions: Iterable<number>,
  profile: AngleProfile = "exact",
): Float32Array<ArrayBuffer> {
  const rows = [...positions];
  const angles = new Float32Array(rows.length * frequencies.length);
  let at = 0;
  for (const position of rows) {
    if (!Number.isSafeInteger(position)) throw notAPosition(position);
    for (const frequency of frequencies)
      angles[at++] =
        profile === "exact"
          ? withoutTurns(position * frequency)
          : Math.fround(position) * Math.fround(frequency);
  }
  return angles;
}

const TURN = 2 * Math.PI;

/** The same direction, from -π to π. */
function withoutTurns(angle: number): number {
  return angle - Math.round(angle / TURN) * TURN;
}

function notAPosition(position: number): Failure {
  return new Failure("PARAM_INVALID", {
    at: "positions",
    found: String(position),
    expected: "whole numbers",
    fix: "Scale frequencies, not positions: a rule of RopeScaling does so.",
  });
}
