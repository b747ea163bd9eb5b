import { expect, test } from "vitest";
import { rotationAngles } from "./rotation.ts";

const HALF = 64;
const SHAPE = { headDim: 2 * HALF, ropeTheta: 10_000 };

test("rotationAngles() are directions of f64 accuracy, also far out", () => {
  const positions = 131_072;
  const angles = rotationAngles(SHAPE, positions);
  for (const position of [0, 1, 4096, 32_768, 131_071]) {
    for (let i = 0; i < HALF; i++) {
      const exact = position * 10_000 ** (-i / HALF);
      const angle = angles[position * HALF + i]!;
      expect(Math.abs(angle)).toBeLessThanOrEqual(Math.PI + 1e-6);
      expect(Math.abs(Math.cos(angle) - Math.cos(exact))).toBeLessThan(2e-7);
      expect(Math.abs(Math.sin(angle) - Math.sin(exact))).toBeLessThan(2e-7);
    }
  }
});
