// What defineKernel() refuses of the hooks for checkpoints.

import { expect, test } from "vitest";
import { failureOf } from "../pack/failure-of.fixture.ts";
import { defineKernel } from "./define-kernel.ts";

test("`save` without `restore` is refused: nobody would read what it gives", () => {
  const refused = failureOf(() => defineKernel({ id: "half", on: [], save: () => 1 }));
  expect([refused.code, refused.at]).toEqual(["MESSAGE_INVALID", "kernel half"]);
  const whole = { id: "whole", on: [], save: () => 1, restore: () => 2 };
  expect(defineKernel(whole)).toBe(whole);
});
