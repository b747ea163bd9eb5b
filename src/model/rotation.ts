// Rotation: the angles by which positions turn queries and keys.

import type { ModelConfig } from "./config.ts";

/**
 * Angles in radians, [positions, headDim / 2]: position times theta^(-2i / headDim), in f64 and less
 * whole turns. An f32 of the full angle would be off by 4e-3 at 100,000; so it is off by 2e-7 at most.
 */
export function rotationAngles(
  { headDim, ropeTheta }: Pick<ModelConfig, "headDim" | "ropeTheta">,
  positions: number,
): Float32Array {
  const half = headDim / 2;
  const angles = new Float32Array(positions * half);
  for (let i = 0; i < half; i++) {
    const frequency = ropeTheta ** ((-2 * i) / headDim);
    for (let position = 0; position < positions; position++)
      angles[position * half + i] = withoutTurns(position * frequency);
  }
  return angles;
}

const TURN = 2 * Math.PI;

/** The same direction, from -π to π. */
function withoutTurns(angle: number): number {
  return angle - Math.round(angle / TURN) * TURN;
}
