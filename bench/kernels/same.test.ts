import { expect, test } from "vitest";

import { requireSame } from "./same.ts";

test("requireSame() lets values differ by a ten-thousandth of the largest, and no more", () => {
  const ours = Float32Array.of(1, 100);
  expect(() => requireSame("x", ours, Float32Array.of(1.009, 100))).not.toThrow();
  expect(() => requireSame("x", ours, Float32Array.of(1.02, 100))).toThrow(/not the same work/);
  expect(() => requireSame("x", ours, Float32Array.of(NaN, 100))).toThrow(/not the same work/);
});

test("requireSame() allows f16 the bits that it lacks", () => {
  const ours = Float16Array.of(1, 4);
  expect(() => requireSame("x", ours, Float16Array.of(1.01, 4))).not.toThrow();
  expect(() => requireSame("x", ours, Float16Array.of(1.1, 4))).toThrow(/not the same work/);
});

test("requireSame() lets one packed byte in a thousand differ, and no more", () => {
  const ours = new Uint8Array(2000);
  const differing = (count: number) => ours.map((_, i) => (i < count ? 1 : 0));
  expect(() => requireSame("x", ours, differing(2))).not.toThrow();
  expect(() => requireSame("x", ours, differing(3))).toThrow(/not the same work/);
  expect(() => requireSame("x", ours, ours.subarray(1))).toThrow(/1999 values/);
});

test("requireSame() takes zeros as the same as zeros", () => {
  expect(() => requireSame("x", new Float32Array(2), new Float32Array(2))).not.toThrow();
});
