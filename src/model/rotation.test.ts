import { expect, test } from "vitest";
import { Rotation } from "./rotation.ts";

const HALF = 64;
const ROPE = { dims: 2 * HALF, theta: 10_000, scaling: undefined };

test("Rotation.angles() are directions of f64 accuracy, also far out", () => {
  const rotation = new Rotation(ROPE, 131_072, "exact");
  for (const position of [0, 1, 4096, 32_768, 131_071]) {
    const angles = rotation.angles(position, 1);
    for (let i = 0; i < HALF; i++) {
      const exact = position * 10_000 ** (-i / HALF);
      expect(Math.abs(angles[i]!)).toBeLessThanOrEqual(Math.PI + 1e-6);
      expect(Math.abs(Math.cos(angles[i]!) - Math.cos(exact))).toBeLessThan(2e-7);
      expect(Math.abs(Math.sin(angles[i]!) - Math.sin(exact))).toBeLessThan(2e-7);
    }
  }
});

test("Rotation.angles() of consecutive positions are rows of one table", () => {
  const rotation = new Rotation(ROPE, 10, "exact");
  const rows = [4, 5, 6].flatMap((position) => [...rotation.angles(position, 1)]);
  expect([...rotation.angles(4, 3)]).toEqual(rows);
});

test("a rule that depends on the length is chosen once, by the length that was asked for", () => {
  const scaling = { rule: "dynamic", factor: 2, trained: 100 } as const;
  const [short, long] = [100, 101].map(
    (length) => new Rotation({ ...ROPE, scaling }, length, "exact"),
  );
  expect(short!.angles(99, 1)).toEqual(new Rotation(ROPE, 100, "exact").angles(99, 1));
  expect(long!.angles(7, 1)).not.toEqual(short!.angles(7, 1));
});
